"""A replay's work: stretch after stretch, each in one transaction on tables of the session's own.

Within a stretch each day is judged by the facts of its own end: who was locked, how far clients were verified, who was
suspended, who had paid in.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from app.core import db, live
from app.core.db import get, in_transaction, session
from app.kit import clock
from app.kit.ids import new_id
from app.partners import permissions, versions
from app.partners.attribution.programme import programme_gates
from app.partners.calendar import DayCut
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.plan import Plan
from app.partners.ranks import settling as ranking
from app.partners.replay import queries, stretches
from app.partners.replay.models import Replay, ReplayState
from app.partners.settlement.compute import settle_slice, slices_of
from app.partners.settlement.facts import freeze_receivers, freeze_version, sql
from app.partners.settlement.place import tables_of_the_session
from app.partners.volume import caps
from app.partners.volume import freezing as volume
from app.referrals import membership
from app.restrictions import queries as locks
from app.tenancy import service as tenancy

_NO_LATE_BATCH: Final = 2**62  # Nothing arrives in a replay; only the days themselves count.


class Stopped(Exception):
    """Somebody has stopped the replay."""


def run(replay_id: UUID) -> None:
    """Run a replay that waits, or go on with one whose worker died, after the last stretch of days that it kept.

    Call it outside a transaction; a second one at once waits.
    """
    started = time.perf_counter()
    found = in_transaction(_begin, replay_id)
    if found is None:
        return
    try:
        _compute(found)
    except Stopped:
        return
    except Exception as error:
        in_transaction(_finish, replay_id, ReplayState.FAILED, Decimal(0), type(error).__name__)
        raise
    in_transaction(_finish, replay_id, ReplayState.DONE, Decimal(f"{time.perf_counter() - started:.1f}"), "")


def _begin(replay_id: UUID) -> Replay | None:
    found = get(Replay, replay_id, lock=True)
    if found is None or found.state.is_final:
        return None
    found.state = ReplayState.RUNNING
    if found.done_until is None:
        found.trades_done = 0
        queries.forget_totals(replay_id)
    live.publish("office", "replay-changed")
    session().flush()
    session().expunge(found)
    return found


def _finish(replay_id: UUID, state: ReplayState, seconds: Decimal, failure: str) -> None:
    found = get(Replay, replay_id, lock=True)
    if found is not None and not found.state.is_final:
        found.state, found.failure, found.finished_at = state, failure, clock.now()
        found.seconds = (found.seconds or 0) + seconds
        live.publish("office", "replay-changed")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days that are computed together, with the plan as if it had been in force on them."""

    days: Sequence[date]
    plan: Plan
    cut: DayCut

    @property
    def begin(self) -> datetime:
        return self.cut.start_of(self.days[0])

    @property
    def end(self) -> datetime:
        return self.cut.end_of(self.days[-1])

    @property
    def starts(self) -> list[datetime]:
        return [self.cut.start_of(day) for day in self.days]

    def run(self, begin: datetime, end: datetime) -> SettlementRun:
        """A run over a part of the days; all of them bear the last one's date. It is never stored."""
        return SettlementRun(
            tenant_id=db.tenant_id(),
            business_date=self.days[-1],
            id=new_id(),
            step=RunStep.FROZEN,
            day_start=begin,
            day_end=end,
            plan_number=0,
            currency=self.plan.currency,
            batch_from=_NO_LATE_BATCH,
        )

    def version(self, begin: datetime) -> PlanVersion:
        """The draft as if it had been in force from an instant on. It is never stored."""
        return PlanVersion(
            tenant_id=db.tenant_id(),
            number=0,
            name=self.plan.name,
            currency=self.plan.currency,
            effective_from=begin,
            body=msgspec.to_builtins(msgspec.structs.replace(self.plan, spread_wait_days=0)),
            digest="",
            published_at=begin,
            published_by="",
        )


