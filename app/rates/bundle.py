"""What a bundle says about rates: currencies that are pegged to a quoted one, at a rate the brand vouches for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.core.features import BundleSection
from app.rates import ecb
from app.tenancy.bundles.schema import Refused, Section


class Pegged(Section, frozen=True):
    """One pegged currency: `rate` of its units buy, and are bought for, one unit of `anchor`."""

    currency: str
    anchor: str
    rate: Decimal

    def __post_init__(self) -> None:
        if self.currency in ecb.current_currencies():
            raise Refused("currency", f"`{self.currency}` has a published reference rate and needs no peg.")
        if self.anchor not in ecb.current_currencies():
            raise Refused("anchor", f"`{self.anchor}` has no published reference rate to be pegged to.")
        if not Decimal("0.000001") <= self.rate <= Decimal(1_000_000):
            raise Refused("rate", f"`{self.rate}` is no sensible rate.")


class RatesBundle(Section, frozen=True):
    """`[rates]`. Without it a brand has the published currencies only."""

    pegged: tuple[Pegged, ...] = ()

    def __post_init__(self) -> None:
        codes = [peg.currency for peg in self.pegged]
        for code in codes:
            if codes.count(code) > 1:
                raise Refused("pegged", f"`{code}` is pegged twice.")

    @property
    def currencies(self) -> frozenset[str]:
        return frozenset(peg.currency for peg in self.pegged)


def wallets_without_rate(bundle: RatesBundle, tables: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """A wallet in a currency without a rate could be neither converted nor summed, so it is refused."""
    known = ecb.current_currencies() | bundle.currencies
    for number, code in enumerate(tables["currencies"].wallets):
        if code not in known:
            sentence = f"`{code}` has no rate: the central bank does not publish it, and [rates] does not peg it."
            yield f"currencies.wallets.{number}", sentence


SECTION = BundleSection(name="rates", type=RatesBundle, check_with=wallets_without_rate)
