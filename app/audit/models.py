from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel


class AuditRecord(TenantModel):
    """One act: who did what to what, from where, and what it changed. Append-only for every role of the product."""

    __tablename__ = "audit_record"
    __table_args__ = (
        Index("ix_audit_record_at", "tenant_id", "at"),
        Index("ix_audit_record_object", "tenant_id", "object_type", "object_id"),
        Index("ix_audit_record_client", "tenant_id", "client_id", "at"),
        Index("ix_audit_record_actor", "tenant_id", "actor_id", "at"),
    )

    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    ip: Mapped[str]
    session_id: Mapped[UUID | None]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    client_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str]
    request_id: Mapped[str]
    value_salt: Mapped[str]
    value_hash: Mapped[str]  # Of actor name, address, before, after and reason; the chain binds this, not the values.


class AuditPending(BulkModel):
    """A record that is not in the chain yet. The sealer takes it away, normally within a second."""

    __tablename__ = "audit_pending"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "record_id"], ["audit_record.tenant_id", "audit_record.id"]),)

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]


class AuditLink(BulkModel):
    """One link of a tenant's chain. Append-only; `seq` counts from 1 without gaps."""

    __tablename__ = "audit_link"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "record_id"], ["audit_record.tenant_id", "audit_record.id"]),
        UniqueConstraint("tenant_id", "record_id"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[UUID]
    previous_hash: Mapped[str]
    hash: Mapped[str]
    sealed_at: Mapped[datetime]