def _compute(found: Replay) -> None:
    days = stretches.days_between(found.day_from, found.day_to)
    cut = in_transaction(versions.day_cut)
    trades = in_transaction(queries.trades_by_day, days, [cut.start_of(day) for day in days], cut.end_of(found.day_to))
    total = sum(trades.values())
    left = [day for day in days if found.done_until is None or day > found.done_until]
    for part in stretches.cut(found.plan, left, trades):
        before = sum(trades.get(day, 0) for day in days if day < part[0])
        in_transaction(_compute_stretch, found, _Stretch(part, found.plan, cut), total, before)


def _compute_stretch(found: Replay, stretch: _Stretch, total: int, before: int) -> None:
    """All or nothing: the figures of these days, and that they are kept."""
    queries.alone()
    standing = get(Replay, found.id)
    if standing is None or (standing.done_until is not None and standing.done_until >= stretch.days[-1]):
        return  # Another worker was faster.
    _tell(found.id, total, before)
    queries.make_tables()
    queries.read_standing(stretch.begin)
    with tables_of_the_session():
        _settle(found, stretch, total, before)
    queries.sum_up(found.id, stretch.days, stretch.starts, stretch.end)
    kept = get(Replay, found.id, lock=True)
    if kept is None or kept.state is ReplayState.STOPPED:
        raise Stopped
    kept.done_until, kept.trades_done = stretch.days[-1], before + queries.settled_apart()


def _settle(found: Replay, stretch: _Stretch, total: int, before: int) -> None:
    whole, version = stretch.run(stretch.begin, stretch.end), stretch.version(stretch.begin)
    locked = locks.clients_held_at(permissions.COMMISSION_ACCRUAL, stretch.end)
    freeze_version(whole, version, stretch.end, list(locked))
    if stretch.plan.caps.partner.binds:
        caps.freeze(whole, version, stretch.end)
    changes = sorted({*queries.standing_instants(), *_lock_instants(stretch), *_member_instants(stretch)})
    judged: datetime | None = None
    for day in stretch.days:
        begin, end = stretch.cut.start_of(day), stretch.cut.end_of(day)
        of_day, then = stretch.run(begin, end), stretch.version(begin)
        if judged is None or stretch.plan.gates.client_funded or _changed(changes, judged, end):
            _judge(of_day, then, end)
            judged = end
        volume.freeze_version(of_day, then, end)
        for slice_from, slice_to in slices_of(of_day, then, end):
            settle_slice(of_day, then, end, slice_from, slice_to)
            _tell(found.id, total, before + queries.settled_apart())


def _judge(of_day: SettlementRun, version: PlanVersion, at: datetime) -> None:
    """Who may earn on a day, by the facts of its end."""
    gates = version.plan.gates
    given: dict[str, Any] = {
        "business_date": of_day.business_date,
        "plan_number": version.number,
        "client_kyc_level": gates.client_kyc_level,
        "partner_kyc_level": gates.partner_kyc_level,
        "client_funded": gates.client_funded,
        "locked": list(locks.clients_held_at(permissions.COMMISSION_ACCRUAL, at)),
        **programme_gates(version.plan, at),
    }
    queries.judge(sql("freeze_gates"), at, given)
    ranking.freeze_qualified(of_day, version)
    if version.plan.on_ineligible == "compress":
        queries.forget_receivers()
        freeze_receivers(of_day, version)


def _lock_instants(stretch: _Stretch) -> set[datetime]:
    """When a lock on earning began or ended."""
    return locks.instants_between(permissions.COMMISSION_ACCRUAL, stretch.begin, stretch.end)


def _member_instants(stretch: _Stretch) -> set[datetime]:
    """When somebody was admitted to the referral programme, or left it."""
    return membership.instants_between(stretch.begin, stretch.end)


def _changed(changes: Sequence[datetime], since: datetime, until: datetime) -> bool:
    """Whether anything changed after one instant and up to another."""
    return bisect_right(changes, until) > bisect_right(changes, since)


def _tell(replay_id: UUID, trades: int, done: int) -> None:
    """Note the progress beside the long transaction, and hear whether somebody has stopped it. Raises Stopped."""
    tenant = tenancy.current().id
    with db.tenant_scope(tenant), db.transaction():
        found = get(Replay, replay_id, lock=True)
        if found is None or found.state is ReplayState.STOPPED:
            raise Stopped
        found.trades, found.trades_done = trades, done
        live.publish("office", "replay-changed")
