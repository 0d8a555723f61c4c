"""What is wrong with what a plan says about sharing and cashback."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.plan import Plan

PER_LOT_MAX = Decimal(1000)
REBATE_MIN_MAX = Decimal(10_000)


def sharing_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """Pairs (dotted key, sentence)."""
    if plan.rebates is not None:
        for name in ("rebate_max", "give_max", "take_max"):
            share: Decimal = getattr(plan.rebates, name)
            if not (share.is_finite() and 0 <= share <= 1):
                yield f"rebates.{name}", _l("A share must be between 0 and 1.")
        least = plan.rebates.rebate_min
        if not (least.is_finite() and 0 <= least <= REBATE_MIN_MAX):
            yield "rebates.rebate_min", _l("This number must not be negative.")
    names = [rule.name for rule in plan.cashback]
    if len(set(names)) != len(names):
        yield "cashback", _l("Two rules of the cashback have the same name.")
    for rule in plan.cashback:
        if not (rule.per_lot.is_finite() and 0 <= rule.per_lot <= PER_LOT_MAX):
            yield (
                f"cashback.{rule.name}.per_lot",
                _l("The cashback for a lot must be between 0 and %(most)s.", most=f"{PER_LOT_MAX:f}"),
            )
        if rule.max_per_event is not None and not (rule.max_per_event.is_finite() and rule.max_per_event > 0):
            yield f"cashback.{rule.name}.max_per_event", _l("The cap of a rule must be above 0.")
