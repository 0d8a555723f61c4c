"""A change of many accounts: made, checked row by row, confirmed by one person or two, carried out, and steered.

Every step is one short transaction and may run again: a row is asked for under its own key, so it is asked for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.core import db, live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, DomainError, Forbidden, Invalid
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.text import _l
from app.tenancy import service as tenancy
from app.trading.bulk import acts, queries
from app.trading.bulk.models import BulkKind, BulkRow, BulkRun, BulkState, RowState, as_stored
from app.trading.bulk.queries import Counts
from app.trading.models import OperationState, TradingAccount
from app.trading.queries import account_list, accounts
from app.trading.queries.account_list import AccountFilter
from app.trading.service import credit, operations
from app.trading.service.accounts import MarginCallNear
from app.trading.service.requesting import AccountNotReady, require_reason

ACCOUNTS_MAX = 20_000
CHECKED_AT_ONCE = 25
ASKED_AT_ONCE = 10
IN_FLIGHT_MAX = 20  # Of one run; an operation that waited longer than its limit would be refused unsent.
SECOND_PERSON_ABOVE = 50  # Where the brand's bundle says nothing.

_UNKNOWN_LOGIN = _l("No account on this platform has this login.")
_TWICE = _l("This account stands in the list already.")


class NothingChosen(Invalid):
    message = _l("No account is chosen.")


class TooManyChosen(Invalid):
    message = _l("At most %(most)s accounts can be changed at once.", most=ACCOUNTS_MAX)


class BulkMoved(Conflict):
    message = _l("This change has gone on meanwhile. Reload the page.")


class SamePerson(Conflict):
    message = _l("Somebody else must agree to a change that you have made.")


class NothingReady(Conflict):
    message = _l("No account is left that could be changed.")


def second_person_above() -> int:
    """How many accounts one person may change at once."""
    tenant = tenancy.current()
    if not tenant.has_section("trading"):
        return SECOND_PERSON_ABOVE
    above: int = tenant.section("trading").bulk_second_person_above
    return above


def require_right(kind: BulkKind, by: Actor) -> None:
    """Whoever changes many accounts needs what the change of a single one needs. Raises Forbidden."""
    if not by.may(kind.permission):
        raise Forbidden


def make_from_filter(kind: BulkKind, target: Mapping[str, Any], wanted: AccountFilter, *, by: Actor) -> BulkRun:
    """A change of every account that the filters leave. It is checked next, and changes nothing yet."""
    found = account_list.account_ids(wanted, ACCOUNTS_MAX + 1)
    rows = [
        {
            "number": number,
            "login_text": str(login or ""),
            "account_id": account_id,
            "state": RowState.NEW,
            "problem": None,
        }
        for number, (account_id, login) in enumerate(found, 1)
    ]
    return _make(kind, target, {"filter": wanted.as_values()}, rows, by)


def make_from_logins(
    kind: BulkKind, target: Mapping[str, Any], platform_id: UUID, logins: Sequence[str], *, by: Actor
) -> BulkRun:
    """A change of the accounts with these logins, one a line. A line that means no account is kept with the reason."""
    texts = [text.strip()[:40] for text in logins if text.strip()]
    known = account_list.accounts_with_logins(platform_id, [int(text) for text in texts if _is_login(text)])
    seen: set[str] = set()
    rows = []
    for number, text in enumerate(texts, 1):
        account_id = known.get(int(text)) if _is_login(text) else None
        problem = _UNKNOWN_LOGIN if account_id is None else (_TWICE if text in seen else None)
        seen.add(text)
        rows.append(
            {
                "number": number,
                "login_text": text,
                "account_id": account_id,
                "state": RowState.NEW if problem is None else RowState.SKIPPED,
                "problem": None if problem is None else as_stored(problem),
            }
        )
    return _make(kind, target, {"logins": len(texts), "platform": str(platform_id)}, rows, by)


def _is_login(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _make(
    kind: BulkKind, target: Mapping[str, Any], chosen: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], by: Actor
) -> BulkRun:
    require_right(kind, by)
    if not rows:
        raise NothingChosen
    if len(rows) > ACCOUNTS_MAX:
        raise TooManyChosen
    run = BulkRun(
        kind=kind,
        target=acts.check_target(kind, target),
        chosen=dict(chosen),
        state=BulkState.CHECKING,
        reason="",
        needs_second_person=False,
        made_by=by.id,
        made_by_name=by.name,
        made_at=clock.now(),
    )
    session().add(run)
    session().flush()
    queries.add_rows(run.id, rows)
    audit.record(
        "trading.bulk.make", run, by=by, after={"kind": kind, "target": run.target, "chosen": chosen, "rows": len(rows)}
    )
    enqueue_after_commit("trading.bulk_check", run_id=str(run.id))
    live.publish("office", "bulk-changed")
    return run


def check_some(run_id: UUID) -> bool:
    """Look at some rows that nobody has looked at, and undo the looking. Answers whether any are left."""
    run = queries.run(run_id, lock=True)
    if run.state is not BulkState.CHECKING:
        return False
    rows = queries.next_rows(run_id, RowState.NEW, CHECKED_AT_ONCE)
    by = _maker(run)
    for row in rows:
        _check(run, row, by)
    session().flush()
    if len(rows) < CHECKED_AT_ONCE:
        run.state = BulkState.DRAFT
        run.needs_second_person = run.kind is BulkKind.CREDIT or queries.counts(run.id).ready > second_person_above()
    live.publish("office", "bulk-changed")
    return run.state is BulkState.CHECKING


def _check(run: BulkRun, row: BulkRow, by: Actor) -> None:
    account = _account(row)
    try:
        if account is None or not account.is_active:
            raise AccountNotReady
        warning = acts.warning_of(run.kind, account)
        with db.undone():
            acts.ask(run.kind, run.target, account, reason=_CHECK_REASON, key=f"check:{run.id}", by=by, accepted=False)
    except MarginCallNear:
        row.state, row.warning = RowState.READY, as_stored(acts.NEAR_MARGIN_CALL)
    except DomainError as refusal:
        row.state, row.problem = RowState.SKIPPED, as_stored(refusal.message)
    else:
        row.state, row.warning = RowState.READY, None if warning is None else as_stored(warning)


_CHECK_REASON = "Looked at, not asked for"


def _account(row: BulkRow) -> TradingAccount | None:
    if row.account_id is None:
        return None
    return accounts.accounts_by_id([row.account_id]).get(row.account_id)


def _maker(run: BulkRun) -> Actor:
    return Actor("staff", run.made_by, run.made_by_name)


def confirm(run_id: UUID, *, reason: str, with_warned: bool, by: Actor) -> BulkRun:
    """Begin with the change, or ask a second person where one is needed. Rows with a warning go along only
    `with_warned`.

    Raises BulkMoved, NothingReady, Invalid at `reason`, Forbidden.
    """
    run = queries.run(run_id, lock=True)
    require_right(run.kind, by)
    if run.state is not BulkState.DRAFT:
        raise BulkMoved
    run.reason = require_reason(reason)
    left_out = 0 if with_warned else queries.drop_warned(run_id)
    ready = queries.counts(run_id).ready
    if not ready:
        raise NothingReady
    run.made_by, run.made_by_name, run.confirmed_at = by.id, by.name, clock.now()
    run.needs_second_person = run.kind is BulkKind.CREDIT or ready > second_person_above()
    audit.record(
        "trading.bulk.confirm",
        run,
        by=by,
        after={"accounts": ready, "left_out": left_out, "second_person": run.needs_second_person},
        reason=run.reason,
    )
    if run.needs_second_person:
        run.state = BulkState.WAITING
    else:
        _begin(run)
    live.publish("office", "bulk-changed")
    return run


def approve(run_id: UUID, *, by: Actor) -> BulkRun:
    """A second person agrees, and the change begins. Raises BulkMoved, SamePerson, Forbidden."""
    run = queries.run(run_id, lock=True)
    require_right(run.kind, by)
    if run.state is not BulkState.WAITING:
        raise BulkMoved
    if run.made_by == by.id:
        raise SamePerson
    run.approved_by, run.approved_by_name = by.id, by.name
    audit.record("trading.bulk.approve", run, by=by)
    _begin(run)
    live.publish("office", "bulk-changed")
    return run


def _begin(run: BulkRun) -> None:
    run.state, run.started_at = BulkState.RUNNING, clock.now()
    session().flush()
    enqueue_after_commit("trading.bulk_run", run_id=str(run.id))


def pause(run_id: UUID, *, by: Actor) -> BulkRun:
    """Ask for nothing more until somebody resumes. What was asked for gets its outcome. Raises BulkMoved."""
    return _steer(run_id, BulkState.RUNNING, BulkState.PAUSED, "trading.bulk.pause", by)


def resume(run_id: UUID, *, by: Actor) -> BulkRun:
    """Go on. Raises BulkMoved."""
    run = _steer(run_id, BulkState.PAUSED, BulkState.RUNNING, "trading.bulk.resume", by)
    enqueue_after_commit("trading.bulk_run", run_id=str(run.id))
    return run


def cancel(run_id: UUID, *, by: Actor) -> BulkRun:
    """Ask for nothing more, for good. What was asked for gets its outcome. Raises BulkMoved."""
    run = queries.run(run_id, lock=True)
    require_right(run.kind, by)
    if run.state in (BulkState.CANCELLED, BulkState.DONE):
        raise BulkMoved
    dropped = queries.cancel_rest(run_id)
    run.state, run.finished_at = BulkState.CANCELLED, clock.now()
    audit.record("trading.bulk.cancel", run, by=by, after={"not_asked": dropped})
    live.publish("office", "bulk-changed")
    return run


def _steer(run_id: UUID, before: BulkState, after: BulkState, action: str, by: Actor) -> BulkRun:
    run = queries.run(run_id, lock=True)
    require_right(run.kind, by)
    if run.state is not before:
        raise BulkMoved
    run.state = after
    audit.record(action, run, by=by)
    live.publish("office", "bulk-changed")
    return run


def advance(run_id: UUID) -> bool:
    """Ask for some more rows, as far as those under way leave room. Answers whether the run is still at work.

    Nothing is asked for while a platform of the rows cannot be reached: their operations would run out unsent.
    """
    run = queries.run(run_id, lock=True)
    under_way = queries.in_flight(run_id)
    if run.state is not BulkState.RUNNING:
        return under_way > 0
    room = min(ASKED_AT_ONCE, IN_FLIGHT_MAX - under_way)
    rows = queries.next_rows(run_id, RowState.READY, room) if room > 0 and not queries.links_down(run_id) else ()
    for row in rows:
        _ask(run, row)
    session().flush()
    counts = queries.counts(run_id)
    if not counts.ready and not counts.in_flight:
        run.state, run.finished_at = BulkState.DONE, clock.now()
        audit.record(
            "trading.bulk.done",
            run,
            by=_maker(run),
            after={"done": counts.done, "refused": counts.refused, "unknown": counts.unknown},
        )
    if rows or run.state is BulkState.DONE:
        live.publish("office", "bulk-changed")
    return run.state is BulkState.RUNNING


def tell(run_id: UUID, seen: Counts | None) -> Counts:
    """Let open pages know when outcomes have arrived since the counts that were `seen`."""
    counts = queries.counts(run_id)
    if counts != seen:
        live.publish("office", "bulk-changed")
    return counts


def _ask(run: BulkRun, row: BulkRow) -> None:
    account = _account(row)
    assert account is not None, "A row that is ready has its account."
    try:
        with session().begin_nested():
            requested = acts.ask(
                run.kind,
                run.target,
                account,
                reason=run.reason,
                key=f"bulk:{run.id}",
                by=_maker(run),
                accepted=row.warning is not None,
            )
            if requested is not None:
                operation = requested.operation
                if operation.state is OperationState.PROPOSED and run.approved_by is not None:
                    approver = Actor("staff", run.approved_by, run.approved_by_name or "")
                    operation = credit.approve(operation.id, by=approver).operation
    except DomainError as refusal:
        row.state, row.problem = RowState.REFUSED, as_stored(refusal.message)
        return
    if requested is None:
        row.state = RowState.SETTLED
        return
    row.state, row.operation_id = RowState.REQUESTED, operation.id
    operations.hand_over(operation)
