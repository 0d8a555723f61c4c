"""Payouts of commission, the yes of each person to one, and releases before their time."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.money import Money
from app.kit.text import Message, _l, _lp


class PayoutStatus(StrEnum):
    """`waiting`: its money is set aside until somebody decides. The other three are final."""

    WAITING = "waiting"
    PAID = "paid"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waiting for approval"),
            "paid": _lp("payout", "Paid"),
            "rejected": _lp("payout", "Rejected"),
            "cancelled": _lp("payout", "Cancelled"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "paid": "success", "rejected": "danger", "cancelled": "secondary"}[self.value]


class Payout(TenantModel):
    """Redeemable commission that a partner takes out. Paid, it went through the partner's own main wallet.

    From there a payout by bank goes on as a withdrawal and one to a trading account as a transfer; `stopped_by` is the
    sentence that kept it in the wallet.
    """

    __tablename__ = "commission_payout"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference", name="commission_payout_reference"),
        UniqueConstraint("tenant_id", "partner_id", "once_key", name="commission_payout_once"),
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["hold.tenant_id", "hold.id"]),
        ForeignKeyConstraint(["tenant_id", "withdrawal_id"], ["withdrawal.tenant_id", "withdrawal.id"]),
        ForeignKeyConstraint(["tenant_id", "transfer_id"], ["transfer.tenant_id", "transfer.id"]),
        CheckConstraint("status <> 'paid' OR approvals_given >= approvals_needed", name="commission_payout_approved"),
    )

    partner_id: Mapped[UUID]
    reference: Mapped[str]
    method: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    status: Mapped[PayoutStatus] = status_column(PayoutStatus)
    version: Mapped[int] = mapped_column(Integer)
    is_automatic: Mapped[bool]
    approvals_needed: Mapped[int] = mapped_column(Integer)
    approvals_given: Mapped[int] = mapped_column(Integer)
    account_id: Mapped[UUID | None]
    destination_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # Bank details, under the tenant's data key.
    destination_key_version: Mapped[int | None] = mapped_column(Integer)
    destination_masked: Mapped[str]
    hold_id: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
    withdrawal_id: Mapped[UUID | None]
    transfer_id: Mapped[UUID | None]
    stopped_by: Mapped[str]
    once_key: Mapped[str]
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    reason: Mapped[str]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def is_waiting(self) -> bool:
        return self.status is PayoutStatus.WAITING


class PayoutApproval(BulkModel):
    """One person's yes to one payout. The database refuses a second one by the same person."""

    __tablename__ = "commission_payout_approval"
    __table_args__ = (
        UniqueConstraint("tenant_id", "payout_id", "decided_by", name="commission_payout_two_people"),
        ForeignKeyConstraint(["tenant_id", "payout_id"], ["commission_payout.tenant_id", "commission_payout.id"]),
    )

    payout_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]


class EarlyReleaseStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waiting for a second person"),
            "approved": _lp("early release", "Approved"),
            "refused": _lp("early release", "Refused"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "approved": "success", "refused": "danger"}[self.value]


class EarlyRelease(TenantModel):
    """What one partner got on one settlement day, to be released before its audit period ends: two people's act."""

    __tablename__ = "early_release"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        CheckConstraint("status <> 'approved' OR decided_by <> asked_by", name="early_release_two_people"),
    )

    partner_id: Mapped[UUID]
    business_date: Mapped[date]
    reason: Mapped[str]
    status: Mapped[EarlyReleaseStatus] = status_column(EarlyReleaseStatus)
    asked_by: Mapped[UUID]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime | None]
    note: Mapped[str]
