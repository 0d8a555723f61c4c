"""Readings about money in suspense and where it was booked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.audit.models import AuditRecord
from app.core.db import get, session
from app.core.errors import NotFound
from app.kit.money import Money
from app.ledger import queries as books
from app.ledger.models import JournalEntry
from app.trading.models import (
    DealRow,
    OperationKind,
    OperationState,
    PlatformOperation,
    SyncDifference,
    TradingAccount,
    UnmatchedDeal,
)
from app.trading.money.models import SuspenseBooking

# How operations, movements, bookings and differences are named in the audit log, and as matters of the queue.
_RECORDED_AS = (
    "platform_operation",
    "unmatched_deal",
    "suspense_booking",
    "sync_difference",
    "operation",
    "deal",
    "difference",
)


def lock_deal(platform_id: UUID, ticket: int) -> UnmatchedDeal:
    """A movement that nothing explains, locked and read fresh. Raises NotFound."""
    statement = (
        select(UnmatchedDeal)
        .where(UnmatchedDeal.platform_id == platform_id, UnmatchedDeal.ticket == ticket)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    row = session().scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def find_deal(platform_id: UUID, ticket: int) -> UnmatchedDeal:
    """A movement that nothing explains. Raises NotFound."""
    row = (
        session()
        .scalars(select(UnmatchedDeal).where(UnmatchedDeal.platform_id == platform_id, UnmatchedDeal.ticket == ticket))
        .one_or_none()
    )
    if row is None:
        raise NotFound
    return row


def deal_row(platform_id: UUID, ticket: int) -> DealRow | None:
    """The deal as the platform reported it."""
    statement = select(DealRow).where(DealRow.platform_id == platform_id, DealRow.ticket == ticket)
    return session().scalars(statement).one_or_none()


def booking(booking_id: UUID, *, lock: bool = False) -> SuspenseBooking:
    """A booking. Raises NotFound."""
    row = get(SuspenseBooking, booking_id, lock=lock)
    if row is None:
        raise NotFound
    return row


def booking_by_once_key(key: str) -> SuspenseBooking | None:
    """The booking that a form's number made."""
    return session().scalars(select(SuspenseBooking).where(SuspenseBooking.once_key == key)).one_or_none()


def booking_of_operation(operation_id: UUID) -> SuspenseBooking | None:
    """The booking that had the platform asked to move money back by this operation."""
    statement = select(SuspenseBooking).where(
        SuspenseBooking.operation_id == operation_id, SuspenseBooking.way == "undo"
    )
    return session().scalars(statement).one_or_none()


def bookings_of(platform_id: UUID, ticket: int) -> Sequence[SuspenseBooking]:
    """What was decided about a movement, oldest first."""
    statement = (
        select(SuspenseBooking)
        .where(SuspenseBooking.platform_id == platform_id, SuspenseBooking.ticket == ticket)
        .order_by(SuspenseBooking.proposed_at, SuspenseBooking.id)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def open_booking(platform_id: UUID, ticket: int) -> SuspenseBooking | None:
    """The booking of a movement that waits for a second person or for the platform."""
    found = [row for row in bookings_of(platform_id, ticket) if row.status.is_open]
    return found[0] if found else None


def entries_of(row: UnmatchedDeal) -> list[JournalEntry]:
    """Every journal entry about a movement and its bookings, oldest first."""
    key = f"deal:{row.platform_id}:{row.ticket}"
    statement = select(JournalEntry).where((JournalEntry.key == key) | JournalEntry.key.startswith(f"{key}:"))
    found = {entry.id: entry for entry in session().scalars(statement)}
    for each in bookings_of(row.platform_id, row.ticket):
        found |= {entry.id: entry for entry in books.entries_for(each.id)}
        if each.operation_id is not None:
            found |= {entry.id: entry for entry in books.entries_for(each.operation_id)}
    return sorted(found.values(), key=lambda entry: (entry.posted_at, entry.id))


def entries_of_operation(operation: PlatformOperation) -> list[JournalEntry]:
    """Every journal entry about an operation and the money that was held for it, oldest first."""
    found = {entry.id: entry for entry in books.entries_for(operation.id)}
    if operation.hold_id is not None:
        hold = books.get_hold(operation.hold_id)
        placed = books.entry_by_key(f"{hold.key}:place")
        found |= {entry.id: entry for entry in (*books.entries_for(hold.id), placed) if entry is not None}
    return sorted(found.values(), key=lambda entry: (entry.posted_at, entry.id))


def moved_by(entry_id: UUID) -> list[Money]:
    """How much an entry moved, by currency."""
    totals: dict[str, Money] = {}
    for line in books.lines_of(entry_id):
        if line.money.minor > 0:
            currency = line.money.currency
            totals[currency] = totals.get(currency, Money.zero(currency)) + line.money
    return list(totals.values())


def operations_that_may_be(row: UnmatchedDeal) -> list[PlatformOperation]:
    """Our operations that this movement may be: same account, same sum, refused or with an unknown outcome."""
    if row.account_id is None or row.currency is None:
        return []
    statement = (
        select(PlatformOperation)
        .where(
            PlatformOperation.account_id == row.account_id,
            PlatformOperation.currency == row.currency,
            PlatformOperation.state.in_((OperationState.REFUSED, OperationState.UNKNOWN)),
            PlatformOperation.kind.in_((OperationKind.FUND, OperationKind.WITHDRAW)),
        )
        .order_by(PlatformOperation.created_at.desc())
        .limit(50)
    )
    return [each for each in session().scalars(statement) if each.signed_amount == row.in_suspense]


def movements_of(account_id: UUID | None, since: datetime, until: datetime) -> Sequence[DealRow]:
    """The movements of money and credit of an account between two instants, oldest first."""
    if account_id is None:
        return []
    statement = (
        select(DealRow)
        .join(
            TradingAccount,
            (TradingAccount.tenant_id == DealRow.tenant_id)
            & (TradingAccount.platform_id == DealRow.platform_id)
            & (TradingAccount.login == DealRow.login),
        )
        .where(TradingAccount.id == account_id, DealRow.kind != "trade", DealRow.at >= since, DealRow.at <= until)
        .order_by(DealRow.at, DealRow.ticket)
        .limit(50)
    )
    return session().scalars(statement).all()


def records_of(object_ids: Sequence[str]) -> Sequence[AuditRecord]:
    """What people and the connector did to these objects, newest first."""
    statement = (
        select(AuditRecord)
        .where(AuditRecord.object_type.in_(_RECORDED_AS), AuditRecord.object_id.in_(object_ids))
        .order_by(AuditRecord.at.desc(), AuditRecord.id.desc())
        .limit(100)
    )
    return session().scalars(statement).all()


def difference(difference_id: UUID, *, lock: bool = False) -> SyncDifference:
    """A difference between a platform and us. Raises NotFound."""
    row = get(SyncDifference, difference_id, lock=lock)
    if row is None:
        raise NotFound
    return row
