"""Asking for a replay, running it, and reading what came out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from app.audit import service as audit
from app.core import db, live
from app.core.actor import Actor
from app.core.db import get, in_transaction, session
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners import permissions, versions
from app.partners.drafts import service as drafts
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.plan import Plan
from app.partners.replay import queries
from app.partners.replay.models import Replay, ReplayState, ReplayTotal
from app.partners.settlement.compute import settle_slice, slices_of
from app.partners.settlement.facts import freeze_version
from app.partners.settlement.place import tables_of_the_session
from app.partners.volume import caps
from app.partners.volume import freezing as volume
from app.restrictions import service as restrictions
from app.tenancy import service as tenancy

SPAN_MAX: Final = timedelta(days=366)
AT_ONCE: Final = 1  # Replays of a tenant that wait or run; each keeps a database busy for minutes.
VIEWS: Final = ("partner", "symbol", "day", "client")
_NO_LATE_BATCH: Final = 2**62  # Nothing arrives in a replay; only the days themselves count.


class Stopped(Exception):
    """Somebody has stopped the replay."""


class Busy(Conflict):
    message = _l("A replay is running already. Wait for it, or stop it.")


def ask(draft_id: UUID, day_from: date, day_to: date, *, by: Actor) -> Replay:
    """Have a draft as it stands run over days of the past. Raises Invalid that names the field, Busy, NotFound."""
    draft = drafts.draft(draft_id)
    today = versions.day_cut().day_of(clock.business_now())
    if day_to < day_from:
        raise Invalid(_l("The last day lies before the first one."), field="day_to")
    if day_to - day_from > SPAN_MAX:
        raise Invalid(_l("A replay covers at most a year."), field="day_to")
    if day_to >= today:
        raise Invalid(_l("Only days that have ended can be replayed."), field="day_to")
    queries.one_at_a_time()
    under_way = (
        select(func.count()).select_from(Replay).where(Replay.state.in_((ReplayState.WAITING, ReplayState.RUNNING)))
    )
    if (session().scalar(under_way) or 0) >= AT_ONCE:
        raise Busy
    replay = Replay(
        id=new_id(),
        draft_id=draft.id,
        body=dict(draft.body),
        day_from=day_from,
        day_to=day_to,
        state=ReplayState.WAITING,
        trades=0,
        trades_done=0,
        seconds=None,
        failure="",
        asked_by=by.id,
        asked_by_name=by.name,
        asked_at=clock.now(),
        finished_at=None,
    )
    session().add(replay)
    session().flush()
    audit.record("partners.plan.replay", replay, by=by, after={"from": day_from, "to": day_to, "draft": draft.id})
    enqueue_after_commit("partners.replay", replay_id=str(replay.id))
    return replay


def replays_of(draft_id: UUID) -> Sequence[Replay]:
    """A draft's replays, the latest first."""
    statement = select(Replay).where(Replay.draft_id == draft_id).order_by(Replay.asked_at.desc())
    return session().scalars(statement).all()


def replay(replay_id: UUID) -> Replay:
    """One replay. Raises NotFound."""
    found = get(Replay, replay_id)
    if found is None:
        raise NotFound
    return found


def totals(replay_id: UUID, view: str, *, limit: int, offset: int = 0) -> tuple[Sequence[ReplayTotal], int]:
    """One view of a replay, the largest differences first, and how many rows it has."""
    of_view = [ReplayTotal.replay_id == replay_id, ReplayTotal.view == view]
    count = session().scalar(select(func.count()).select_from(ReplayTotal).where(*of_view)) or 0
    order = ReplayTotal.key if view == "day" else func.abs(ReplayTotal.would_pay - ReplayTotal.paid).desc()
    statement = select(ReplayTotal).where(*of_view).order_by(order, ReplayTotal.key).limit(limit).offset(offset)
    return session().scalars(statement).all(), count


def total_of(replay_id: UUID) -> ReplayTotal | None:
    """The replay in all; None before it is done, or when no trade of those days has a path."""
    return session().scalar(select(ReplayTotal).where(ReplayTotal.replay_id == replay_id, ReplayTotal.view == "all"))


