"""What a reader does with an explanation: type the shown numbers into a calculator."""

from __future__ import annotations

from decimal import Decimal

from app.kit.money import Rounding, round_decimal
from app.partners.portal.sums import Sum
from app.partners.rules.steps import quotient_down, quotient_step


def by_hand(one: Sum) -> Decimal:
    """What a reader gets who types the shown numbers into a calculator, and rounds as the page says."""
    exact, divisor = Decimal(0), Decimal(1)
    is_sum = any(operator in ("+", "−") for operator, _ in one.shown_parts)
    if is_sum:
        for operator, number in one.shown_parts:
            exact += -number if operator == "−" else number
    else:
        exact = Decimal(1)
        for operator, number in one.shown_parts:
            if operator == "÷":
                divisor *= number
            else:
                exact *= number
    if isinstance(one.rounding, Rounding):
        return round_decimal(exact, one.places, one.rounding)
    return quotient_down(exact, divisor) if one.rounding == "down" else quotient_step(exact, divisor)
