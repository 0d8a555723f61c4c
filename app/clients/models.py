"""Clients and the notes that staff write on them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.clients.rules import ClientStatus
from app.core.db import TenantModel, status_column


class Client(TenantModel):
    """A broker's customer: one person, one login. Made when the person signs up, never deleted."""

    __tablename__ = "client"
    __table_args__ = (
        UniqueConstraint("tenant_id", "user_id"),
        UniqueConstraint("tenant_id", "number"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        ForeignKeyConstraint(["tenant_id", "owner_id"], ["identity_user.tenant_id", "identity_user.id"]),
        ForeignKeyConstraint(["tenant_id", "suspension_id"], ["restriction.tenant_id", "restriction.id"]),
        Index("ix_client_created", "tenant_id", "created_at", "id"),
        Index("ix_client_name", "tenant_id", "name_sort", "id"),
    )

    user_id: Mapped[UUID]
    number: Mapped[int]  # Seven digits; how clients and staff name the client to each other.
    name: Mapped[str]
    name_sort: Mapped[str]
    email: Mapped[str]
    email_norm: Mapped[str]
    country: Mapped[str]
    language: Mapped[str]
    status: Mapped[ClientStatus] = status_column(ClientStatus)
    suspension_id: Mapped[UUID | None]  # The lock on sign-in that the suspension has set.
    kyc_level: Mapped[int]
    owner_id: Mapped[UUID | None]  # The member of staff who looks after the client.
    signup_ip: Mapped[str]
    created_at: Mapped[datetime]


class ClientNote(TenantModel):
    """What a member of staff wrote down about a client. Append-only."""

    __tablename__ = "client_note"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        Index("ix_client_note_client", "tenant_id", "client_id", "created_at"),
    )

    client_id: Mapped[UUID]
    author_id: Mapped[UUID]
    author_name: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
