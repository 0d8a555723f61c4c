"""The people below a partner: those they brought in, and sub-partners with what their networks traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.core.db import execute_sql, load_sql
from app.kit import clock
from app.kit.text import Message, _l
from app.partners.portal.queries import ACTIVE_DAYS

STAGES: Final[dict[str, Message]] = {
    "verified": _l("Verified"),
    "unverified": _l("Not verified"),
    "funded": _l("Funded"),
    "unfunded": _l("Not funded"),
    "active": _l("Active"),
    "inactive": _l("Not active"),
}


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom a list of people is narrowed to. `number` is how a client's number begins."""

    status: str = ""
    country: str = ""
    stage: str = ""
    number: str = ""
    only_partners: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """Somebody whom a partner brought in. Name and e-mail are whole: the page masks them."""

    client_id: UUID
    number: int
    name: str
    email: str
    status: str
    country: str
    kyc_level: int
    since: datetime
    brought_in: int
    god_rate: Decimal | None
    is_funded: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """What was traded in the last thirty days, and what a partner's lines on it come to, before anything is shared."""

    trades: int = 0
    lots: Decimal = Decimal(0)
    earned: Decimal = Decimal(0)
    people: int = 0


NOTHING: Final = Totals()


def own_people(partner_id: UUID, wanted: PeopleFilter, *, limit: int, offset: int = 0) -> tuple[list[Own], int]:
    """Those whom a partner brought in, the newest first, and how many there are."""
    given = {
        "partner_id": partner_id,
        "at": clock.business_now(),
        "since": _since(),
        "status": wanted.status,
        "country": wanted.country,
        "stage": wanted.stage,
        "number": wanted.number,
        "only_partners": wanted.only_partners,
    }
    rows = execute_sql(_listed("own_people_page"), limit=limit, offset=offset, **given).all()
    if offset == 0 and len(rows) < limit:
        count = len(rows)
    else:
        count = execute_sql(_listed("own_people_count"), **given).scalar_one()
    return [Own(**row._mapping) for row in rows], count


def countries_of(partner_id: UUID) -> list[str]:
    """Where those whom a partner brought in live."""
    rows = execute_sql(
        load_sql("app.partners", "portal/sql/own_countries.sql"), partner_id=partner_id, at=clock.business_now()
    )
    return list(rows.scalars())


def totals_of(partner_id: UUID, clients: Sequence[UUID]) -> dict[UUID, Totals]:
    """What each of some people traded themselves, for one partner's eyes. Who traded nothing is not in it."""
    rows = execute_sql(
        load_sql("app.partners", "portal/sql/level_totals.sql"),
        partner_id=partner_id,
        clients=list(clients),
        since=_since(),
    )
    return {row.client_id: Totals(row.trades, row.lots, row.earned) for row in rows}


def totals_below(partner_id: UUID, tops: Sequence[UUID]) -> dict[UUID, Totals]:
    """What each of some people and everybody below them traded. The work grows with the people below."""
    rows = execute_sql(
        load_sql("app.partners", "portal/sql/below_totals.sql"),
        partner_id=partner_id,
        tops=list(tops),
        at=clock.business_now(),
        since=_since(),
    )
    return {row.client_id: Totals(int(row.trades), row.lots, row.earned, row.people) for row in rows}


def _listed(name: str) -> str:
    listed = load_sql("app.partners", "portal/sql/own_people.sql")
    return load_sql("app.partners", f"portal/sql/{name}.sql").replace("/* include own_people */", listed)


def _since() -> datetime:
    return clock.business_now() - timedelta(days=ACTIVE_DAYS)
