"""Recording acts, sealing them into the tenant's chain, and proving the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import Insert, Table, bindparam, delete, insert, inspect, select

from app.audit import queries, rules
from app.audit.models import AuditLink, AuditPending, AuditRecord
from app.core.actor import Actor
from app.core.db import session, tenant_id
from app.kit import clock
from app.kit.ids import new_id, new_token

_SEAL_AT_ONCE = 1000
_COLUMNS = tuple(column.key for column in inspect(AuditRecord).columns)


def _writing() -> Insert:
    """A record and the note that it waits for its seal, in one statement: most acts are awaited by somebody."""
    written = (
        insert(cast(Table, AuditRecord.__table__))
        .values({name: bindparam(name) for name in _COLUMNS})
        .returning(AuditRecord.tenant_id, AuditRecord.id, AuditRecord.at)
        .cte("written")
    )
    names = ["tenant_id", "record_id", "recorded_at"]
    return insert(cast(Table, AuditPending.__table__)).from_select(
        names, select(written.c.tenant_id, written.c.id, written.c.at)
    )


_WRITE = _writing()


def record(
    action: str,
    obj: object | tuple[str, object],
    *,
    by: Actor,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
    client_id: UUID | None = None,
) -> AuditRecord:
    """Record an act in the act's own transaction: both happen or neither.

    `obj` is the row acted on, or its type and id. `client_id` says whose record the act belongs to; it is taken from
    the row or from a client who acts where it is not given. Values are stored as JSON; never hand in a secret.
    """
    object_type, object_id = _named(obj)
    salt = new_token(128)
    row = AuditRecord(
        tenant_id=tenant_id(),
        id=new_id(),
        at=clock.now(),
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
        ip=by.ip,
        session_id=by.session_id,
        action=action,
        object_type=object_type,
        object_id=object_id,
        client_id=client_id or getattr(obj, "client_id", None) or by.client_id,
        before=None if before is None else rules.plain(before),
        after=None if after is None else rules.plain(after),
        reason=reason,
        request_id=str(structlog.contextvars.get_contextvars().get("request", "")),
        value_salt=salt,
    )
    row.value_hash = rules.value_hash(salt, _values(row))
    session().flush()  # What is recorded stands before its record.
    session().execute(_WRITE, {name: getattr(row, name) for name in _COLUMNS})
    return row


def seal() -> int:
    """Bind what is not sealed yet into the bound tenant's chain, oldest first, and answer how many records that were.

    One sealer per tenant works at a time; a second one answers 0 at once and has nothing to do.
    """
    if not queries.try_sealer_lock():
        return 0
    head = queries.last_link()
    seq, previous = (head.seq, head.hash) if head is not None else (0, rules.GENESIS)
    links: list[dict[str, object]] = []
    records = queries.unsealed_records(limit=_SEAL_AT_ONCE)
    for row in records:
        seq += 1
        this = rules.link_hash(previous, _sealed(row, seq))
        links.append(
            {
                "tenant_id": row.tenant_id,
                "seq": seq,
                "record_id": row.id,
                "previous_hash": previous,
                "hash": this,
                "sealed_at": clock.now(),
            }
        )
        previous = this
    if links:
        session().execute(insert(AuditLink), links)
        session().execute(delete(AuditPending).where(AuditPending.record_id.in_([row.id for row in records])))
    return len(links)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the proof of a chain found wrong, in a sentence for the operator."""

    sentence: str
    seq: int | None = None
    record_id: UUID | None = None


def verify() -> Iterator[Finding]:
    """Prove the bound tenant's chain. Yields the first broken link, then every record left unsealed for too long.

    A record that was changed, taken out or put in afterwards shows as a broken link; one whose pending row was taken
    away before sealing shows as a record outside the chain.
    """
    previous, expected = rules.GENESIS, 1
    for link, row in queries.chain():
        problem = _broken(link, row, expected, previous)
        if problem is not None:
            yield Finding(problem, link.seq, link.record_id)
            break
        previous, expected = link.hash, expected + 1
    for row_id in queries.records_outside():
        yield Finding(f"Record {row_id} is neither in the chain nor waiting for it.", record_id=row_id)
    limit = clock.now() - timedelta(seconds=rules.UNSEALED_SECONDS_MAX)
    for pending in queries.pending_since(limit):
        age = (clock.now() - pending.recorded_at).total_seconds()
        yield Finding(f"Record {pending.record_id} has waited {age:.0f} seconds for its seal.", None, pending.record_id)


def _broken(link: AuditLink, row: AuditRecord | None, expected: int, previous: str) -> str | None:
    if link.seq != expected:
        return f"Link {expected} is missing; the chain goes on with {link.seq}."
    if row is None:
        return f"Link {link.seq} seals a record that is gone."
    if link.previous_hash != previous:
        return f"Link {link.seq} does not follow the link before it."
    if rules.value_hash(row.value_salt, _values(row)) != row.value_hash:
        return f"The values of the record in link {link.seq} have been changed."
    if rules.link_hash(previous, _sealed(row, link.seq)) != link.hash:
        return f"The record in link {link.seq} has been changed."
    return None


def _named(obj: object | tuple[str, object]) -> tuple[str, str]:
    if isinstance(obj, tuple):
        kind, key = obj
        return str(kind), str(key)
    return str(getattr(obj, "__tablename__", type(obj).__name__)), str(getattr(obj, "id", ""))


def _values(row: AuditRecord) -> dict[str, Any]:
    """What belongs to persons in a record. The chain covers its hash only, so that erasure leaves the chain whole."""
    return {
        "actor_name": row.actor_name,
        "ip": row.ip,
        "before": row.before,
        "after": row.after,
        "reason": row.reason,
    }


def _sealed(row: AuditRecord, seq: int) -> rules.Sealed:
    assert row.tenant_id == tenant_id()
    return rules.Sealed(
        tenant_id=row.tenant_id,
        seq=seq,
        record_id=row.id,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        action=row.action,
        object_type=row.object_type,
        object_id=row.object_id,
        client_id=row.client_id,
        request_id=row.request_id,
        value_hash=row.value_hash,
    )
