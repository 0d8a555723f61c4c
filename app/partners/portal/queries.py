"""Reading links, clicks and what became of those who came by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import execute_sql, load_sql, session, tenant_id
from app.kit import clock
from app.partners.portal.models import CampaignLink, LinkRegistration, PartnerBanner

ACTIVE_DAYS: Final = 30
"""Somebody is active who closed a trade on a real account within so many days."""
PLAIN: Final = "plain"
"""The key of a partner's plain code, where links have their ids."""
By = Literal["link", "campaign", "day", "month", "partner", "all"]


@dataclass(frozen=True, slots=True)
class FunnelFilter:
    """Which clicks and registrations are counted: of one partner or all, of days, of one link. Days are inclusive."""

    day_from: date
    day_to: date
    partner_id: UUID | None = None
    link_id: UUID | None = None
    only_plain: bool = False
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """How many came how far. `key` is a link's id or `plain`, a campaign, a day, a month or a partner's id.

    The four counts after `clicks` are of people who signed up in the period, as they stand now.
    """

    key: str
    clicks: int
    registrations: int
    verified: int
    funded: int
    active: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One person who signed up by a code, and how far they have come."""

    client_id: UUID
    client_name: str
    client_number: int
    country: str
    partner_id: UUID
    partner_name: str
    partner_number: int
    link_name: str | None
    campaign: str
    business_date: date
    registered_at: datetime
    is_verified: bool
    is_funded: bool
    is_active: bool


def links_of(partner_id: UUID, *, with_hidden: bool = False) -> list[CampaignLink]:
    """A partner's links, the newest first."""
    statement = select(CampaignLink).where(CampaignLink.partner_id == partner_id)
    if not with_hidden:
        statement = statement.where(CampaignLink.closed_at.is_(None))
    return list(session().scalars(statement.order_by(CampaignLink.created_at.desc(), CampaignLink.id)))


def open_links_of(partner_id: UUID) -> int:
    """How many links a partner has on the list."""
    statement = select(func.count()).where(
        CampaignLink.tenant_id == tenant_id(),
        CampaignLink.partner_id == partner_id,
        CampaignLink.closed_at.is_(None),
    )
    return int(session().scalar(statement) or 0)


def link_by_code(code: str) -> CampaignLink | None:
    """The named link that a code belongs to; None for a plain code."""
    return session().scalar(select(CampaignLink).where(CampaignLink.code == code))


def link_names(link_ids: Sequence[UUID]) -> dict[UUID, CampaignLink]:
    """Links by their ids."""
    rows = session().scalars(select(CampaignLink).where(CampaignLink.id.in_(link_ids)))
    return {link.id: link for link in rows}


def add_registration(
    *, client_id: UUID, partner_id: UUID, link_id: UUID | None, business_date: date, registered_at: datetime
) -> None:
    """Note by whom and by what somebody came; what was noted first stays."""
    session().execute(
        insert(LinkRegistration)
        .values(
            tenant_id=tenant_id(),
            client_id=client_id,
            partner_id=partner_id,
            link_id=link_id,
            business_date=business_date,
            registered_at=registered_at,
        )
        .on_conflict_do_nothing()
    )


def funnel(wanted: FunnelFilter, by: By) -> list[Stage]:
    """The funnel in rows: each sum over the rows is what `total` answers."""
    rows = execute_sql(load_sql("app.partners", "portal/sql/funnel.sql"), by=by, **_given(wanted))
    return [Stage(**row._mapping) for row in rows]


def total(wanted: FunnelFilter) -> Stage:
    """The whole funnel as one row."""
    found = funnel(wanted, "all")
    return replace(found[0], key="") if found else Stage("", 0, 0, 0, 0, 0)


def forget_clicks(before: date, *, limit: int) -> int:
    """Delete clicks of days before one, at most so many, the oldest first. Answers how many."""
    done = execute_sql(
        "DELETE FROM link_click AS c USING ("
        " SELECT o.id FROM link_click AS o WHERE o.tenant_id = :tenant_id AND o.business_date < :before"
        " ORDER BY o.business_date LIMIT :limit"
        ") AS old WHERE c.tenant_id = :tenant_id AND c.id = old.id",
        before=before,
        limit=limit,
    )
    return done.rowcount


def arrivals(wanted: FunnelFilter, *, limit: int, offset: int = 0) -> tuple[list[Arrival], int]:
    """Those who signed up, the newest first, and how many there are."""
    rows = execute_sql(
        load_sql("app.partners", "portal/sql/arrivals.sql"), limit=limit, offset=offset, **_given(wanted)
    ).all()
    count = total(wanted).registrations
    return [Arrival(**row._mapping) for row in rows], count


def campaigns_of(partner_id: UUID | None) -> list[str]:
    """The campaigns that links name, in order."""
    statement = select(CampaignLink.campaign).where(CampaignLink.campaign != "").distinct()
    if partner_id is not None:
        statement = statement.where(CampaignLink.partner_id == partner_id)
    return list(session().scalars(statement.order_by(CampaignLink.campaign).limit(500)))


def banners(*, with_withdrawn: bool = False) -> list[PartnerBanner]:
    """The brand's banners, in the order of their names and sizes."""
    statement = select(PartnerBanner)
    if not with_withdrawn:
        statement = statement.where(PartnerBanner.withdrawn_at.is_(None))
    return list(
        session().scalars(
            statement.order_by(PartnerBanner.name, PartnerBanner.language, PartnerBanner.width, PartnerBanner.id)
        )
    )


def newest_batch() -> int:
    """The number of the tenant's last batch of deals; zero before the first."""
    found = execute_sql("SELECT batch_no FROM ingest_counter WHERE tenant_id = :tenant_id").scalar_one_or_none()
    return int(found or 0)


def alone_with_the_day() -> bool:
    """Whether nobody else computes the present day; holds it until the transaction ends."""
    return bool(execute_sql("SELECT pg_try_advisory_xact_lock(hashtext('day so far'), :tenant_id)").scalar_one())


def note_day(
    *, day: date, plan_number: int, batch_no: int, trades: int, computed_at: datetime, seconds: Decimal
) -> None:
    """Remember how far the present day has been computed."""
    execute_sql(
        "INSERT INTO day_so_far (tenant_id, business_date, plan_number, batch_no, trades, computed_at, seconds)"
        " VALUES (:tenant_id, :day, :plan_number, :batch_no, :trades, :computed_at, :seconds)"
        " ON CONFLICT (tenant_id) DO UPDATE SET business_date = excluded.business_date,"
        " plan_number = excluded.plan_number, batch_no = excluded.batch_no, trades = excluded.trades,"
        " computed_at = excluded.computed_at, seconds = excluded.seconds",
        day=day,
        plan_number=plan_number,
        batch_no=batch_no,
        trades=trades,
        computed_at=computed_at,
        seconds=seconds,
    )


def _given(wanted: FunnelFilter) -> dict[str, object]:
    return {
        "day_from": wanted.day_from,
        "day_to": wanted.day_to,
        "partner_id": wanted.partner_id,
        "link_id": wanted.link_id,
        "only_plain": wanted.only_plain,
        "campaign": wanted.campaign,
        "active_since": clock.business_now() - timedelta(days=ACTIVE_DAYS),
    }
