"""From the editor's fields about abuse to a plan, and back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.core.forms import Form
from app.partners.abuse.terms import AbuseTerms
from app.partners.plan import Plan

DETECTORS: Final = (
    "scalping", "hold_gaming", "empty_volume", "churning", "churn_intensity", "phantom_sub_partners", "clusters"
)  # fmt: skip


def read_abuse(form: Form, before: Plan) -> AbuseTerms:
    """Which detectors run. Their thresholds stay as they were."""
    changed = {
        name: msgspec.structs.replace(getattr(before.abuse, name), action=form[f"detect_{name}"].data)
        for name in DETECTORS
    }
    return msgspec.structs.replace(before.abuse, **changed)


def fill_abuse(plan: Plan) -> dict[str, Any]:
    """The same as the form shows it."""
    return {
        "hold_policy": plan.gates.hold_policy,
        **{f"detect_{name}": getattr(plan.abuse, name).action for name in DETECTORS},
    }
