"""From the editor's fields about volume, periods and traits to a plan, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from app.core.errors import Invalid
from app.core.forms import Form
from app.kit.text import _l
from app.partners import versions
from app.partners.drafts.typed import number, plain, words
from app.partners.plan import Match, Plan
from app.partners.volume.terms import PeriodCaps

_PICKED = ("hedge_netting", "credit_coefficient", "equity_unknown", "negative_balance")
_TICKED = ("client_funded", "include_own_accounts", "include_sub_ib_accounts")


def read_gates(form: Form) -> dict[str, Any]:
    """Which volume and whose trades count. Raises Invalid that names the field."""
    return {
        "min_points": number(form, "min_points", default=Decimal(0)),
        "min_volume_lots": number(form, "min_volume_lots", default=Decimal(0)),
        "max_volume_lots": number(form, "max_volume_lots"),
        **{name: form[name].data for name in _PICKED},
        **{name: bool(form[name].data) for name in _TICKED},
    }


def read_period_caps(form: Form) -> PeriodCaps:
    """What one partner may earn in a period. Raises Invalid that names the field."""
    return PeriodCaps(
        per_day=number(form, "cap_per_day"),
        per_week=number(form, "cap_per_week"),
        per_month=number(form, "cap_per_month"),
        week_starts=form["week_starts"].data,
    )


def fill(plan: Plan) -> dict[str, Any]:
    """The same as the form shows it."""
    gates, caps = plan.gates, plan.caps.partner
    return {
        "min_points": plain(gates.min_points),
        "min_volume_lots": plain(gates.min_volume_lots),
        "max_volume_lots": plain(gates.max_volume_lots),
        "cap_per_day": plain(caps.per_day),
        "cap_per_week": plain(caps.per_week),
        "cap_per_month": plain(caps.per_month),
        "week_starts": caps.week_starts,
        "average_days": str(plan.average_days),
        **{name: getattr(gates, name) for name in (*_PICKED, *_TICKED)},
    }


def read_traits(form: Form) -> dict[str, Any]:
    """What a rule looks at beside symbol, class and group. Raises Invalid that names the field."""
    return {
        "account_types": words(form["account_types"].data),
        "platforms": words(form["platforms"].data),
        "countries": words((form["countries"].data or "").upper()),
        "account_currencies": words((form["account_currencies"].data or "").upper()),
        "closed_from": _instant(form, "closed_from"),
        "closed_to": _instant(form, "closed_to"),
    }


def fill_traits(match: Match) -> dict[str, Any]:
    """The same as the form shows it."""
    lists = {name: ", ".join(getattr(match, name)) for name in ("account_types", "platforms", "countries")}
    return {
        **lists,
        "account_currencies": ", ".join(match.account_currencies),
        "closed_from": _shown(match.closed_from),
        "closed_to": _shown(match.closed_to),
    }


def _instant(form: Form, name: str) -> datetime | None:
    """A date, which means the beginning of that settlement day, or a date and a time in UTC."""
    text = str(form[name].data or "").strip()
    if not text:
        return None
    try:
        if len(text) == 10:
            return versions.day_cut().start_of(date.fromisoformat(text))
        return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(_l("Write a date, or a date and a time: 2026-12-01 14:00."), field=name) from None


def _shown(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
