"""The platform's numbers in our units, and back."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Final

DEFAULT_MONEY_DIGITS: Final = 2
CASH_TICKETS: Final = 10**18  # Deals, cash, credit and bonuses are counted apart there; here each has one ticket.
CREDIT_TICKETS: Final = 2 * 10**18
BONUS_TICKETS: Final = 3 * 10**18

_PRICE_STEP: Final = Decimal(100_000)


def money(amount: int, digits: int) -> Decimal:
    """An amount with its own number of decimals."""
    return Decimal(amount).scaleb(-digits)


def minor(amount: Decimal, digits: int) -> int:
    """An amount in the smallest unit of an asset. Raises ValueError when it is finer than that."""
    scaled = amount.scaleb(digits)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} is finer than {digits} decimals.")
    return whole


def usd_cents(amount: int) -> Decimal:
    """Markup is always in cents of a US dollar, whatever the account's money looks like."""
    return Decimal(amount).scaleb(-2)


def lots(volume: int, lot_size: int) -> Decimal:
    """Both are in hundredths of a unit of the base asset."""
    return (Decimal(volume) / lot_size).quantize(Decimal("0.00000001"))


def units(volume: int) -> Decimal:
    """Units of the base asset."""
    return Decimal(volume) / 100


def leverage(in_cents: int) -> int:
    """1:N as N; a fraction is dropped, as nothing of ours knows one."""
    return in_cents // 100


def price(value: float, digits: int) -> Decimal:
    """A price that travelled as a floating number, with the decimals of its instrument."""
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits))


def rate(value: float) -> Decimal:
    """A conversion rate as it was written."""
    return Decimal(repr(value))


def quoted(value: int) -> Decimal:
    """A price of a quote, which comes in hundred-thousandths."""
    return Decimal(value) / _PRICE_STEP


def secret_of(password: str) -> str:
    """What the platform takes instead of a password. It opens the same doors, so it is as secret."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
