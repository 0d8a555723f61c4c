"""Where suspense was booked, the runs that compare us with a platform, and who has taken on what."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.money import Money
from app.kit.text import Message, _l, _lp


class Way(StrEnum):
    """What becomes of money in suspense."""

    HOUSE = "house"  # It came from, or went to, an account of the house: the client paid at the bank, a correction.
    CLIENT = "client"  # The client's wallet is its other side: the movement was a transfer that nobody wrote down.
    UNDO = "undo"  # It does not belong there: the platform is asked to move it back.
    MATCH = "match"  # It is an operation of ours after all.

    @property
    def label(self) -> Message:
        return {
            "house": _l("Book it on an account of the house"),
            "client": _l("Book it on the client's wallet"),
            "undo": _l("Move it back on the platform"),
            "match": _l("It is one of our own requests"),
        }[self.value]


class House(StrEnum):
    """The accounts of the house that suspense may be booked on."""

    BANK = "bank"
    EXPENSE = "expense"
    ADJUSTMENT = "adjustment"

    @property
    def label(self) -> Message:
        return {
            "bank": _l("Bank: the client paid or was paid there"),
            "expense": _l("Expense: the brand bears it or keeps it"),
            "adjustment": _l("Adjustment: it corrects an earlier mistake"),
        }[self.value]

    @property
    def account(self) -> tuple[str, str]:
        """Name and purpose of the house's wallet."""
        return {
            "bank": ("bank_wire", "bank"),
            "expense": ("expense", "expense"),
            "adjustment": ("adjustment", "adjustment"),
        }[self.value]


class BookingStatus(StrEnum):
    """`running` waits for the platform; `failed` is what the platform refused."""

    PROPOSED = "proposed"
    RUNNING = "running"
    BOOKED = "booked"
    REJECTED = "rejected"
    FAILED = "failed"
    REVERSED = "reversed"

    @property
    def is_open(self) -> bool:
        return self in (BookingStatus.PROPOSED, BookingStatus.RUNNING)

    @property
    def label(self) -> Message:
        return {
            "proposed": _l("Waits for a second person"),
            "running": _l("Waits for the platform"),
            "booked": _lp("suspense", "Booked"),
            "rejected": _lp("suspense", "Turned down"),
            "failed": _lp("suspense", "Refused by the platform"),
            "reversed": _lp("suspense", "Taken back"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "proposed": "warning",
            "running": "info",
            "booked": "success",
            "rejected": "neutral",
            "failed": "danger",
            "reversed": "neutral",
        }[self.value]


class SuspenseBooking(TenantModel):
    """A decision about money in suspense: proposed with a reason, carried out by a second person where the sum asks
    for one.

    The database refuses that one person does both. The amount is signed as the movement on the platform was.
    """

    __tablename__ = "suspense_booking"
    __table_args__ = (
        UniqueConstraint("tenant_id", "once_key", name="suspense_booking_once"),
        ForeignKeyConstraint(
            ["tenant_id", "platform_id", "ticket"],
            ["unmatched_deal.tenant_id", "unmatched_deal.platform_id", "unmatched_deal.ticket"],
        ),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        ForeignKeyConstraint(["tenant_id", "operation_id"], ["platform_operation.tenant_id", "platform_operation.id"]),
    )

    platform_id: Mapped[UUID]
    ticket: Mapped[int]
    account_id: Mapped[UUID]
    way: Mapped[Way] = status_column(Way)
    house: Mapped[House | None] = status_column(House)
    operation_id: Mapped[UUID | None]  # The one that is matched, or the one that moves it back.
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str]
    once_key: Mapped[str]
    status: Mapped[BookingStatus] = status_column(BookingStatus)
    needs_second: Mapped[bool]
    proposed_by: Mapped[UUID]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]
    entry_id: Mapped[UUID | None]
    reversed_by: Mapped[UUID | None]
    reversed_by_name: Mapped[str | None]
    reversed_at: Mapped[datetime | None]
    reversal_reason: Mapped[str | None]
    reversal_id: Mapped[UUID | None]

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def is_reversible(self) -> bool:
        """Whether a reversing entry takes it back. What the platform moved back is moved again by hand or not at all,
        and an operation that was confirmed stays so."""
        return self.status is BookingStatus.BOOKED and self.way in (Way.HOUSE, Way.CLIENT)


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def label(self) -> Message:
        return {
            "waiting": _lp("reconciliation", "Waits"),
            "running": _lp("reconciliation", "Under way"),
            "done": _lp("reconciliation", "Finished"),
            "failed": _lp("reconciliation", "Broken off"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "neutral", "running": "info", "done": "success", "failed": "danger"}[self.value]


class ReconciliationRun(TenantModel):
    """One comparison of everything we hold about a platform with what it says."""

    __tablename__ = "reconciliation_run"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID]
    cause: Mapped[str]  # "night" or "asked".
    state: Mapped[RunState] = status_column(RunState)
    asked_by: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    accounts: Mapped[int] = mapped_column(default=0)
    counted: Mapped[int] = mapped_column(default=0)  # Accounts whose deals were counted.
    wallets: Mapped[int] = mapped_column(default=0)
    differences: Mapped[int] = mapped_column(default=0)
    opened: Mapped[int] = mapped_column(default=0)
    closed: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


class MatterAssignee(BulkModel):
    """Who has taken on something that waits for a person."""

    __tablename__ = "matter_assignee"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    name: Mapped[str]
    assigned_at: Mapped[datetime]


class Category(StrEnum):
    """Why a difference stands, in the words of whoever looked into it."""

    LATE_DEAL = "late_deal"
    BY_HAND = "by_hand"
    PLATFORM_ERROR = "platform_error"
    OUR_ERROR = "our_error"
    ROUNDING = "rounding"
    MIGRATION = "migration"
    OTHER = "other"

    @property
    def label(self) -> Message:
        return {
            "late_deal": _l("A deal came late or was added afterwards"),
            "by_hand": _l("Somebody changed it in the manager's terminal"),
            "platform_error": _l("The platform is wrong"),
            "our_error": _l("We are wrong"),
            "rounding": _l("Rounding"),
            "migration": _l("Left over from the take-over of old accounts"),
            "other": _lp("difference", "Something else"),
        }[self.value]
