"""The books as rows. Journal entries and postings are append-only: the app's role may not change or delete them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, SmallInteger, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.money import Money
from app.kit.text import Message, _l, _lp


class Wallet(TenantModel):
    """A balance of one owner, for one purpose, in one currency.

    A client's or partner's balance is what we owe them: positive when it is theirs. `keeps_balance` is off for busy
    house wallets, whose balance is a snapshot plus the postings after it: a stored one would serialise every posting.
    """

    __tablename__ = "wallet"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id",
            "owner_kind",
            "owner_id",
            "house",
            "purpose",
            "currency",
            name="wallet_of_owner",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("balance_minor >= floor_minor", name="wallet_floor"),  # No floor is NULL, which passes.
    )

    owner_kind: Mapped[str]
    owner_id: Mapped[UUID | None]  # The client or partner; NULL for a house wallet, which has a name instead.
    house: Mapped[str | None]
    purpose: Mapped[str]
    currency: Mapped[str]
    keeps_balance: Mapped[bool]
    balance_minor: Mapped[int]
    floor_minor: Mapped[int | None]
    posting_count: Mapped[int]
    created_at: Mapped[datetime]

    @property
    def balance(self) -> Money:
        """The running balance as this row was read. Ask `ledger.balance` for a wallet that keeps none."""
        assert self.keeps_balance, "A wallet without a running balance is summed by ledger.balance."
        return Money.from_minor(self.balance_minor, self.currency)


class JournalEntry(TenantModel):
    """A balanced set of postings under one idempotency key."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", name="journal_entry_key"),
        ForeignKeyConstraint(["tenant_id", "reverses_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
    )

    key: Mapped[str]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str]
    memo: Mapped[str | None]
    business_date: Mapped[date]
    posted_at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    reverses_id: Mapped[UUID | None]


class JournalLink(BulkModel):
    """What an entry was posted for: a deposit, a hold, a settlement run."""

    __tablename__ = "journal_link"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),)

    entry_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    object_type: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)


class Posting(BulkModel):
    """One side of a journal entry. Append-only: a mistake is undone by a reversing entry.

    No key to wallet: `ledger.post` read it under row security, and the proof names a posting without one. `wallet_seq`
    counts the postings of a wallet that keeps its balance, without a gap.
    """

    __tablename__ = "posting"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
        CheckConstraint("amount_minor <> 0", name="posting_amount_not_zero"),
    )

    entry_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    wallet_id: Mapped[UUID]
    wallet_seq: Mapped[int | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    balance_after_minor: Mapped[int | None]


class WalletSnapshot(BulkModel):
    """What the postings of a house wallet summed to, of all entries with an id below `before_entry_id`."""

    __tablename__ = "wallet_snapshot"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),)

    wallet_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    before_entry_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    balance_minor: Mapped[int]
    taken_at: Mapped[datetime]


class HoldStatus(StrEnum):
    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"


class Hold(TenantModel):
    """Money moved to its owner's held wallet until it is spent (captured, in parts if need be) or returned (voided)."""

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", name="hold_key"),
        ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        ForeignKeyConstraint(["tenant_id", "held_wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        CheckConstraint("captured_minor + voided_minor <= amount_minor", name="hold_not_exceeded"),
    )

    key: Mapped[str]
    wallet_id: Mapped[UUID]
    held_wallet_id: Mapped[UUID]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    captured_minor: Mapped[int]
    voided_minor: Mapped[int]
    status: Mapped[HoldStatus] = status_column(HoldStatus)
    reason: Mapped[str]
    placed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def remaining(self) -> Money:
        """What is still held."""
        return Money.from_minor(self.amount_minor - self.captured_minor - self.voided_minor, self.currency)


class AdjustmentStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"

    @property
    def label(self) -> Message:
        return _ADJUSTMENT_LABELS[self]

    @property
    def tone(self) -> str:
        return {"proposed": "warning", "approved": "success", "rejected": "danger"}[self.value]


_ADJUSTMENT_LABELS = {
    AdjustmentStatus.PROPOSED: _l("Waits for a second person"),
    AdjustmentStatus.APPROVED: _lp("adjustment", "Approved"),
    AdjustmentStatus.REJECTED: _lp("adjustment", "Rejected"),
}


class Adjustment(TenantModel):
    """A correction by hand: proposed by one person with a reason, booked when another person approves it.

    The database refuses an approval by the proposer. `amount_minor` is positive when the client gains.
    """

    __tablename__ = "adjustment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "once_key", name="adjustment_once"),
        ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
        CheckConstraint("decided_by <> proposed_by OR status = 'rejected'", name="adjustment_two_people"),
    )

    wallet_id: Mapped[UUID]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    reason: Mapped[str]
    once_key: Mapped[str]
    status: Mapped[AdjustmentStatus] = status_column(AdjustmentStatus)
    proposed_by: Mapped[UUID]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]
    entry_id: Mapped[UUID | None]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)
