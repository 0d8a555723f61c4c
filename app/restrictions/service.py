"""The check point of the ban matrix, and the locks that it asks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.audit import service as audit
from app.core import features, live
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.core.events import publish
from app.kit import clock
from app.kit.text import Message, _l
from app.restrictions import queries, rules
from app.restrictions.events import FunctionLifted, FunctionLocked
from app.restrictions.models import Mode, Restriction, Source

_TRANSACTION, _CLEARED = "restrictions.transaction", "restrictions.cleared"


class Restricted(DomainError):
    """A lock denies this function to the client, who reads the note that staff wrote with it, if there is one."""

    status_code = 403
    message = _l("This is not available for you at the moment. Please contact support.")


class AlreadyLifted(Conflict):
    message = _l("Somebody has already lifted this lock.")


def require(function: str, client_id: UUID) -> None:
    """Refuse with Restricted when the function is locked for the client. Ask again where time has passed in between.

    A lock and an act of the same client do not pass each other: the act finishes before the lock is set, or sees it.
    Asked again within one transaction it answers from the first time, for nobody can have set a lock since.
    """
    _known(function)
    if (function, client_id) in _cleared():
        return
    queries.wait_for_changes(client_id)
    found = queries.first_lock(function, client_id, clock.now())
    if found is not None:
        raise Restricted(Message("%(note)s", {"note": found.public_note}) if found.public_note else None)
    if not session().in_nested_transaction():  # A savepoint that is rolled back gives its locks back.
        _cleared().add((function, client_id))


def _cleared() -> set[tuple[str, UUID]]:
    """What was asked and not refused since the transaction began: its shared locks are still held."""
    bound = session()
    transaction = bound.get_transaction()
    if bound.info.get(_TRANSACTION) is not transaction:
        bound.info[_TRANSACTION], bound.info[_CLEARED] = transaction, set()
    cleared: set[tuple[str, UUID]] = bound.info.setdefault(_CLEARED, set())
    return cleared


def is_locked(function: str, client_id: UUID) -> bool:
    """Whether the function is locked for the client now; to show it, not to decide on money."""
    _known(function)
    return queries.first_lock(function, client_id, clock.now()) is not None


def locked_clients(function: str, at: datetime | None = None) -> set[UUID]:
    """The clients who have a lock of their own on the function. Inside SQL use `queries.locked_clients_select`."""
    _known(function)
    return set(session().execute(queries.locked_clients_select(function, at or clock.now())).scalars())


def lock(
    client_id: UUID,
    function: str,
    *,
    reason_code: str,
    by: Actor,
    public_note: str = "",
    internal_note: str = "",
    expires_at: datetime | None = None,
    source: Source = Source.PERSON,
) -> Restriction:
    """Lock a function for a client from now on, until `expires_at` or a lift. Raises Invalid naming the field.

    Acts that have passed their check are finished first; those who have work in flight hear FunctionLocked in this
    transaction.
    """
    now = clock.now()
    if function not in features.functions():
        raise Invalid(_l("Choose one of the functions."), field="function")
    if reason_code not in rules.REASONS:
        raise Invalid(_l("Choose a reason."), field="reason_code")
    if expires_at is not None and expires_at <= now:
        raise Invalid(_l("The end must lie in the future."), field="expires_at")
    for name, note in (("public_note", public_note), ("internal_note", internal_note)):
        if len(note) > rules.NOTE_LENGTH_MAX:
            raise Invalid(_l("Use at most %(length)s characters.", length=rules.NOTE_LENGTH_MAX), field=name)
    queries.wait_for_uses(client_id)
    row = Restriction(
        subject_type=queries.CLIENT,
        subject_id=str(client_id),
        function=function,
        mode=Mode.DENY,
        reason_code=reason_code,
        public_note=public_note.strip(),
        internal_note=internal_note.strip(),
        source=source,
        set_by=by.id,
        set_by_name=by.name,
        created_at=now,
        starts_at=now,
        expires_at=expires_at,
        lifted_at=None,
        lifted_by=None,
        lifted_by_name=None,
        lift_reason=None,
    )
    session().add(row)
    session().flush()
    values = {
        "function": function,
        "reason": reason_code,
        "public_note": row.public_note,
        "internal_note": row.internal_note,
        "expires_at": expires_at,
    }
    audit.record("restrictions.lock", row, by=by, after=values, client_id=client_id)
    publish(FunctionLocked(row.id, client_id, function, reason_code))
    live.publish(f"client:{client_id}", "restrictions-changed")
    live.publish("office", "restrictions-changed")
    return row


def lift(restriction_id: UUID, *, reason: str, by: Actor, client_id: UUID | None = None) -> Restriction:
    """Take one lock away; of this client only, where one is given. Other locks on the same function stay.

    Raises NotFound, Invalid, AlreadyLifted.
    """
    row = get(Restriction, restriction_id, lock=True)
    if row is None or (client_id is not None and row.subject_id != str(client_id)):
        raise NotFound
    if row.lifted_at is not None:
        raise AlreadyLifted
    if not reason.strip():
        raise Invalid(_l("Say why the lock is lifted."), field="reason")
    row.lifted_at, row.lifted_by, row.lifted_by_name = clock.now(), by.id, by.name
    row.lift_reason = reason.strip()[: rules.NOTE_LENGTH_MAX]
    locked_client = UUID(row.subject_id)
    audit.record(
        "restrictions.lift",
        row,
        by=by,
        before={"function": row.function, "reason": row.reason_code, "expires_at": row.expires_at},
        after={"lifted_at": row.lifted_at},
        reason=row.lift_reason,
        client_id=locked_client,
    )
    publish(FunctionLifted(row.id, locked_client, row.function))
    live.publish(f"client:{locked_client}", "restrictions-changed")
    live.publish("office", "restrictions-changed")
    return row


def _known(function: str) -> None:
    """A check point with a misspelt function would never lock anything: that is a fault of the code and says so."""
    known = features.functions()
    if known and function not in known:
        raise LookupError(f"No feature declares the restricted function {function!r}.")
