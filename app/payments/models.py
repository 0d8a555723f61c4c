"""Deposits, withdrawals and a client's own moves, as rows with their states."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.money import Money
from app.kit.text import Message, _l, _lp


class DepositStatus(StrEnum):
    AWAITING_CLIENT = "awaiting_client"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (DepositStatus.AWAITING_CLIENT, DepositStatus.PROCESSING)

    @property
    def label(self) -> Message:
        return _DEPOSIT_LABELS[self]

    @property
    def tone(self) -> str:
        tones = {"awaiting_client": "info", "processing": "warning", "succeeded": "success", "rejected": "danger"}
        return tones.get(self.value, "neutral")


_DEPOSIT_LABELS = {
    DepositStatus.AWAITING_CLIENT: _l("Awaiting the transfer"),
    DepositStatus.PROCESSING: _l("Being checked"),
    DepositStatus.SUCCEEDED: _l("Credited"),
    DepositStatus.REJECTED: _lp("deposit", "Rejected"),
    DepositStatus.CANCELLED: _lp("deposit", "Cancelled"),
}


class WithdrawalStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    PAID = "paid"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (WithdrawalStatus.REQUESTED, WithdrawalStatus.APPROVED)

    @property
    def label(self) -> Message:
        return _WITHDRAWAL_LABELS[self]

    @property
    def tone(self) -> str:
        tones = {"requested": "warning", "approved": "info", "paid": "success", "rejected": "danger"}
        return tones.get(self.value, "neutral")


_WITHDRAWAL_LABELS = {
    WithdrawalStatus.REQUESTED: _l("Being checked"),
    WithdrawalStatus.APPROVED: _l("Approved, waits for payout"),
    WithdrawalStatus.PAID: _l("Paid out"),
    WithdrawalStatus.REJECTED: _lp("withdrawal", "Rejected"),
    WithdrawalStatus.CANCELLED: _lp("withdrawal", "Cancelled"),
}


class TransferKind(StrEnum):
    TO_ACCOUNT = "to_account"
    FROM_ACCOUNT = "from_account"
    CONVERSION = "conversion"


class TransferStatus(StrEnum):
    """`pending` covers the platform's silence: its answer decides, and nothing is sent twice."""

    PENDING = "pending"
    COMPLETED = "completed"
    REFUSED = "refused"

    @property
    def label(self) -> Message:
        return _TRANSFER_LABELS[self]

    @property
    def tone(self) -> str:
        return {"pending": "warning", "completed": "success", "refused": "danger"}[self.value]


_TRANSFER_LABELS = {
    TransferStatus.PENDING: _lp("transfer", "Pending"),
    TransferStatus.COMPLETED: _lp("transfer", "Completed"),
    TransferStatus.REFUSED: _l("Refused by the platform"),
}


class Deposit(TenantModel):
    """Money that a client means to send us, and what became of it. Only an approval credits."""

    __tablename__ = "deposit"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference", name="deposit_reference"),
        UniqueConstraint("tenant_id", "client_id", "once_key", name="deposit_once"),
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        CheckConstraint("(status = 'succeeded') = (entry_id IS NOT NULL)", name="deposit_booked"),
    )

    client_id: Mapped[UUID]
    wallet_id: Mapped[UUID]
    reference: Mapped[str]
    method: Mapped[str]
    currency: Mapped[str]
    requested_minor: Mapped[int]
    received_minor: Mapped[int | None]  # As finance saw it arrive; the first of two approvals fixes it.
    status: Mapped[DepositStatus] = status_column(DepositStatus)
    version: Mapped[int] = mapped_column(Integer)
    approvals_needed: Mapped[int] = mapped_column(Integer)
    approvals_given: Mapped[int] = mapped_column(Integer)
    proof_file_id: Mapped[UUID | None]
    proof_at: Mapped[datetime | None]
    once_key: Mapped[str]
    origin_ip: Mapped[str]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    reason_code: Mapped[str | None]
    reason_note: Mapped[str | None]  # For staff; the client reads the words of the code.
    entry_id: Mapped[UUID | None]

    @property
    def requested(self) -> Money:
        return Money.from_minor(self.requested_minor, self.currency)

    @property
    def received(self) -> Money | None:
        return None if self.received_minor is None else Money.from_minor(self.received_minor, self.currency)

    @property
    def amount(self) -> Money:
        """What arrived where it is known, else what was announced."""
        return self.received or self.requested


