"""Accounts that pay no commission for a time, and clients who are one person."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel


class AccountExclusion(TenantModel):
    """An account out of commission, from when to when: trades closed meanwhile pay nobody."""

    __tablename__ = "account_exclusion"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
    )

    account_id: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str]
    actor_name: Mapped[str]
    created_at: Mapped[datetime]


class SamePerson(BulkModel):
    """One client of a person who has several. All with the same `person_id` are one person."""

    __tablename__ = "same_person"

    client_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    person_id: Mapped[UUID]
    reason: Mapped[str]
    actor_name: Mapped[str]
    created_at: Mapped[datetime]
