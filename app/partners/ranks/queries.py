"""Reading ranks and own rates: what a partner holds, how far the next rank is, and who holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, or_, select

from app.clients.models import Client
from app.core.db import get, session
from app.core.errors import NotFound
from app.partners import versions
from app.partners.ranks import measures
from app.partners.ranks.models import PartnerRank, PartnerRate, RankAssessment, RateStatus
from app.partners.ranks.terms import Measure, Rank, Ranks


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rank, and how far a partner is."""

    measure: Measure
    more_than: Decimal
    now: Decimal

    @property
    def is_met(self) -> bool:
        return self.now > self.more_than

    @property
    def percent(self) -> int:
        """How much of it is there, from 0 to 100."""
        if self.is_met:
            return 100
        return min(99, int(max(Decimal(0), self.now) * 100 / self.more_than)) if self.more_than else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A partner's rank now, what they are measured by at present, and what the next rank asks for."""

    ranks: Ranks
    rank: Rank
    since: datetime | None
    is_pinned: bool
    next_rank: Rank | None
    conditions: Sequence[Condition]
    measured: measures.Measured
    measured_from: datetime
    measures_lower: bool  # What is measured would give a lower rank than they hold.


def standing(partner_id: UUID, now: datetime) -> Standing | None:
    """Where a partner stands; None where the plan in force has no ranks."""
    version = versions.version_at(now)
    if version is None or version.plan.ranks is None:
        return None
    ranks = version.plan.ranks
    row = rank_at(partner_id, now)
    place = ranks.place(row.rank if row is not None else None)
    found = measures.measure(ranks.measuring, version.currency, now, [partner_id])
    measured = found.get(partner_id) or measures.nothing()
    following = ranks.ranks[place + 1] if place + 1 < len(ranks.ranks) else None
    conditions = [
        Condition(name, least, measured[name])
        for name, least in (following.more_than.items() if following is not None else ())
    ]
    rank = ranks.ranks[place]
    return Standing(
        ranks=ranks,
        rank=rank,
        since=row.valid_from if row is not None else None,
        is_pinned=row.is_pinned if row is not None else False,
        next_rank=following,
        conditions=conditions,
        measured=measured,
        measured_from=measures.window(ranks.measuring, now)[0],
        measures_lower=any(measured[name] <= least for name, least in rank.more_than.items()),
    )


def rank_at(partner_id: UUID, at: datetime) -> PartnerRank | None:
    """The rank that a partner holds at an instant; None for one who was never measured above the first."""
    return session().scalar(
        select(PartnerRank).where(
            PartnerRank.partner_id == partner_id, PartnerRank.valid_from <= at, PartnerRank.valid_to > at
        )
    )


def history(partner_id: UUID) -> list[PartnerRank]:
    """A partner's ranks over time, the newest first."""
    return list(
        session().scalars(
            select(PartnerRank)
            .where(PartnerRank.partner_id == partner_id, PartnerRank.valid_from < PartnerRank.valid_to)
            .order_by(PartnerRank.valid_from.desc())
        )
    )


def holders(rank: str, now: datetime, *, limit: int, offset: int = 0) -> tuple[list[tuple[PartnerRank, str, int]], int]:
    """Who holds a rank now (any, where none is named), the latest first: (rank, name, number). And how many."""
    held = [PartnerRank.valid_from <= now, PartnerRank.valid_to > now, *([PartnerRank.rank == rank] if rank else [])]
    rows = session().execute(
        select(PartnerRank, Client.name, Client.number)
        .join(Client, (Client.tenant_id == PartnerRank.tenant_id) & (Client.id == PartnerRank.partner_id))
        .where(*held)
        .order_by(PartnerRank.valid_from.desc(), PartnerRank.id)
        .limit(limit)
        .offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(PartnerRank).where(*held)) or 0
    return [(row[0], row.name, row.number) for row in rows], total


def counts(now: datetime) -> dict[str, int]:
    """How many partners hold each rank now."""
    rows = session().execute(
        select(PartnerRank.rank, func.count().label("holders"))
        .where(PartnerRank.valid_from <= now, PartnerRank.valid_to > now)
        .group_by(PartnerRank.rank)
    )
    return {row.rank: row.holders for row in rows}


def assessments(limit: int = 12) -> list[RankAssessment]:
    """When ranks were measured, the latest first."""
    return list(session().scalars(select(RankAssessment).order_by(RankAssessment.effective_from.desc()).limit(limit)))


def rate(rate_id: UUID) -> PartnerRate:
    """One own rate. Raises NotFound."""
    found = get(PartnerRate, rate_id)
    if found is None:
        raise NotFound
    return found


def rates_of(partner_id: UUID) -> list[PartnerRate]:
    """A partner's own rates, those that wait first, then the newest."""
    return list(
        session().scalars(
            select(PartnerRate)
            .where(PartnerRate.partner_id == partner_id)
            .order_by(PartnerRate.status != RateStatus.WAITING, PartnerRate.asked_at.desc())
        )
    )


def rates_in_force(partner_id: UUID, now: datetime) -> list[PartnerRate]:
    """The own rates that hold now."""
    return [row for row in rates_of(partner_id) if holds(row, now)]


def holds(row: PartnerRate, now: datetime) -> bool:
    """Whether an own rate holds at an instant."""
    return row.status is RateStatus.GIVEN and row.valid_from <= now < row.valid_to


def all_rates(
    status: str, now: datetime, *, limit: int, offset: int = 0
) -> tuple[list[tuple[PartnerRate, str, int]], int]:
    """Own rates of every partner: those that wait, those in force, or all. (rate, name, number), and how many."""
    in_force = (PartnerRate.status == RateStatus.GIVEN) & (PartnerRate.valid_from <= now) & (PartnerRate.valid_to > now)
    waiting = PartnerRate.status == RateStatus.WAITING
    wanted = {"waiting": waiting, "in_force": in_force, "": or_(waiting, in_force)}.get(status)
    narrowed = [wanted] if wanted is not None else []
    rows = session().execute(
        select(PartnerRate, Client.name, Client.number)
        .join(Client, (Client.tenant_id == PartnerRate.tenant_id) & (Client.id == PartnerRate.partner_id))
        .where(*narrowed)
        .order_by(PartnerRate.status != RateStatus.WAITING, PartnerRate.asked_at.desc(), PartnerRate.id)
        .limit(limit)
        .offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(PartnerRate).where(*narrowed)) or 0
    return [(row[0], row.name, row.number) for row in rows], total


def waiting_count() -> int:
    """How many own rates wait for a second person."""
    waiting = select(func.count()).select_from(PartnerRate).where(PartnerRate.status == RateStatus.WAITING)
    return session().scalar(waiting) or 0
