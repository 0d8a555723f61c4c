"""The tenant directory (global) and what belongs to one tenant: its applied bundle and its sealed secrets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, GlobalModel, status_column

OPERATOR = 0  # The operator's own realm: the same identity, audit and policies, no bundle, never billed.


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class TenantRow(GlobalModel):
    """One broker brand in the directory. `config_version` names the bundle that is in force."""

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    status: Mapped[TenantStatus] = status_column(TenantStatus)
    is_sandbox: Mapped[bool]
    business_offset_seconds: Mapped[int]
    config_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class TenantHost(GlobalModel):
    """A host name and the audience it shows. The primary one of each audience is used in links."""

    __tablename__ = "tenant_host"

    host: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(Integer)
    audience: Mapped[str]
    is_primary: Mapped[bool]


class AppliedBundle(BulkModel):
    """A bundle as it was applied. Append-only: the newest version is in force, older ones say what was."""

    __tablename__ = "tenant_config"

    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    document: Mapped[dict[str, Any]]
    digest: Mapped[str]
    applied_at: Mapped[datetime]


class TenantSecret(BulkModel):
    """A secret of the tenant, sealed under its data key. Pages show the tail and the age, never the value."""

    __tablename__ = "tenant_secret"

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    key_version: Mapped[int] = mapped_column(Integer)
    tail: Mapped[str]
    changed_at: Mapped[datetime]
