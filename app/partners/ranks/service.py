"""Ranks: measured at the start of every month, or set by hand. Rates of partners' own: asked for, agreed to, ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor, system_actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners import versions
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import Plan
from app.partners.ranks import measures
from app.partners.ranks.models import PartnerRank, PartnerRate, RankAssessment, RankOrigin, RateStatus
from app.partners.ranks.terms import Ranks
from app.partners.rules.own import highest_reached
from app.partners.settlement.facts import alone
from app.referrals.rules import FOREVER

BY = system_actor("ranks")
PER_LOT_MAX = Decimal(1000)
RANKS_MAX = 20
_INSTANT = timedelta(milliseconds=1)


class NoRanks(DomainError):
    status_code = 422
    message = _l("The plan in force has no ranks.")


class OwnRequest(DomainError):
    """Whoever asks for a rate never agrees to it."""

    status_code = 422
    message = _l("You asked for this rate. Another person must agree to it.")


class RateDecided(Conflict):
    message = _l("Somebody has already decided this rate.")


def assess_due(until: datetime | None = None) -> RankAssessment | None:
    """Measure the ranks of the month in which `until` lies (now, unless said), once its last month is settled.

    None when that was done before, when nothing is settled that far, or when the plan has no ranks. Runs in the
    caller's transaction; the ranks hold from the start of the month on, and no line that is settled changes.
    """
    at = until or clock.business_now()
    month = measures.month_of(at)
    version = versions.version_at(at)
    if version is None or version.plan.ranks is None:
        return None
    before = versions.version_at(month)
    is_new = before is None or before.plan.ranks is None
    effective_from = version.effective_from if is_new else month
    alone()
    if session().get(RankAssessment, (version.tenant_id, effective_from)) is not None:
        return None
    newest = session().scalar(select(SettlementRun).order_by(SettlementRun.business_date.desc()).limit(1))
    if newest is None or newest.day_end < effective_from or (newest.day_end == effective_from and not newest.is_proved):
        return None
    return _assess(version, version.plan.ranks, month, effective_from)


def _assess(version: PlanVersion, ranks: Ranks, until: datetime, effective_from: datetime) -> RankAssessment:
    measured = measures.measure(ranks.measuring, version.currency, until)
    standing = {
        row.partner_id: row
        for row in session().scalars(
            select(PartnerRank).where(PartnerRank.valid_from <= effective_from, PartnerRank.valid_to > effective_from)
        )
    }
    raised = lowered = 0
    for partner_id in sorted({*measured, *standing}):
        old = standing.get(partner_id)
        found = measured.get(partner_id) or measures.nothing()
        before = ranks.place(old.rank if old is not None else None)
        after = highest_reached(ranks.ranks, found)
        if after == before or (old is not None and old.is_pinned) or (after < before and ranks.demotion != "auto"):
            continue
        if old is not None and old.valid_from >= effective_from:
            continue  # A rank that was set in this month stands.
        raised, lowered = raised + (after > before), lowered + (after < before)
        _put(
            partner_id,
            ranks.ranks[after].name,
            effective_from,
            old,
            origin=RankOrigin.MEASURED,
            is_pinned=False,
            measured=found,
            reason="",
            by=BY,
            request_id=f"measured:{effective_from.isoformat()}:{partner_id}",
        )
    begin, _ = measures.window(ranks.measuring, until)
    done = RankAssessment(
        effective_from=effective_from,
        measured_from=begin,
        plan_number=version.number,
        partners=len(measured),
        raised=raised,
        lowered=lowered,
        made_at=clock.now(),
    )
    session().add(done)
    session().flush()
    audit.record(
        "partners.rank.measure",
        ("plan_version", version.number),
        by=BY,
        after={"from": effective_from.isoformat(), "partners": len(measured), "raised": raised, "lowered": lowered},
    )
    return done


def _put(
    partner_id: UUID,
    rank: str,
    valid_from: datetime,
    old: PartnerRank | None,
    *,
    origin: RankOrigin,
    is_pinned: bool,
    measured: Mapping[Any, Decimal],
    reason: str,
    by: Actor,
    request_id: str,
) -> PartnerRank:
    if old is not None:
        old.valid_to = max(old.valid_from, valid_from)
        session().flush()
    row = PartnerRank(
        id=new_id(),
        partner_id=partner_id,
        rank=rank,
        valid_from=valid_from,
        valid_to=FOREVER,
        origin=origin,
        is_pinned=is_pinned,
        measured={name: f"{value:f}" for name, value in measured.items()},
        reason=reason,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
        request_id=request_id,
        created_at=clock.now(),
    )
    session().add(row)
    try:
        session().flush()
    except IntegrityError as error:
        raise Conflict from error
    live.publish(f"partner:{partner_id}", "commission-changed")
    return row


def set_rank(partner_id: UUID, rank: str, *, is_pinned: bool, reason: str, by: Actor, request_id: str) -> PartnerRank:
    """Let a partner hold a rank from now on; pinned, no measurement changes it. What was settled stays.

    The same `request_id` answers the first. Raises NoRanks, Invalid that names the field, NotFound.
    """
    client = clients.get(partner_id)
    plan = versions.plan_for_receivers()
    if plan is None or plan.ranks is None:
        raise NoRanks
    if rank not in {one.name for one in plan.ranks.ranks}:
        raise Invalid(_l("Choose one of the plan's ranks."), field="rank")
    if not reason.strip():
        raise Invalid(_l("Say why this partner's rank changes."), field="reason")
    done = session().scalar(select(PartnerRank).where(PartnerRank.request_id == request_id))
    if done is not None:
        return done
    now = clock.business_now()
    old = session().scalar(
        select(PartnerRank)
        .where(PartnerRank.partner_id == client.id, PartnerRank.valid_to > now)
        .order_by(PartnerRank.valid_from.desc())
        .limit(1)
        .with_for_update()
    )
    if plan.ranks.demotion == "never" and plan.ranks.place(rank) < plan.ranks.place(old.rank if old else None):
        raise Invalid(_l("Under this plan nobody loses a rank."), field="rank")
    row = _put(
        client.id,
        rank,
        now,
        old,
        origin=RankOrigin.HAND,
        is_pinned=is_pinned,
        measured={},
        reason=reason.strip()[:500],
        by=by,
        request_id=request_id,
    )
    audit.record(
        "partners.rank.set",
        row,
        by=by,
        before={"rank": old.rank if old is not None else None},
        after={"rank": rank, "is_pinned": is_pinned},
        reason=row.reason,
        client_id=client.id,
    )
    return row


def give_rate(
    partner_id: UUID,
    *,
    track: str,
    rule: str,
    level: int,
    amount: Decimal,
    reason: str,
    by: Actor,
    request_id: str,
) -> PartnerRate:
    """Give a partner a rate of their own from now on: a share of one level, or (level 0) an amount per lot.

    Above what the plan lets one person give it waits for a second one. A rate for the same level and rule that is in
    force ends when this one begins. The same `request_id` answers the first. Raises Invalid that names the field.
    """
    client = clients.get(partner_id)
    plan = versions.plan_for_receivers()
    if plan is None:
        raise Invalid(_l("This brand has no commission plan."))
    unit = "share" if level else "per_lot"
    _check_rate(plan, track, rule, level, amount)
    if not reason.strip():
        raise Invalid(_l("Say why this partner gets a rate of their own."), field="reason")
    done = session().scalar(select(PartnerRate).where(PartnerRate.request_id == request_id))
    if done is not None:
        return done
    limit = plan.own_rates.alone_up_to_share if level else plan.own_rates.alone_up_to_per_lot
    is_alone = limit is None or amount <= limit
    now = clock.business_now()
    row = PartnerRate(
        id=new_id(),
        partner_id=client.id,
        track=track,
        rule=rule,
        level=level,
        unit=unit,
        amount=amount,
        status=RateStatus.WAITING,
        valid_from=now,
        valid_to=FOREVER,
        reason=reason.strip()[:500],
        asked_by=by.id,
        asked_by_name=by.name,
        asked_at=clock.now(),
        decided_by=None,
        decided_by_name="",
        decided_at=None,
        end_reason="",
        request_id=request_id,
    )
    session().add(row)
    session().flush()
    audit.record("partners.rate.ask", row, by=by, after=_said(row), reason=row.reason, client_id=client.id)
    if is_alone:
        _begin(row, now)
        row.decided_at = clock.now()
        session().flush()
    return row


def _check_rate(plan: Plan, track: str, rule: str, level: int, amount: Decimal) -> None:
    part = {"referral": plan.referral, "god": plan.god}.get(track)
    if part is None:
        raise Invalid(_l("The plan does not pay this kind of commission."), field="track")
    if rule and rule not in {one.name for one in part.rules}:
        raise Invalid(_l("Choose one of the plan's rules."), field="rule")
    if level:
        if track != "referral" or plan.referral is None:
            raise Invalid(_l("Only shares by level have levels."), field="level")
        if plan.referral.level_base == "previous":
            raise Invalid(_l("Where levels share in the level below, nobody has a share of their own."), field="level")
        if level > max(len(plan.levels_of(one)) for one in plan.referral.rules):
            raise Invalid(_l("The plan has no such level."), field="level")
        if not 0 <= amount <= 1:
            raise Invalid(_l("Give a share between 0 and 100 percent."), field="amount")
        return
    if plan.referral is not None and track == "referral":
        fitting = [one for one in plan.referral.rules if rule in ("", one.name) and one.kind == "per_lot"]
        if not fitting or plan.referral.level_base == "previous":
            raise Invalid(_l("No such rule of the plan pays an amount per lot by level."), field="rule")
    if not 0 <= amount <= PER_LOT_MAX:
        raise Invalid(_l("Give an amount per lot from 0 to %(most)s.", most=f"{PER_LOT_MAX:f}"), field="amount")


def _said(row: PartnerRate) -> dict[str, Any]:
    return {"track": row.track, "rule": row.rule, "level": row.level, "unit": row.unit, "amount": f"{row.amount:f}"}


def _begin(row: PartnerRate, now: datetime) -> None:
    """Let a rate hold from now on; the one before it for the same level and rule ends."""
    old = session().scalar(
        select(PartnerRate)
        .where(
            PartnerRate.partner_id == row.partner_id,
            PartnerRate.track == row.track,
            PartnerRate.rule == row.rule,
            PartnerRate.level == row.level,
            PartnerRate.unit == row.unit,
            PartnerRate.status == RateStatus.GIVEN,
            PartnerRate.valid_to > now,
        )
        .with_for_update()
    )
    if old is not None:
        old.valid_to = max(old.valid_from, now)
        session().flush()
    row.status, row.valid_from = RateStatus.GIVEN, now
    try:
        session().flush()
    except IntegrityError as error:
        raise Conflict from error
    live.publish(f"partner:{row.partner_id}", "commission-changed")


def decide_rate(rate_id: UUID, *, agrees: bool, by: Actor) -> PartnerRate:
    """Agree to a rate that waits, from now on, or refuse it. Raises NotFound, OwnRequest, RateDecided."""
    row = get(PartnerRate, rate_id, lock=True)
    if row is None:
        raise NotFound
    if row.status is not RateStatus.WAITING:
        raise RateDecided
    if row.asked_by is not None and row.asked_by == by.id:
        raise OwnRequest
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    if agrees:
        _begin(row, clock.business_now())
    else:
        row.status = RateStatus.REFUSED
    session().flush()
    audit.record(
        "partners.rate.agree" if agrees else "partners.rate.refuse",
        row,
        by=by,
        after=_said(row),
        client_id=row.partner_id,
    )
    return row


def end_rate(rate_id: UUID, *, reason: str, by: Actor) -> PartnerRate:
    """Let a partner's own rate hold no longer, from now on. Raises NotFound, RateDecided, Invalid naming the field."""
    if not reason.strip():
        raise Invalid(_l("Say why this rate ends."), field="reason")
    row = get(PartnerRate, rate_id, lock=True)
    if row is None:
        raise NotFound
    now = clock.business_now()
    if row.status is not RateStatus.GIVEN or row.valid_to <= now:
        raise RateDecided
    row.valid_to, row.end_reason = max(row.valid_from, now), reason.strip()[:500]
    session().flush()
    audit.record("partners.rate.end", row, by=by, before=_said(row), reason=row.end_reason, client_id=row.partner_id)
    live.publish(f"partner:{row.partner_id}", "commission-changed")
    return row
