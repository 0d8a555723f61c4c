"""Money: a Decimal amount with its currency, and the one place where amounts are rounded.

In the ledger an amount is a whole number of minor units; the exponent belongs to the currency for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from enum import Enum
from functools import total_ordering

from app.kit.text import Message, _l

# ISO 4217 currencies whose minor unit is not a hundredth, and the assets that the product knows.
_EXPONENTS = {
    "JPY": 0, "KRW": 0, "ISK": 0, "VND": 0, "CLP": 0, "PYG": 0, "UGX": 0, "XAF": 0, "XOF": 0,
    "BHD": 3, "KWD": 3, "OMR": 3, "JOD": 3, "TND": 3, "IQD": 3, "LYD": 3,
    "USDT": 6, "USDC": 6, "TRX": 6, "BTC": 8, "ETH": 9,
}  # fmt: skip
_MAX_MINOR = 10**17  # Well inside bigint, so that a sum of many wallets still fits.
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫", "01234567890123456789.")


class Rounding(Enum):
    """How a quotient becomes a shorter number. The mode is stated at every call."""

    HALF_EVEN = ROUND_HALF_EVEN
    DOWN = ROUND_DOWN
    HALF_UP = ROUND_HALF_UP


def exponent(currency: str) -> int:
    """How many decimals the currency's smallest unit has: 2 for USD, 0 for JPY, 6 for USDT."""
    return _EXPONENTS.get(currency, 2)


def round_decimal(value: Decimal, places: int, mode: Rounding = Rounding.HALF_EVEN) -> Decimal:
    """`value` to `places` decimals. Its twin in SQL is `round_even`."""
    with localcontext() as context:
        context.prec = 60
        return value.quantize(Decimal(1).scaleb(-places), rounding=mode.value)


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency, never finer than the currency's smallest unit.

    Raises ValueError when built finer than that, and when two currencies are mixed.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        places = exponent(self.currency)
        shown = round_decimal(self.amount, places)
        if shown != self.amount:
            raise ValueError(f"{self.amount} {self.currency} is finer than the currency's smallest unit.")
        object.__setattr__(self, "amount", shown)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Money:
        """An amount from whole minor units, as the ledger stores it."""
        return cls(Decimal(minor).scaleb(-exponent(currency)), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in a currency."""
        return cls(Decimal(0), currency)

    @property
    def minor(self) -> int:
        """The amount in whole minor units."""
        return int(self.amount.scaleb(exponent(self.currency)))

    @property
    def is_zero(self) -> bool:
        return self.amount == 0

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be mixed.")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


def round_money(amount: Decimal, currency: str, mode: Rounding) -> Money:
    """An exact figure brought to the currency's smallest unit, in the stated mode."""
    return Money(round_decimal(amount, exponent(currency), mode), currency)


def split_by_weight(total: Money, weights: Sequence[Decimal]) -> list[Money]:
    """Share `total` in proportion to `weights`; the parts always sum to it. A weight of zero gets nothing.

    Left-over minor units go to the largest remainders, earlier parts first. ValueError without a positive weight.
    """
    whole = sum(weights, Decimal(0))
    if whole <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("At least one weight must be positive and none negative.")
    sign = -1 if total.minor < 0 else 1
    units = abs(total.minor)
    with localcontext() as context:
        context.prec = 60
        exact = [units * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted((i for i, w in enumerate(weights) if w), key=lambda i: (parts[i] - exact[i], i))
    for i in range(units - sum(parts)):
        parts[order[i % len(order)]] += 1
    return [Money.from_minor(sign * part, total.currency) for part in parts]


class AmountError(ValueError):
    """The text is no amount that may be used. `message` says why, for the reader."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.in_english())
        self.message = message


def parse_amount(text: str, currency: str) -> Money:
    """A positive amount as a person types it, with a point as decimal sign; Arabic-Indic digits are understood.

    Raises AmountError when it is empty, no number, zero or negative, too large, or finer than the currency allows.
    """
    cleaned = text.translate(_DIGITS).replace("٬", "").replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    if cleaned.count(",") == 1 and "." not in cleaned and len(cleaned.rpartition(",")[2]) != 3:
        cleaned = cleaned.replace(",", ".")
    cleaned = cleaned.replace(",", "") if _groups_of_three(cleaned) else cleaned
    if not cleaned:
        raise AmountError(_l("Enter an amount."))
    if not all(c in "0123456789.+-" for c in cleaned):
        raise AmountError(_l("Enter the amount in digits, for example 250.00."))
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        raise AmountError(_l("Enter the amount in digits, for example 250.00.")) from None
    if amount <= 0:
        raise AmountError(_l("The amount must be more than zero."))
    places = exponent(currency)
    if -amount.as_tuple().exponent > places:  # type: ignore[operator]  # Digits only, so the exponent is a number.
        if places == 0:
            raise AmountError(_l("%(currency)s has no decimals.", currency=currency))
        raise AmountError(_l("%(currency)s has at most %(places)s decimals.", currency=currency, places=places))
    if amount.scaleb(places) > _MAX_MINOR:
        raise AmountError(_l("The amount is too large."))
    return Money(amount, currency)


def _groups_of_three(text: str) -> bool:
    whole = text.partition(".")[0]
    first, *rest = whole.split(",")
    return bool(rest) and 1 <= len(first) <= 3 and all(len(group) == 3 for group in rest)
