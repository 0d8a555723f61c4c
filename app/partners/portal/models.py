"""Named links, clicks and registrations that came by them, banners, and the day so far."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel


class CampaignLink(TenantModel):
    """A partner's named link. Its code is one of their referral codes, so it attributes as any other does."""

    __tablename__ = "campaign_link"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code", name="campaign_link_code"),
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "code"], ["referral_code.tenant_id", "referral_code.code"]),
    )

    partner_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    target: Mapped[str]  # The key of a page that the brand offers; never an address.
    source: Mapped[str]
    medium: Mapped[str]
    campaign: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]  # Hidden from the partner's list. The code goes on attributing.


class LinkClick(TenantModel):
    """Somebody followed a partner's link. Never changed, forgotten in time; nothing in it names a person."""

    __tablename__ = "link_click"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "link_id"], ["campaign_link.tenant_id", "campaign_link.id"]),
    )

    partner_id: Mapped[UUID]
    link_id: Mapped[UUID | None]  # None: the partner's plain code.
    business_date: Mapped[date]
    clicked_at: Mapped[datetime]
    visitor: Mapped[str]  # A keyed hash of address and browser that changes every day.
    device: Mapped[str]


class LinkRegistration(BulkModel):
    """Somebody signed up with a partner's code and stands below that partner since."""

    __tablename__ = "link_registration"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "link_id"], ["campaign_link.tenant_id", "campaign_link.id"]),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    business_date: Mapped[date]
    registered_at: Mapped[datetime]


class PartnerBanner(TenantModel):
    """A picture that partners put on their own pages. One that is withdrawn is no longer served."""

    __tablename__ = "partner_banner"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),)

    name: Mapped[str]
    language: Mapped[str]
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    file_id: Mapped[UUID]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    withdrawn_at: Mapped[datetime | None]


class DaySoFar(BulkModel):
    """How far the present day has been computed ahead of its settlement."""

    __tablename__ = "day_so_far"

    business_date: Mapped[date]
    plan_number: Mapped[int] = mapped_column(Integer)
    batch_no: Mapped[int]  # The last batch of deals that was known.
    trades: Mapped[int]
    computed_at: Mapped[datetime]  # By the clock of the machine.
    seconds: Mapped[Decimal]  # How long it took.


class EarnedSoFar(BulkModel):
    """What the present day has brought a partner in one track until now. Nothing is posted from it."""

    __tablename__ = "earned_so_far"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    track: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    business_date: Mapped[date]
    trades: Mapped[int]
    lots: Mapped[Decimal]
    amount: Mapped[Decimal]
