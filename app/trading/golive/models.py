"""What people have confirmed about a connection."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel


class GoLiveMark(BulkModel):
    """A step of a platform's list that somebody has confirmed by hand."""

    __tablename__ = "go_live_mark"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    note: Mapped[str]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    at: Mapped[datetime]
