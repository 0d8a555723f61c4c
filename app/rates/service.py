"""Rates between currencies, each with its source and its instant; and conversion by them.

Published quotes are against the euro; any other pair is crossed through it. A tenant's bundle adds pegged currencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext

from app import tenancy
from app.core.errors import DomainError
from app.kit import clock
from app.kit.money import Money, Rounding, exponent, round_decimal
from app.kit.text import _l
from app.rates import ecb, queries
from app.rates.bundle import Pegged, RatesBundle

PLACES = 10  # A rate that is shown or stored; conversion itself uses the exact fraction.


class RateUnknown(DomainError):
    """No rate connects these two currencies at that time."""

    status_code = 409
    message = _l("There is no exchange rate from %(base)s to %(quote)s for this time.")


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units of `quote` one unit of `base` is worth: `numerator / denominator`, and `value` to ten decimals.

    Conversion multiplies by the one and divides by the other, so that no rounded inverse enters an amount.
    """

    base: str
    quote: str
    numerator: Decimal
    denominator: Decimal
    source: str
    at: datetime

    @property
    def value(self) -> Decimal:
        with localcontext() as context:
            context.prec = 50
            return round_decimal(self.numerator / self.denominator, PLACES)

    def exact(self, amount: Decimal) -> Decimal:
        """`amount` of `base` in `quote`, to fifty significant digits."""
        with localcontext() as context:
            context.prec = 50
            return amount * self.numerator / self.denominator

    def convert(self, money: Money, mode: Rounding = Rounding.HALF_EVEN) -> Money:
        """`money` of `base` as money of `quote`, rounded once, to the smallest unit."""
        if money.currency != self.base:
            raise ValueError(f"{money.currency} cannot be converted by a rate from {self.base}.")
        return Money(round_decimal(self.exact(money.amount), exponent(self.quote), mode), self.quote)


@dataclass(frozen=True, slots=True)
class _Leg:
    """One currency against the euro: how many units one euro buys, as a product."""

    anchor: str  # The published currency that the quote is of.
    per_euro: Decimal
    peg: Decimal
    quoted_on: date | None  # None: the euro against itself, true on any day.


def rate(base: str, quote: str, at: datetime | None = None) -> Rate:
    """The middle rate at the instant `at` (now on the tenant's business clock): the last quoted on or before its day.

    Raises RateUnknown when a currency has no quote by then. `at` of the answer is the day of the older quote used.
    """
    instant = at or clock.business_now()
    if instant.tzinfo is None:
        raise ValueError("An instant carries its time zone.")
    if base == quote:
        return Rate(base, quote, Decimal(1), Decimal(1), "identity", instant)
    day = instant.astimezone(UTC).date()
    pegs = {peg.currency: peg for peg in _pegged()}
    sold, bought = _leg(base, day, pegs), _leg(quote, day, pegs)
    if sold is None or bought is None:
        raise RateUnknown(base=base, quote=quote)
    if sold.anchor == bought.anchor:  # The published quote cancels out: only pegs remain.
        return Rate(base, quote, bought.peg, sold.peg, "pegged", instant)
    days = [leg.quoted_on for leg in (sold, bought) if leg.quoted_on is not None]
    source = ecb.SOURCE if sold.peg == bought.peg == 1 else f"{ecb.SOURCE}+pegged"
    quoted_at = datetime.combine(min(days), time(), UTC)
    with localcontext() as context:
        context.prec = 50
        return Rate(base, quote, bought.per_euro * bought.peg, sold.per_euro * sold.peg, source, quoted_at)


def convert(money: Money, currency: str, at: datetime | None = None, mode: Rounding = Rounding.HALF_EVEN) -> Money:
    """`money` in another currency at the middle rate of that time. Raises RateUnknown."""
    return rate(money.currency, currency, at).convert(money, mode)


def currencies() -> tuple[str, ...]:
    """Every currency that has a rate for the bound tenant today, in alphabetical order."""
    return tuple(sorted(ecb.current_currencies() | {peg.currency for peg in _pegged()}))


def load_reference_rates() -> int:
    """Store what the shipped history says and answer how many rows are new or corrected; a second time, none."""
    return queries.store_quotes(ecb.quotes())


def _pegged() -> tuple[Pegged, ...]:
    tenant = tenancy.current()
    if not tenant.has_section("rates"):
        return ()
    section: RatesBundle = tenant.section("rates")
    return section.pegged


def _leg(currency: str, day: date, pegs: dict[str, Pegged]) -> _Leg | None:
    peg = pegs.get(currency)
    anchor, factor = (peg.anchor, peg.rate) if peg is not None else (currency, Decimal(1))
    if anchor == ecb.EURO:
        return _Leg(anchor, Decimal(1), factor, None)
    quote = queries.quote_on_or_before(anchor, day)
    return None if quote is None else _Leg(anchor, quote[0], factor, quote[1])
