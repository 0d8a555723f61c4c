"""How the funnel is read from an address, shown in rows, and written as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, cast
from uuid import UUID

from flask import Response

from app.clients import queries as clients
from app.kit import clock
from app.kit.csv import write_rows
from app.kit.text import Message, _l
from app.partners import versions
from app.partners.portal import queries
from app.partners.portal.models import CampaignLink
from app.partners.portal.queries import By, FunnelFilter, Stage

CSV_ROWS_MAX: Final = 100_000
DAYS: Final = 30
BY: Final[dict[str, Message]] = {
    "link": _l("By link"),
    "campaign": _l("By campaign"),
    "day": _l("By day"),
    "month": _l("By month"),
}
STAGES: Final[tuple[tuple[str, Message], ...]] = (
    ("clicks", _l("Clicks")),
    ("registrations", _l("Signed up")),
    ("verified", _l("Verified")),
    ("funded", _l("Funded")),
    ("active", _l("Active")),
)


def read_filter(values: Mapping[str, str], partner_id: UUID | None) -> FunnelFilter:
    """What the address asks for; without days, the last thirty. What cannot be read counts as not given."""
    today = versions.day_cut().day_of(clock.business_now())
    day_to = _day(values.get("to", "")) or today
    day_from = _day(values.get("from", "")) or day_to - timedelta(days=DAYS - 1)
    link = values.get("link", "")
    return FunnelFilter(
        day_from=min(day_from, day_to),
        day_to=day_to,
        partner_id=partner_id,
        link_id=_id(link),
        only_plain=link == queries.PLAIN,
        campaign=values.get("campaign", "")[:60] or None,
    )


def read_by(values: Mapping[str, str], *, extra: tuple[str, ...] = ()) -> By:
    """Into which rows the address divides the funnel."""
    asked = values.get("by", "")
    return cast(By, asked) if asked in (*BY, *extra) else cast(By, extra[0] if extra else "link")


def whole_life(link: CampaignLink) -> FunnelFilter:
    """Everything that a link has brought."""
    today = versions.day_cut().day_of(clock.business_now())
    first = min(link.created_at.date(), today) - timedelta(days=1)  # A day of the brand may bear yesterday's date.
    return FunnelFilter(first, today + timedelta(days=1), partner_id=link.partner_id, link_id=link.id)


def context(wanted: FunnelFilter, by: By) -> dict[str, Any]:
    """The rows of the funnel and what they are called, for a page."""
    rows = queries.funnel(wanted, by)
    return {
        "wanted": wanted,
        "by": by,
        "by_labels": BY,
        "stage_labels": STAGES,
        "stages": rows,
        "names": names_of(rows, by),
        "total": queries.total(wanted),
        "active_days": queries.ACTIVE_DAYS,
        "plain_key": queries.PLAIN,
    }


def names_of(rows: list[Stage], by: By) -> dict[str, str]:
    """What the keys of rows are called, where a name is not the key itself."""
    if by == "link":
        ids = [UUID(row.key) for row in rows if row.key != queries.PLAIN]
        return {str(link_id): link.name for link_id, link in queries.link_names(ids).items()}
    if by == "partner":
        found = clients.names_of(UUID(row.key) for row in rows)
        return {str(client_id): name for client_id, (name, _number) in found.items()}
    return {}


def stages_csv(wanted: FunnelFilter, by: By) -> Response:
    """The funnel's rows as a file."""
    rows = queries.funnel(wanted, by)
    names = names_of(rows, by)
    columns = (by, "clicks", "registrations", "verified", "funded", "active")
    lines = [
        (names.get(row.key, row.key), row.clicks, row.registrations, row.verified, row.funded, row.active)
        for row in rows
    ]
    return _file(write_rows(columns, lines), "funnel.csv")


def arrivals_csv(wanted: FunnelFilter, *, shown_name: Callable[[str], str], with_partner: bool = False) -> Response:
    """Everybody behind the funnel's figures as a file."""
    rows, _count = queries.arrivals(wanted, limit=CSV_ROWS_MAX)
    columns = ("day", "registered_at", "client_number", "client", "link", "campaign", "verified", "funded", "active")
    lines = [
        (
            row.business_date.isoformat(),
            row.registered_at.isoformat(),
            row.client_number,
            shown_name(row.client_name),
            row.link_name or "",
            row.campaign,
            int(row.is_verified),
            int(row.is_funded),
            int(row.is_active),
            *((row.partner_number, row.partner_name) if with_partner else ()),
        )
        for row in rows
    ]
    more = ("partner_number", "partner") if with_partner else ()
    return _file(write_rows((*columns, *more), lines), "signed-up.csv")


def _file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + text, mimetype="text/csv; charset=utf-8", headers=headers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
