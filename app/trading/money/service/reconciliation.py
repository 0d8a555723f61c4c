"""Runs that compare everything we hold about a platform with what it says: who begins one, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.text import _l
from app.tenancy import service as tenancy
from app.trading.models import SyncDifference
from app.trading.money import queries
from app.trading.money.models import Category, ReconciliationRun, RunState
from app.trading.money.queries import runs as run_queries
from app.trading.queries import platforms
from app.trading.service import proof

DEFAULT_AT: Final = "03:00"
DEFAULT_PER_S: Final = 5
AGAIN_AFTER: Final = timedelta(minutes=30)  # A night's run that failed is made up for.


class RunUnderWay(Conflict):
    message = _l("A comparison of this platform is under way already.")


class DifferenceGone(Conflict):
    message = _l("This difference is gone: both sides agree by now.")


@dataclass(frozen=True, slots=True)
class Task:
    """A run that its owner carries out now, at no more than so many requests a second."""

    run_id: UUID
    requests_per_s: float


def ask(platform_id: UUID, *, by: Actor) -> ReconciliationRun:
    """Have a platform compared now. Raises RunUnderWay, NotFound."""
    platform = platforms.platform(platform_id)
    run_queries.lock_runs(platform_id)
    if run_queries.open_run(platform_id) is not None:
        raise RunUnderWay
    row = _new(platform_id, "asked", by.name)
    audit.record("trading.reconciliation.ask", platform, by=by)
    return row


def begin(platform_id: UUID) -> Task | None:
    """The run that is due now: one that somebody asked for, or that of the night. None when none is.

    The caller owns the platform's connection and carries out no run at present: one that is said to run was broken off.
    """
    run_queries.lock_runs(platform_id)
    row = run_queries.open_run(platform_id)
    if row is not None and row.state is RunState.RUNNING:
        _end(row, RunState.FAILED, "The connector that carried it out has ended.")
        row = None
    if row is None and _is_night_due(platform_id):
        row = _new(platform_id, "night", "")
    if row is None:
        return None
    row.state, row.started_at = RunState.RUNNING, clock.now()
    session().flush()
    live.publish("office", "platforms-changed")
    settings = platforms.platform(platform_id).settings
    return Task(row.id, float(Decimal(settings.get("reconcile_requests_per_s", DEFAULT_PER_S))))


def _is_night_due(platform_id: UUID) -> bool:
    """Whether the hour at which this platform is compared has come, by the brand's clock, and nobody has done so
    since."""
    platform, last = platforms.platform(platform_id), run_queries.last_night(platform_id)
    if last is not None and last.state is RunState.FAILED:
        return (last.finished_at or last.asked_at) < clock.now() - AGAIN_AFTER
    return (last.asked_at if last else platform.created_at) < _latest_hour(platform.settings)


def _latest_hour(settings: Mapping[str, object]) -> datetime:
    hour, minute = str(settings.get("reconcile_at", DEFAULT_AT)).split(":")
    now = clock.now().astimezone(tenancy.current().timezone)
    at = datetime.combine(now.date(), time(int(hour), int(minute)), now.tzinfo)
    return at if at <= now else at - timedelta(days=1)


def _new(platform_id: UUID, cause: str, asked_by: str) -> ReconciliationRun:
    row = ReconciliationRun(
        platform_id=platform_id, cause=cause, state=RunState.WAITING, asked_by=asked_by, asked_at=clock.now()
    )
    session().add(row)
    session().flush()
    live.publish("office", "platforms-changed")
    return row


def record(run_id: UUID, kind: str, theirs: Mapping[int, Decimal], ours: Mapping[int, Decimal]) -> None:
    """Keep what the run has found about one figure of the accounts."""
    row = run_queries.run(run_id, lock=True)
    found = proof.compare(row.platform_id, kind, theirs, ours)
    _add(row, found)
    if kind == "balance":
        row.accounts = len(theirs)
    elif kind == "deal_count":
        row.counted = len(theirs)


def finish(run_id: UUID, requests: int) -> ReconciliationRun:
    """Compare the house wallets of the platform with its own balance deals, and end the run."""
    row = run_queries.run(run_id, lock=True)
    found = proof.compare_wallets(row.platform_id)
    _add(row, found)
    row.wallets, row.requests = found.compared, requests
    _end(row, RunState.DONE, "")
    return row


def fail(run_id: UUID, error: str, requests: int) -> None:
    """The run could not be carried to its end. What it found stands; the next one begins anew."""
    row = run_queries.run(run_id, lock=True)
    row.requests = requests
    if row.state is RunState.RUNNING:
        _end(row, RunState.FAILED, error)


def _add(row: ReconciliationRun, found: proof.Compared) -> None:
    row.differences += found.differing
    row.opened += found.opened
    row.closed += found.closed
    session().flush()


def _end(row: ReconciliationRun, state: RunState, error: str) -> None:
    row.state, row.finished_at, row.error = state, clock.now(), error[:300]
    session().flush()
    live.publish("office", "platforms-changed")


def explain(difference_id: UUID, category: Category, note: str, *, by: Actor) -> SyncDifference:
    """Say why a difference stands. It ends by itself when both sides agree; until then it stands explained.

    Raises NotFound, DifferenceGone, Invalid.
    """
    row = queries.difference(difference_id, lock=True)
    if row.resolved_at is not None:
        raise DifferenceGone
    if len(note.strip()) < 5:
        raise Invalid(_l("Say how this was explained, in at least five characters."), field="note")
    before = {"category": row.category, "note": row.note} if row.category else None
    row.category, row.note = category.value, note.strip()[:500]
    row.explained_by, row.explained_at = by.name, clock.now()
    session().flush()
    audit.record(
        "trading.difference.explain", row, by=by, before=before, after={"category": row.category}, reason=row.note
    )
    live.publish("office", "platforms-changed")
    return row
