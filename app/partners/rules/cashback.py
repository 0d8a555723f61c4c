"""What the broker pays the trader of a closed trade: an amount for every lot that counts, before any partner is paid.

The trader needs no sponsor for it. A cap on the whole trade holds for it first; partners share what it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from app.partners.plan import CashbackRule
from app.partners.rules.facts import Facts, ReasonCode
from app.partners.rules.steps import quotient_down, step, total

TRACK: Final = "cashback"
Limit = tuple[Decimal, str]


@dataclass(frozen=True, slots=True)
class Cashback:
    """The trader's own line, or with `reason` why there is none."""

    rate: Decimal
    rule: str
    amount_before_cap: Decimal
    amount: Decimal
    cap: str = ""
    held_for: tuple[ReasonCode, ...] = ()
    reason: ReasonCode | None = None
    gates: tuple[ReasonCode, ...] = ()


def cashback_of(
    rule: CashbackRule | None, lots: Decimal, gates: Sequence[ReasonCode], facts: Facts, limit: Limit | None
) -> Cashback:
    """The trader's line under a rule; without one the reason is that no rule fits. `gates` are those of the trade."""
    failing = tuple(code for code in gates if code is not ReasonCode.BEFORE_ATTRIBUTION)
    rate = rule.per_lot if rule is not None else Decimal(0)
    before = step(rate, lots)
    found = Cashback(rate, rule.name if rule is not None else "", before, before)
    if rule is not None and rule.max_per_event is not None and before > rule.max_per_event:
        found = replace(found, amount=rule.max_per_event, cap="event")
    if failing:
        return replace(found, amount=Decimal(0), reason=failing[0], gates=failing)
    if before == 0:
        return replace(found, reason=ReasonCode.ZERO_AMOUNT)
    if limit is not None and found.amount > limit[0]:
        reduced = quotient_down(limit[0], Decimal(1))
        if reduced == 0:
            return replace(found, amount=Decimal(0), reason=ReasonCode.CAP_REACHED)
        found = replace(found, amount=reduced, cap=limit[1])
    held = (ReasonCode.FRAUD_HOLD,) if facts.verdict == "hold" else ()
    return replace(found, held_for=held)


def limit_after(limit: Limit | None, cashback: Cashback | None) -> Limit | None:
    """What a cap on the whole trade leaves for the partners."""
    if limit is None or cashback is None or cashback.reason is not None:
        return limit
    return total(limit[0], -cashback.amount), limit[1]
