"""What the pages of the tree read from an address: a place in a list, and the instant as of which to look."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from flask import request

from app import tenancy
from app.kit import clock


def read_id(name: str) -> UUID | None:
    """An id in the query; None for what cannot be one."""
    try:
        return UUID(request.args.get(name, ""))
    except ValueError:
        return None


def read_level() -> int:
    """How deep in the open tree the asked rows stand; 1 where that cannot be read."""
    text = request.args.get("level", "")
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def read_instant(*, may_be_later: bool = False) -> tuple[datetime, str]:
    """The instant that `at` names in the tenant's own time, and the text to keep in links; now and "" without.

    A date alone means its first moment. Instants to come count only for readers who may see dated moves.
    """
    now = clock.business_now()
    text = request.args.get("at", "").strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return now, ""
    if found.tzinfo is None:
        found = found.replace(tzinfo=tenancy.current().timezone)
    if found.year < 1971 or found.year > 9000 or (found > now and not may_be_later):
        return now, ""
    return found, text


def instant_of_day(text: str) -> datetime | None:
    """The first moment of a day in the tenant's own time; None for what is no day."""
    try:
        day = datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None
    return datetime.combine(day, time(), tzinfo=tenancy.current().timezone)


def instant_of_text(text: str) -> datetime | None:
    """An instant that somebody wrote, in the tenant's own time; None for what is none."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=tenancy.current().timezone)