class Withdrawal(TenantModel):
    """Money that a client wants paid out. It is held from the request on and leaves the books when it was paid."""

    __tablename__ = "withdrawal"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference", name="withdrawal_reference"),
        UniqueConstraint("tenant_id", "client_id", "once_key", name="withdrawal_once"),
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["hold.tenant_id", "hold.id"]),
        CheckConstraint(
            "status NOT IN ('approved', 'paid') OR approvals_given >= approvals_needed", name="withdrawal_approved"
        ),
    )

    client_id: Mapped[UUID]
    wallet_id: Mapped[UUID]
    hold_id: Mapped[UUID]
    reference: Mapped[str]
    method: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    status: Mapped[WithdrawalStatus] = status_column(WithdrawalStatus)
    version: Mapped[int] = mapped_column(Integer)
    approvals_needed: Mapped[int] = mapped_column(Integer)
    approvals_given: Mapped[int] = mapped_column(Integer)
    destination_sealed: Mapped[bytes] = mapped_column(LargeBinary)  # Bank details, under the tenant's data key.
    destination_key_version: Mapped[int] = mapped_column(Integer)
    destination_masked: Mapped[str]
    once_key: Mapped[str]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    origin_ip: Mapped[str]
    created_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    reason_code: Mapped[str | None]
    reason_note: Mapped[str | None]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)


class PaymentAttempt(TenantModel):
    """One try to pay a withdrawal out, with the reference under which the bank or provider knows it."""

    __tablename__ = "payment_attempt"
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider", "provider_reference", name="payment_attempt_reference"),
        ForeignKeyConstraint(["tenant_id", "withdrawal_id"], ["withdrawal.tenant_id", "withdrawal.id"]),
    )

    withdrawal_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    provider: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    provider_reference: Mapped[str]
    recorded_by: Mapped[UUID | None]
    recorded_by_name: Mapped[str]
    recorded_at: Mapped[datetime]


class PaymentApproval(BulkModel):
    """One person's yes to one payment. The database refuses a second one by the same person."""

    __tablename__ = "payment_approval"
    __table_args__ = (
        UniqueConstraint("tenant_id", "object_id", "decided_by", name="payment_approval_two_people"),
        ForeignKeyConstraint(["tenant_id", "deposit_id"], ["deposit.tenant_id", "deposit.id"]),
        ForeignKeyConstraint(["tenant_id", "withdrawal_id"], ["withdrawal.tenant_id", "withdrawal.id"]),
    )

    object_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    deposit_id: Mapped[UUID | None]
    withdrawal_id: Mapped[UUID | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    decided_by: Mapped[UUID]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime]


class Transfer(TenantModel):
    """A client's move between own wallets and trading accounts. One with an account follows its platform operation."""

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference", name="transfer_reference"),
        UniqueConstraint("tenant_id", "client_id", "once_key", name="transfer_once"),
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        ForeignKeyConstraint(["tenant_id", "operation_id"], ["platform_operation.tenant_id", "platform_operation.id"]),
    )

    client_id: Mapped[UUID]
    kind: Mapped[TransferKind] = status_column(TransferKind)
    reference: Mapped[str]
    wallet_id: Mapped[UUID]
    to_wallet_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    operation_id: Mapped[UUID | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_minor: Mapped[int | None]
    received_currency: Mapped[str | None]
    rate: Mapped[Decimal | None]
    rate_source: Mapped[str | None]
    rate_at: Mapped[datetime | None]
    spread_share: Mapped[Decimal | None]
    status: Mapped[TransferStatus] = status_column(TransferStatus)
    reason: Mapped[str | None]
    once_key: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    entry_id: Mapped[UUID | None]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def received(self) -> Money | None:
        if self.received_minor is None or self.received_currency is None:
            return None
        return Money.from_minor(self.received_minor, self.received_currency)
