from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.identity.rules import TokenPurpose, UserKind, UserStatus


class User(TenantModel):
    """A login of one tenant: a client, a member of staff, or an operator (tenant 0). Tenants never share one."""

    __tablename__ = "identity_user"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "email_norm"),
        UniqueConstraint("tenant_id", "client_id"),
    )

    kind: Mapped[UserKind] = status_column(UserKind)
    email: Mapped[str]  # As the person wrote it.
    email_norm: Mapped[str]
    name: Mapped[str]
    country: Mapped[str]  # ISO 3166 code; empty for staff.
    language: Mapped[str]
    theme: Mapped[str]
    timezone: Mapped[str]
    status: Mapped[UserStatus] = status_column(UserStatus)
    client_id: Mapped[UUID | None]  # The broker's customer behind a client's login, given at registration.
    confirmed_at: Mapped[datetime | None]  # When the person proved to read this mailbox.
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]


class PasswordCredential(BulkModel):
    """A user's password, as a hash."""

    __tablename__ = "credential_password"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[str]
    changed_at: Mapped[datetime]


class UserRole(BulkModel):
    """A role that a member of staff holds. Clients and operators hold theirs by kind."""

    __tablename__ = "user_role"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        Index("ix_user_role_role", "tenant_id", "role"),
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class UserSession(TenantModel):
    """One signed-in browser. The cookie holds 256 random bits; the row holds only their hash."""

    __tablename__ = "user_session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        Index("ix_user_session_live", "tenant_id", "user_id", postgresql_where=text("ended_at IS NULL")),
    )

    token_hash: Mapped[str]
    user_id: Mapped[UUID]
    audience: Mapped[str]
    ip: Mapped[str]
    user_agent: Mapped[str]
    device_hash: Mapped[str | None]  # Of the random word that the browser keeps, under this tenant's number.
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]  # Written about once a minute.
    expires_at: Mapped[datetime]
    fresh_until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]


class MailedLink(TenantModel):
    """A link that was mailed to a user and may be used once. The row holds only the hash of its secret."""

    __tablename__ = "mailed_link"
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        Index("ix_mailed_link_user", "tenant_id", "user_id", "purpose"),
    )

    token_hash: Mapped[str]
    user_id: Mapped[UUID]
    purpose: Mapped[TokenPurpose] = status_column(TokenPurpose)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
