from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel, status_column


class Mode(StrEnum):
    """What a lock does to its function."""

    DENY = "deny"


class Source(StrEnum):
    """Who asked for a lock."""

    RULE = "rule"
    PERSON = "person"
    API = "api"
    PLATFORM = "platform"


class Restriction(TenantModel):
    """One function locked for one subject, from an instant and perhaps until one.

    Rows are never taken away: a lift is written on the row, and lifts that row only. Two locks on the same function are
    two rows, and both must end before the function opens.
    """

    __tablename__ = "restriction"
    __table_args__ = (
        Index(
            "ix_restriction_unlifted",
            "tenant_id",
            "function",
            "subject_type",
            "subject_id",
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_restriction_subject", "tenant_id", "subject_type", "subject_id", "created_at"),
    )

    subject_type: Mapped[str]
    subject_id: Mapped[str]
    function: Mapped[str]
    mode: Mapped[Mode] = status_column(Mode)
    reason_code: Mapped[str]
    public_note: Mapped[str]  # Shown to the client beside the refusal; may be empty.
    internal_note: Mapped[str]  # For staff only.
    source: Mapped[Source] = status_column(Source)
    set_by: Mapped[UUID | None]
    set_by_name: Mapped[str]
    created_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]
    lifted_by_name: Mapped[str | None]
    lift_reason: Mapped[str | None]

    def is_active(self, at: datetime) -> bool:
        """Whether the lock holds at that instant. It ends exactly at its expiry."""
        return self.lifted_at is None and self.starts_at <= at and (self.expires_at is None or at < self.expires_at)
