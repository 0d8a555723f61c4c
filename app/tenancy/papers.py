"""What every statement shares: whole days of a brand, the brand's printed sheet, and how a file leaves the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response
from flask_babel import get_locale, get_timezone

from app.core.errors import Invalid
from app.kit import clock
from app.kit.money import exponent
from app.kit.text import Message, _l
from app.tenancy import service as tenancy
from app.ui.branding import Branding
from app.ui.pdf import Sheet

SPAN_MAX: Final = timedelta(days=366)
MONTHS_OFFERED: Final = 6


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a time zone, both included."""

    first: date
    last: date
    timezone: ZoneInfo

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.first, time(), self.timezone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The instant at which the day after the last one begins."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.timezone).astimezone(UTC)


def period(first: date, last: date, timezone: ZoneInfo) -> Period:
    """A period that a statement may cover. Raises Invalid that names the field."""
    if last < first:
        raise Invalid(_l("The last day lies before the first one."), field="to")
    if last - first > SPAN_MAX:
        raise Invalid(_l("A statement covers at most a year."), field="to")
    return Period(first, last, timezone)


def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's month."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following - timedelta(days=1)


def today() -> tuple[date, ZoneInfo]:
    """The brand's business day and its time zone."""
    timezone = tenancy.current().timezone
    return clock.business_now().astimezone(timezone).date(), timezone


def this_month() -> Period:
    """The month that runs now."""
    day, timezone = today()
    return Period(*month_of(day), timezone)


def read_period(asked: Mapping[str, str]) -> Period:
    """The period that an address asks for (`from`, `to`), in the brand's days; this month without one. Raises Invalid
    that names the field."""
    default = this_month()
    first = read_day(asked.get("from", "")) or default.first
    last = read_day(asked.get("to", "")) or max(first, default.last)
    return period(first, last, default.timezone)


def presets() -> list[dict[str, Any]]:
    """The last months, newest first: what is asked for most."""
    day, _ = today()
    found = []
    for _number in range(MONTHS_OFFERED):
        first, last = month_of(day)
        found.append({"year": first.year, "month": first.month, "from": first.isoformat(), "to": last.isoformat()})
        day = first - timedelta(days=1)
    return found


def read_day(text: str) -> date | None:
    """A day as an address gives it; None for what is no day of this age."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None


def read_instant(asked: Mapping[str, str], name: str = "at") -> tuple[datetime | None, Message | None]:
    """An instant that an address asks for, in the reader's time zone, and what is wrong with it. A day alone means its
    last moment; nothing asked is no instant."""
    text = asked.get(name, "").strip()
    if not text:
        return None, None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None, _l("Choose a day and a time.")
    if not 1990 <= found.year <= 2200:
        return None, _l("Choose a day and a time.")
    if len(text) == len("2026-11-25"):
        found = datetime.combine(found.date(), time.max)
    if found.tzinfo is None:
        found = found.replace(tzinfo=get_timezone() or tenancy.current().timezone)
    return found.astimezone(UTC), None


def instant_for_field(at: datetime) -> str:
    """An instant as a date and time field of a page shows it, in the reader's time zone."""
    return at.astimezone(get_timezone() or tenancy.current().timezone).strftime("%Y-%m-%dT%H:%M")


def sheet(title: str) -> Sheet:
    """An empty printed document of the present brand, in the reader's language."""
    tenant = tenancy.current()
    look, company = tenant.branding, tenant.company
    return Sheet(
        title,
        Branding(look.primary, look.accent, look.sidebar, look.radius, look.font),
        tenant.name,
        f"{company.legal_name}, {company.address}".strip(", "),
        locale=str(get_locale()),
    )


def exact(amount: Decimal, currency: str) -> str:
    """An amount for machines: at least the currency's decimals, and more where it is finer."""
    places = max(exponent(currency), -int(amount.normalize().as_tuple().exponent))
    return f"{amount:.{places}f}"


def file_response(body: str | bytes, name: str, kind: str) -> Response:
    """A file to keep, that nobody on the way may."""
    response = Response(body, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
