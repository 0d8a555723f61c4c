"""Copying accounts as rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel


class CopyAccount(BulkModel):
    """An account that copied somebody when the platform was last asked. It need not be a client's account of ours."""

    __tablename__ = "copy_account"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    login: Mapped[int] = mapped_column(primary_key=True)
    parent_login: Mapped[int]
    provider: Mapped[str]
    provider_name: Mapped[str]
    balance: Mapped[Decimal]
    currency: Mapped[str]
    seen_at: Mapped[datetime]
