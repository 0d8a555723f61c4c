"""Asking for a replay, running it, and reading what came out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, Invalid, NotFound
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners import versions
from app.partners.drafts import service as drafts
from app.partners.replay import queries
from app.partners.replay.models import Replay, ReplayState, ReplayTotal

SPAN_MAX: Final = timedelta(days=366)
AT_ONCE: Final = 1  # Replays of a tenant that wait or run; each keeps a database busy for minutes.
VIEWS: Final = ("partner", "symbol", "day", "client")


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
        done_until=None,
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
