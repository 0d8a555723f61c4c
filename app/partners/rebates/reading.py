"""From the plan editor's form to what a plan says about sharing and cashback, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from app.core.errors import Invalid
from app.core.forms import Form
from app.kit.text import _l
from app.partners.drafts.typed import PERCENT, decimal_of, number, plain
from app.partners.plan import CashbackRule, Match, Plan
from app.partners.rebates.terms import Rebates

SHARES = ("rebate_max", "give_max", "take_max")
EVERYTHING = "*"


def read_sharing(form: Form, before: Plan) -> dict[str, Any]:
    """What the form says. Raises Invalid that names the field."""
    return {"rebates": _read_rebates(form), "cashback": _read_cashback(form["cashback"].data, before)}


def fill_sharing(plan: Plan) -> dict[str, Any]:
    """What the form shows."""
    rebates = plan.rebates or Rebates()
    return {
        "has_rebates": plan.rebates is not None,
        "rebate_approval": rebates.approval,
        "rebate_min": plain(rebates.rebate_min),
        **{name: plain(getattr(rebates, name) * PERCENT) for name in SHARES},
        "cashback": "\n".join(
            f"{_label(rule)} {plain(rule.per_lot)} {plain(rule.max_per_event)}".rstrip() for rule in plan.cashback
        ),
    }


def _read_rebates(form: Form) -> Rebates | None:
    if not form["has_rebates"].data:
        return None
    usual = Rebates()

    def share(name: str) -> Decimal:
        default: Decimal = getattr(usual, name) * PERCENT
        return (number(form, name, default=default) or Decimal(0)) / PERCENT

    return Rebates(
        rebate_max=share("rebate_max"),
        approval=form["rebate_approval"].data,
        rebate_min=number(form, "rebate_min", default=usual.rebate_min) or Decimal(0),
        give_max=share("give_max"),
        take_max=share("take_max"),
    )


def _read_cashback(text: str | None, before: Plan) -> tuple[CashbackRule, ...]:
    """One rule in a line: a symbol pattern, or the name of a rule that looks at more, with its amount and its cap."""
    known = {_label(rule): rule for rule in before.cashback}
    found = []
    for line in (text or "").splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) not in (2, 3):
            raise Invalid(_l("Write a symbol, an amount per lot and perhaps a cap in each line."), field="cashback")
        label = parts[0]
        match = Match() if label == EVERYTHING else Match(symbols=(label,))
        rule = known.get(label) or CashbackRule(name=label, per_lot=Decimal(0), match=match)
        found.append(
            msgspec.structs.replace(
                rule,
                per_lot=decimal_of(parts[1], "cashback"),
                max_per_event=decimal_of(parts[2], "cashback") if len(parts) == 3 else None,
            )
        )
    return tuple(found)


def _label(rule: CashbackRule) -> str:
    """How a rule is called in its line."""
    if rule.match == Match():
        return EVERYTHING
    return rule.match.symbols[0] if rule.match == Match(symbols=rule.match.symbols[:1]) else "-".join(rule.name.split())
