"""From exact lines to whole minor units: what a settled day posts, and what it carries to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.kit.money import Money, Rounding, exponent, round_decimal
from app.partners.plan import Plan
from app.partners.rules.facts import Quote
from app.partners.rules.steps import product, quotient_step, total

REBATE_TRACKS = frozenset({"rebate", "cashback"})  # What traders get. Crumbs of it wait, they never vanish.
MODES = {"half_even": Rounding.HALF_EVEN, "down": Rounding.DOWN, "half_up": Rounding.HALF_UP}


@dataclass(frozen=True, slots=True)
class Posted:
    """What one beneficiary's day gives in one currency and track. `settled + carry_in - carry_out = posted`, always.

    `lines` are in the plan's currency, all else in the wallet's; `settled` is what the lines come to in it.
    """

    lines: Decimal
    carry_in: Decimal
    posted: Money
    carry_out: Decimal
    settled: Decimal


def post_day(
    amounts: Sequence[Decimal],
    carry_in: Decimal,
    plan: Plan,
    currency: str,
    *,
    track: str = "referral",
    wallet: Quote | None = None,
) -> Posted:
    """Round a day's lines as the plan says: the day's sum once with its carry, or every line by itself.

    With rounding line by line the difference is written as this day's carry and ends there. What a trader gets is
    always rounded once a day, and below the plan's `rebate_min` all of it is carried on. `wallet` is what the plan's
    currency is worth in another `currency`: the day's sum is converted once, to ten decimals, and the carry is in it.
    """
    mode, places = MODES[plan.rounding_mode], exponent(currency)
    exact = total(*amounts)
    lines = _converted(exact, wallet)
    is_rebate = track in REBATE_TRACKS
    if plan.rounding_scope == "line" and not is_rebate:
        posted = total(*(round_decimal(amount, exponent(plan.currency), mode) for amount in amounts))
        if wallet is not None:
            posted = round_decimal(_converted(posted, wallet), places, mode)
        return Posted(exact, Decimal(0), Money(posted, currency), total(lines, -posted), lines)
    due = total(carry_in, lines)
    least = plan.rebates.rebate_min if plan.rebates is not None else Decimal(0)
    is_waiting = is_rebate and abs(due) < _converted(least, wallet)
    posted = Decimal(0) if is_waiting else round_decimal(due, places, mode)
    return Posted(exact, carry_in, Money(posted, currency), total(due, -posted), lines)


def _converted(amount: Decimal, wallet: Quote | None) -> Decimal:
    """An amount in the currency of the wallet, by the quote itself and never by a rounded inverse of it."""
    return amount if wallet is None else quotient_step(product(amount, wallet.multiply), wallet.divide)
