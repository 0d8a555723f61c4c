"""The arithmetic of commission: exact products and quotients, rounded once, at named steps, to ten decimals.

The engine in SQL rounds at the same steps with functions of the same meaning, or the two would not agree:
`round_even(a * b, 10)`, `divide_even(a, b, 10)` and `divide_down(a, b, 10)`.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext

from app.kit.money import round_decimal

PLACES = 10
_EXACT = Context(prec=400, traps=[Inexact])  # Whoever multiplies here gets every digit or an error, never a guess.


def product(*factors: Decimal) -> Decimal:
    """The exact product."""
    result = Decimal(1)
    with localcontext(_EXACT):
        for factor in factors:
            result *= factor
    return result


def total(*terms: Decimal) -> Decimal:
    """The exact sum."""
    with localcontext(_EXACT):
        return sum(terms, Decimal(0))


def step(*factors: Decimal) -> Decimal:
    """A stored product: exact, then half-even to ten decimals."""
    return round_decimal(product(*factors), PLACES)


def _quotient(numerator: Decimal, denominator: Decimal) -> tuple[int, int, int]:
    """How many units of the last place fit (towards zero), what is left over, and out of how much."""
    above, below = product(numerator, Decimal(10**PLACES)).as_integer_ratio(), denominator.as_integer_ratio()
    dividend, divisor = above[0] * below[1], above[1] * below[0]
    sign = -1 if (dividend < 0) != (divisor < 0) else 1
    units, rest = divmod(abs(dividend), abs(divisor))
    return sign * units, rest, abs(divisor)


def quotient_step(numerator: Decimal, denominator: Decimal) -> Decimal:
    """A stored quotient, half-even to ten decimals. A tie is a true tie: no digit was lost before it is looked at."""
    units, rest, divisor = _quotient(numerator, denominator)
    away = 2 * rest > divisor or (2 * rest == divisor and units % 2 == 1)
    if away:
        units += 1 if (numerator < 0) == (denominator < 0) else -1
    return Decimal(units).scaleb(-PLACES)


def quotient_down(numerator: Decimal, denominator: Decimal) -> Decimal:
    """A stored quotient, towards zero: what a cap leaves must never add up to more than the cap."""
    return Decimal(_quotient(numerator, denominator)[0]).scaleb(-PLACES)
