"""A test of a connection and what it found."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import TenantModel


class ConnectionTest(TenantModel):
    """One test of a platform's connection. At most one of a platform is not done."""

    __tablename__ = "connection_test"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID]
    login: Mapped[int | None]  # A test account on which a hundredth may move in and out.
    state: Mapped[str]
    findings: Mapped[list[Any]] = mapped_column(default=list)
    requested_by: Mapped[UUID | None]
    requested_by_name: Mapped[str]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
