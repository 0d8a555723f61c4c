"""From the plan editor's form to what a plan says about payouts and long holds, and back."""

from __future__ import annotations

from typing import Any

from app.core.errors import Invalid
from app.core.forms import Form
from app.kit.text import _l
from app.partners.drafts.typed import number, plain, whole
from app.partners.payouts.terms import AMOUNTS, METHODS, PayoutTerms
from app.partners.plan import Plan


def read_payouts(form: Form, before: Plan) -> dict[str, Any]:
    """What the form says. Raises Invalid that names the field."""
    methods = tuple(name for name in METHODS if form[f"payout_{name}"].data)
    if not methods:
        raise Invalid(_l("Offer at least one way of payout."), field="payout_wallet")
    return {
        "payouts": PayoutTerms(methods=methods, **{name: number(form, f"payout_{name}") for name in AMOUNTS}),
        "max_hold_days": whole(form, "max_hold_days", before.max_hold_days),
        "release_target": form["release_target"].data,
    }


def fill_payouts(plan: Plan) -> dict[str, Any]:
    """What the form shows."""
    return {
        **{f"payout_{name}": name in plan.payouts.methods for name in METHODS},
        **{f"payout_{name}": plain(getattr(plan.payouts, name)) for name in AMOUNTS},
        "max_hold_days": str(plan.max_hold_days),
        "release_target": plan.release_target,
    }
