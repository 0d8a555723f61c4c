"""Reading the audit log and its chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, text

from app.audit.models import AuditLink, AuditPending, AuditRecord
from app.core.db import execute_sql, session, tenant_id

_SEALER = 0x6175_6469  # "audi": the first half of the advisory lock; the second half is the tenant.


def try_sealer_lock() -> bool:
    """Take the right to seal this tenant's chain until the transaction ends; False when somebody has it."""
    found = execute_sql("SELECT pg_try_advisory_xact_lock(:kind, :tenant_id)", kind=_SEALER)
    return bool(found.scalar_one())


def last_link() -> AuditLink | None:
    return session().execute(select(AuditLink).order_by(AuditLink.seq.desc()).limit(1)).scalar_one_or_none()


def unsealed_records(limit: int) -> Sequence[AuditRecord]:
    """Records that wait for their seal, oldest first, read as the database holds them."""
    waiting = select(AuditPending.record_id)
    statement = select(AuditRecord).where(AuditRecord.id.in_(waiting)).order_by(AuditRecord.id).limit(limit)
    return session().execute(statement.execution_options(populate_existing=True)).scalars().all()


def chain() -> Iterator[tuple[AuditLink, AuditRecord | None]]:
    """Every link in order, with its record. Read in pages, so that a long chain fits into memory."""
    after, page = 0, 2000
    while True:
        statement = (
            select(AuditLink, AuditRecord)
            .outerjoin(
                AuditRecord,
                (AuditRecord.tenant_id == AuditLink.tenant_id) & (AuditRecord.id == AuditLink.record_id),
            )
            .where(AuditLink.seq > after)
            .order_by(AuditLink.seq)
            .limit(page)
            .execution_options(populate_existing=True)
        )
        rows = session().execute(statement).all()
        yield from ((link, row) for link, row in rows)
        if len(rows) < page:
            return
        after = rows[-1][0].seq
        session().expunge_all()


def records_outside() -> Sequence[UUID]:
    """Records that are neither sealed nor waiting: only tampering makes one."""
    found = execute_sql(
        "SELECT r.id FROM audit_record AS r WHERE r.tenant_id = :tenant_id"
        " AND NOT EXISTS (SELECT FROM audit_link AS l WHERE l.tenant_id = r.tenant_id AND l.record_id = r.id)"
        " AND NOT EXISTS (SELECT FROM audit_pending AS p WHERE p.tenant_id = r.tenant_id AND p.record_id = r.id)"
        " ORDER BY r.id LIMIT 100"
    )
    return found.scalars().all()


def pending_since(limit: datetime) -> Sequence[AuditPending]:
    """What has waited for its seal since before `limit`, oldest first."""
    statement = select(AuditPending).where(AuditPending.recorded_at < limit).order_by(AuditPending.recorded_at)
    return session().execute(statement.limit(100)).scalars().all()


def tenants_with_pending() -> Sequence[int]:
    """Which tenants have something to seal. For the scheduler, in a batch scope."""
    return session().execute(text("SELECT DISTINCT tenant_id FROM audit_pending ORDER BY tenant_id")).scalars().all()


def tenants() -> list[tuple[int, str]]:
    """Every tenant's number and slug, the operator's realm too. In a directory scope."""
    return [(row.id, row.slug) for row in session().execute(text("SELECT id, slug FROM tenant ORDER BY id"))]


def log(
    *,
    actor: str = "",
    action: str = "",
    object_text: str = "",
    client_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[AuditRecord]:
    """The audit log, newest first, narrowed by what is given. Texts match anywhere, actions from their beginning."""
    statement = select(AuditRecord).order_by(AuditRecord.at.desc(), AuditRecord.id.desc())
    if actor:
        statement = statement.where(AuditRecord.actor_name.icontains(actor, autoescape=True))
    if action:
        statement = statement.where(AuditRecord.action.istartswith(action, autoescape=True))
    if object_text:
        kind = AuditRecord.object_type.icontains(object_text, autoescape=True)
        statement = statement.where(kind | (AuditRecord.object_id == object_text))
    if client_id is not None:
        statement = statement.where(AuditRecord.client_id == client_id)
    if since is not None:
        statement = statement.where(AuditRecord.at >= since)
    if until is not None:
        statement = statement.where(AuditRecord.at < until)
    return statement


def page_of_log(statement: Select[AuditRecord], *, offset: int, limit: int) -> Sequence[AuditRecord]:
    return session().execute(statement.offset(offset).limit(limit)).scalars().all()


def count_of_log(statement: Select[AuditRecord]) -> int:
    counted = select(func.count()).select_from(statement.order_by(None).subquery())
    return session().execute(counted).scalar_one()


def record(record_id: UUID) -> AuditRecord | None:
    return session().execute(select(AuditRecord).where(AuditRecord.id == record_id)).scalar_one_or_none()


def link_of(record_id: UUID) -> AuditLink | None:
    """The link that seals a record, or None while it waits."""
    return session().execute(select(AuditLink).where(AuditLink.record_id == record_id)).scalar_one_or_none()


def is_sealed(record_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these records stand in the chain already."""
    statement = select(AuditLink.record_id).where(AuditLink.record_id.in_(record_ids))
    return set(session().execute(statement).scalars())


def sealed_count() -> int:
    """How many links the bound tenant's chain has."""
    statement = select(func.coalesce(func.max(AuditLink.seq), 0)).where(AuditLink.tenant_id == tenant_id())
    return session().execute(statement).scalar_one()