def stop(replay_id: UUID, *, by: Actor) -> Replay:
    """Stop a replay that waits or runs. One that is over stays what it is."""
    found = get(Replay, replay_id, lock=True)
    if found is None:
        raise NotFound
    if not found.state.is_final:
        found.state, found.finished_at = ReplayState.STOPPED, clock.now()
        audit.record("partners.plan.replay_stop", found, by=by)
        live.publish("office", "replay-changed")
    return found


def run(replay_id: UUID) -> None:
    """Run a replay that waits, or one whose worker died. Call it outside a transaction; a second one at once waits."""
    started = time.perf_counter()
    found = in_transaction(_begin, replay_id)
    if found is None:
        return
    try:
        in_transaction(_compute, found)
    except Stopped:
        return
    except Exception as error:
        in_transaction(_finish, replay_id, ReplayState.FAILED, None, type(error).__name__)
        raise
    in_transaction(_finish, replay_id, ReplayState.DONE, Decimal(f"{time.perf_counter() - started:.1f}"), "")


def _begin(replay_id: UUID) -> Replay | None:
    found = get(Replay, replay_id, lock=True)
    if found is None or found.state.is_final:
        return None
    found.state, found.trades_done = ReplayState.RUNNING, 0
    queries.forget_totals(replay_id)
    live.publish("office", "replay-changed")
    session().flush()
    session().expunge(found)
    return found


def _finish(replay_id: UUID, state: ReplayState, seconds: Decimal | None, failure: str) -> None:
    found = get(Replay, replay_id, lock=True)
    if found is not None and not found.state.is_final:
        found.state, found.seconds, found.failure, found.finished_at = state, seconds, failure, clock.now()
        live.publish("office", "replay-changed")


def _compute(found: Replay) -> None:
    """The engine itself, in one transaction, on tables of this session's own."""
    queries.alone()
    queries.make_tables()
    cut = versions.day_cut()
    begin, end = cut.start_of(found.day_from), cut.end_of(found.day_to)
    version = _version(found.plan, begin)
    of_days = _run(found.day_to, begin, end)
    locked = list(restrictions.locked_clients(permissions.COMMISSION_ACCRUAL))
    with tables_of_the_session():
        _settle(found, of_days, version, locked)
    queries.sum_up(found.id, str(cut.timezone), begin, end)


def _settle(found: Replay, of_days: SettlementRun, version: PlanVersion, locked: list[UUID]) -> None:
    begin, end = of_days.day_start, of_days.day_end
    freeze_version(of_days, version, end, locked)
    volume.freeze_version(of_days, version, end)
    if version.plan.caps.partner.binds:
        caps.freeze(of_days, version, end)
    counted = queries.trades_between(begin, end)
    _tell(found.id, counted, 0)
    for slice_from, slice_to in slices_of(of_days, version, end):
        settle_slice(of_days, version, end, slice_from, slice_to)
        _tell(found.id, counted, queries.settled_apart())


def _version(plan: Plan, begin: Any) -> PlanVersion:
    """The draft as if it had been in force then. It is never stored."""
    body = msgspec.to_builtins(msgspec.structs.replace(plan, spread_wait_days=0))
    return PlanVersion(
        number=0,
        name=plan.name,
        currency=plan.currency,
        effective_from=begin,
        body=body,
        digest="",
        published_at=begin,
        published_by="",
    )


def _run(day: date, begin: Any, end: Any) -> SettlementRun:
    """A run over all the days at once. It is never stored."""
    return SettlementRun(
        business_date=day,
        id=new_id(),
        step=RunStep.FROZEN,
        day_start=begin,
        day_end=end,
        plan_number=0,
        batch_from=_NO_LATE_BATCH,
    )


def _tell(replay_id: UUID, trades: int, done: int) -> None:
    """Note the progress beside the long transaction, and hear whether somebody has stopped it. Raises Stopped."""
    tenant = tenancy.current().id
    with db.tenant_scope(tenant), db.transaction():
        found = get(Replay, replay_id, lock=True)
        if found is None or found.state is ReplayState.STOPPED:
            raise Stopped
        found.trades, found.trades_done = trades, done
        live.publish("office", "replay-changed")
