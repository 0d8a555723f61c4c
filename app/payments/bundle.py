"""The `[payments]` section of a tenant's bundle: limits for each currency, the bank to wire to, the spread."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.core.features import BundleSection
from app.kit.money import Money, exponent
from app.payments import rules
from app.tenancy import service as tenancy
from app.tenancy.bundles.schema import Refused, Section


class BankSection(Section, frozen=True):
    """`bank = {…}` of a currency: where clients send their wires."""

    holder: str
    bank_name: str
    iban: str
    bic: str
    address: str = ""

    def __post_init__(self) -> None:
        problem = rules.iban_problem(rules.normalised_iban(self.iban))
        if problem is not None:
            raise Refused("iban", problem.in_english())
        if (problem := rules.bic_problem(self.bic)) is not None:
            raise Refused("bic", problem.in_english())


class CurrencyRules(Section, frozen=True):
    """`[[payments.currencies]]`. A payment of `second_person_from` or more needs two different people."""

    currency: str
    deposit_min: Decimal
    deposit_max: Decimal
    withdrawal_min: Decimal
    withdrawal_max: Decimal
    second_person_from: Decimal
    bank: BankSection

    def __post_init__(self) -> None:
        for low, high in (("deposit_min", "deposit_max"), ("withdrawal_min", "withdrawal_max")):
            if getattr(self, low) <= 0:
                raise Refused(low, "The least amount must be more than zero.")
            if getattr(self, high) < getattr(self, low):
                raise Refused(high, "The greatest amount is less than the least.")
        if self.second_person_from <= 0:
            raise Refused("second_person_from", "The amount from which two people decide must be more than zero.")
        for name in ("deposit_min", "deposit_max", "withdrawal_min", "withdrawal_max", "second_person_from"):
            places = -int(getattr(self, name).normalize().as_tuple().exponent)
            if places > exponent(self.currency):
                raise Refused(name, f"{self.currency} has at most {exponent(self.currency)} decimals.")

    def money(self, name: str) -> Money:
        """One of the limits as money."""
        return Money(getattr(self, name), self.currency)


class PaymentsSection(Section, frozen=True):
    """`[payments]`. `conversion_spread` is the share of a conversion that the brand keeps."""

    currencies: tuple[CurrencyRules, ...]
    conversion_spread: Decimal = Decimal("0.005")

    def __post_init__(self) -> None:
        names = [entry.currency for entry in self.currencies]
        if len(set(names)) != len(names):
            raise Refused("currencies", "A currency stands here twice.")
        if not 0 <= self.conversion_spread < Decimal("0.2"):
            raise Refused("conversion_spread", "The conversion spread is a share from 0 to below 0.2.")


def _check(section: PaymentsSection) -> Sequence[tuple[str, str]]:
    return [
        (f"currencies.{i}.currency", f"`{entry.currency}` is no currency code such as `USD`.")
        for i, entry in enumerate(section.currencies)
        if not entry.currency.isupper()
    ]


SECTION = BundleSection(name="payments", type=PaymentsSection, check=_check, required=True)


def offered() -> list[CurrencyRules]:
    """The currencies in which the bound tenant takes and pays money, in the order of its bundle."""
    tenant = tenancy.current()
    if not tenant.has_section("payments"):
        return []
    section: PaymentsSection = tenant.section("payments")
    return [entry for entry in section.currencies if entry.currency in tenant.currencies]


def rules_of(currency: str) -> CurrencyRules | None:
    """The limits of one currency, or None where it is not offered."""
    return next((entry for entry in offered() if entry.currency == currency), None)


def conversion_spread() -> Decimal:
    """The share of a conversion that the bound tenant keeps."""
    section: PaymentsSection = tenancy.current().section("payments")
    return section.conversion_spread
