"""What the brand's referral programme adds to the gates of a plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.partners.plan import Plan
from app.referrals.bundle import settings


def programme_gates(plan: Plan, as_of: datetime) -> dict[str, Any]:
    """Who takes part as of an instant, and where nobody is paid, as parameters of the settlement's `freeze_gates`."""
    rules = settings()
    return {
        "joins_open": rules.join == "open",
        "as_of": as_of,
        "countries_denied": sorted({*plan.gates.countries_denied, *rules.countries_denied}),
    }
