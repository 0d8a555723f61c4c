"""The sponsor tree as dated links, and the codes by which people join it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel


class PartnerLink(TenantModel):
    """Who sponsors whom from when to when (`valid_from` included, `valid_to` not).

    A child has one parent at any instant: the database excludes overlaps. Of a link only its end ever changes, so any
    path of the past can be read again.
    """

    __tablename__ = "partner_link"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "child_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "parent_id"], ["client.tenant_id", "client.id"]),
    )

    child_id: Mapped[UUID]
    parent_id: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    request_id: Mapped[str]
    created_at: Mapped[datetime]


class ReferralCode(BulkModel):
    """A code that attributes whoever registers with it. Every client has at least one from the first minute."""

    __tablename__ = "referral_code"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),)

    code: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    visits: Mapped[int]
    created_at: Mapped[datetime]
