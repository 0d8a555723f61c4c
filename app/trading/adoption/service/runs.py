"""Runs: what the connector reads for an adoption, how far it is, and from when on a platform is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.text import _l
from app.tenancy import service as tenancy
from app.trading.adoption import queries, rules
from app.trading.adoption.models import AdoptionRun, History, HistoryState, LoginState, RunState
from app.trading.adoption.service import logins
from app.trading.models import TradingPlatform
from app.trading.platforms.base import AccountRecord, Group
from app.trading.queries import platforms

MATCHED_AT_ONCE = 2_000


class RunUnderWay(Conflict):
    message = _l("The accounts of this platform are being read already. Wait until that has ended, or stop it.")


class StartNotSet(Conflict):
    message = _l("Say first from when on the trades of this platform count. Otherwise those of the past would be paid.")


class RunEnded(Conflict):
    message = _l("This reading has ended already.")


def set_start(platform_id: UUID, starts_at: datetime, *, by: Actor) -> TradingPlatform:
    """From this instant on, what happens on the platform counts: commission, risk and messages begin there."""
    platform = platforms.platform(platform_id)
    before = platform.starts_at
    if before == starts_at:
        return platform
    platform.starts_at = starts_at
    audit.record(
        "trading.platform.start", platform, by=by, before={"starts_at": before}, after={"starts_at": starts_at}
    )
    live.publish("office", "adoption-changed")
    return platform


def start_run(
    platform_id: UUID,
    *,
    masks: Sequence[str],
    default_type_id: UUID | None,
    creates_clients: bool,
    history: History,
    history_from: date | None,
    by: Actor,
) -> AdoptionRun:
    """Have the accounts of the chosen groups read. The connector that owns the platform does it within seconds.

    Raises RunUnderWay, StartNotSet, Invalid.
    """
    platform = platforms.platform(platform_id)
    if platform.starts_at is None:
        raise StartNotSet
    if queries.run_under_way(platform_id) is not None:
        raise RunUnderWay
    chosen = [mask.strip() for mask in masks if mask.strip()]
    if not any(not mask.startswith("!") for mask in chosen):
        raise Invalid(_l("Name at least one group. A star stands for any text."), field="masks")
    if len(chosen) > 200 or any(len(mask) > 127 for mask in chosen):
        raise Invalid(_l("Write at most 200 lines of at most 127 characters."), field="masks")
    if default_type_id is not None:
        logins.require_type(platform_id, default_type_id)
    run = AdoptionRun(
        platform_id=platform_id,
        state=RunState.READING,
        masks=chosen,
        groups=[],
        groups_done=[],
        default_type_id=default_type_id,
        creates_clients=creates_clients,
        history=history,
        history_from=history_from,
        history_state=HistoryState.NONE,
        deals_read=0,
        last_error="",
        started_by=by.id,
        started_by_name=by.name,
        started_at=clock.now(),
    )
    session().add(run)
    session().flush()
    audit.record(
        "trading.adoption.start",
        run,
        by=by,
        after={
            "platform": platform.code,
            "groups": chosen,
            "creates_clients": creates_clients,
            "history": history,
            "history_from": history_from,
        },
    )
    live.publish("office", "adoption-changed")
    return run


def stop_run(run_id: UUID, *, by: Actor) -> AdoptionRun:
    """End a reading before its end. What was read stays. Raises RunEnded."""
    run = queries.run(run_id, lock=True)
    if not run.state.is_under_way:
        raise RunEnded
    run.state = RunState.STOPPED
    audit.record("trading.adoption.stop", run, by=by)
    live.publish("office", "adoption-changed")
    return run


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read of a run: groups that are left, or the masks when the platform was not asked yet."""

    run_id: UUID
    masks: Sequence[str]
    groups: Sequence[str]
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A stretch of the past to read, in the platform's time."""

    run_id: UUID
    groups: Sequence[str]
    from_msc: int
    to_msc: int
    ignored: frozenset[int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the connector has to do for adoption on a platform now."""

    reading: Reading | None = None
    matched: Mapping[str, list[int]] = field(default_factory=dict)  # By group.
    past: Past | None = None

    def __bool__(self) -> bool:
        return bool(self.reading or self.matched or self.past)


def wanted(platform_id: UUID) -> Wanted:
    """What is to be read for adoption on this platform now: nothing, most of the time."""
    run = queries.run_under_way(platform_id)
    reading = None
    if run is not None and run.state is RunState.READING:
        left = [name for name in run.groups if name not in set(run.groups_done)]
        reading = Reading(run.id, list(run.masks), left, bool(run.groups))
    matched: dict[str, list[int]] = {}
    for group, login in queries.matched_logins(platform_id, MATCHED_AT_ONCE):
        matched.setdefault(group, []).append(login)
    return Wanted(reading, matched, _past(platform_id))


def _past(platform_id: UUID) -> Past | None:
    run = queries.run_with_history(platform_id)
    if run is None:
        return None
    if run.history is History.NIGHT and not rules.is_night(clock.now(), tenancy.current().timezone):
        return None
    assert run.history_cursor_msc is not None, "A run with a past to read knows where it stands."
    assert run.history_end_msc is not None, "A run with a past to read knows where it ends."
    begin, end = rules.history_slice(run.history_cursor_msc, run.history_end_msc)
    return Past(run.id, list(run.groups), begin, end, frozenset(queries.ignored_logins(platform_id)))


def record_groups(run_id: UUID, found: Sequence[str]) -> None:
    """The platform has named its groups: those that the masks mean are to be read. Without any the run ends."""
    run = queries.run(run_id, lock=True)
    if run.state is not RunState.READING or run.groups:
        return
    run.groups = rules.choose_groups(found, run.masks)
    if not run.groups:
        run.state, run.last_error = RunState.STOPPED, "The platform has no group of these names."
    live.publish("office", "adoption-changed")


def store_accounts(run_id: UUID, group: Group, records: Sequence[AccountRecord]) -> None:
    """Keep what the platform says of these accounts."""
    run = queries.run(run_id)
    now = clock.now()
    queries.store_logins(
        [
            {
                "platform_id": run.platform_id,
                "login": record.login,
                "run_id": run.id,
                "state": LoginState.WAITING,
                "obstacle": "",
                "name": record.name[:200],
                "name_sort": rules.person_key(record.name)[:200],
                "email": record.email[:200],
                "email_norm": rules.usable_email(record.email),
                "group_name": record.group or group.name,
                "currency": record.currency or group.currency,
                "is_hedging": group.is_hedging,
                "leverage": record.leverage,
                "rights": record.rights,
                "balance": record.balance,
                "credit": record.credit,
                "registered_msc": record.registered_server_msc,
                "read_at": now,
                "matched_by": "",
                "note": "",
            }
            for record in sorted({record.login: record for record in records}.values(), key=lambda row: row.login)
        ]
    )
    live.publish("office", "adoption-changed")


def record_group_read(run_id: UUID, group: str) -> bool:
    """A group's accounts are all stored. Answers whether it was the last: then they are to be matched."""
    run = queries.run(run_id, lock=True)
    if run.state is not RunState.READING:
        return False
    if group not in run.groups_done:
        run.groups_done = [*run.groups_done, group]
    run.last_error = ""
    live.publish("office", "adoption-changed")
    return set(run.groups_done) >= set(run.groups)


def record_all_read(run_id: UUID, server_msc: int) -> None:
    """Every chosen group was read; `server_msc` is the platform's time. Matching and the reading of the past begin."""
    run = queries.run(run_id, lock=True)
    if run.state is not RunState.READING:
        return
    now = clock.now()
    run.state, run.read_at = RunState.MATCHING, now
    queries.join_known_accounts(run.platform_id, now)
    if run.history is not History.NONE:
        begin = _history_begin(run, server_msc)
        run.history_begin_msc = run.history_cursor_msc = begin
        run.history_end_msc, run.history_state = server_msc, HistoryState.WAITING
    enqueue_after_commit("trading.adoption_match", run_id=str(run.id))
    live.publish("office", "adoption-changed")


def _history_begin(run: AdoptionRun, server_msc: int) -> int:
    if run.history_from is not None:
        times = platforms.server_clock(run.platform_id)
        assert times is not None, "The clock is measured before anything is read."
        midnight = datetime.combine(run.history_from, datetime.min.time(), tenancy.current().timezone)
        return min(times.server_msc(midnight), server_msc)
    return min(queries.oldest_registration(run.id) or server_msc, server_msc)


def note_error(run_id: UUID, text: str) -> None:
    """Say on the page why a reading does not go on."""
    run = queries.run(run_id, lock=True)
    if run.last_error != text[:300]:
        run.last_error = text[:300]
        live.publish("office", "adoption-changed")


def record_past_read(run_id: UUID, from_msc: int, to_msc: int, deals: int) -> None:
    """A stretch of the past is stored. Told twice, it counts once."""
    run = queries.run(run_id, lock=True)
    if run.history_cursor_msc != from_msc or not run.history_state.is_under_way:
        return
    run.history_cursor_msc, run.deals_read, run.last_error = to_msc, run.deals_read + deals, ""
    run.history_state = HistoryState.RUNNING
    if run.history_end_msc is not None and to_msc >= run.history_end_msc:
        run.history_state, run.history_done_at = HistoryState.DONE, clock.now()
        audit.record("trading.adoption.history", run, by=logins.ADOPTION, after={"deals": run.deals_read})
    live.publish("office", "adoption-changed")


def pause_history(run_id: UUID, *, by: Actor) -> None:
    """Let the reading of the past rest. It goes on where it stopped. Raises RunEnded."""
    run = queries.run(run_id, lock=True)
    if not run.history_state.is_under_way:
        raise RunEnded
    run.history_state = HistoryState.PAUSED
    audit.record("trading.adoption.history_pause", run, by=by)
    live.publish("office", "adoption-changed")


def resume_history(run_id: UUID, *, history: History, by: Actor) -> None:
    """Go on reading the past, at once or at night. Raises RunEnded."""
    run = queries.run(run_id, lock=True)
    if history is History.NONE or not (run.history_state is HistoryState.PAUSED or run.history_state.is_under_way):
        raise RunEnded
    run.history, run.history_state = history, HistoryState.WAITING
    audit.record("trading.adoption.history_resume", run, by=by, after={"when": history})
    live.publish("office", "adoption-changed")


def history_share(run: AdoptionRun) -> tuple[int, int]:
    """(days read, days altogether) of a run's past."""
    if run.history_begin_msc is None or run.history_end_msc is None or run.history_cursor_msc is None:
        return 0, 0
    day = timedelta(days=1) // timedelta(milliseconds=1)
    total = -(-(run.history_end_msc - run.history_begin_msc) // day)
    done = (run.history_cursor_msc - run.history_begin_msc) // day
    return (total if run.history_state is HistoryState.DONE else min(done, total)), total
