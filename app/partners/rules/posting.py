"""From exact lines to whole minor units: what a settled day posts, and what it carries to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.kit.money import Money, Rounding, exponent, round_decimal
from app.partners.plan import Plan
from app.partners.rules.steps import total

REBATE_TRACKS = frozenset({"rebate", "cashback"})  # What traders get. Crumbs of it wait, they never vanish.
MODES = {"half_even": Rounding.HALF_EVEN, "down": Rounding.DOWN, "half_up": Rounding.HALF_UP}


@dataclass(frozen=True, slots=True)
class Posted:
    """What one beneficiary's day gives in one currency and track. `lines + carry_in - carry_out = posted`, always."""

    lines: Decimal
    carry_in: Decimal
    posted: Money
    carry_out: Decimal


def post_day(
    amounts: Sequence[Decimal], carry_in: Decimal, plan: Plan, currency: str, *, track: str = "referral"
) -> Posted:
    """Round a day's lines as the plan says: the day's sum once with its carry, or every line by itself.

    With rounding line by line the difference is written as this day's carry and ends there. What a trader gets is
    always rounded once a day, and below the plan's `rebate_min` all of it is carried on.
    """
    mode, places = MODES[plan.rounding_mode], exponent(currency)
    lines = total(*amounts)
    is_rebate = track in REBATE_TRACKS
    if plan.rounding_scope == "line" and not is_rebate:
        posted = total(*(round_decimal(amount, places, mode) for amount in amounts))
        return Posted(lines, Decimal(0), Money(posted, currency), total(lines, -posted))
    due = total(carry_in, lines)
    is_waiting = is_rebate and plan.rebates is not None and abs(due) < plan.rebates.rebate_min
    posted = Decimal(0) if is_waiting else round_decimal(due, places, mode)
    return Posted(lines, carry_in, Money(posted, currency), total(due, -posted))
