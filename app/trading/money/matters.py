"""What waits for a person: operations without an outcome, money that nothing explains, figures that differ, and money
that is still held though its operation has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from app.clients import queries as clients
from app.core.db import session
from app.kit import clock
from app.kit.text import Message, _l, _lp
from app.ledger.models import Hold, HoldStatus
from app.trading.models import (
    OperationKind,
    OperationState,
    PlatformOperation,
    SyncDifference,
    TradingAccount,
    UnmatchedDeal,
)
from app.trading.money.models import BookingStatus, MatterAssignee, SuspenseBooking
from app.trading.queries import platforms


class MatterKind(StrEnum):
    OPERATION = "operation"
    DEAL = "deal"
    DIFFERENCE = "difference"

    @property
    def label(self) -> Message:
        return {
            "operation": _l("Requests without an outcome"),
            "deal": _l("Unexplained money"),
            "difference": _l("Figures that differ"),
        }[self.value]


DEAL_REASONS: Mapping[str, Message] = {
    "unmatched": _l("Made by somebody else"),
    "late": _l("Arrived after we had refused it"),
    "duplicate": _l("A second movement with the same reference"),
    "changed": _l("Changed on the platform afterwards"),
}
DIFFERENCE_KINDS: Mapping[str, Message] = {
    "balance": _l("Balance of an account"),
    "credit": _l("Credit of an account"),
    "deal_count": _l("Number of deals"),
    "house_wallet": _l("Clients' money on the platform, by our books"),
}


@dataclass(frozen=True, slots=True)
class Matter:
    """One line of the queue. `key` names it among those of its kind."""

    kind: MatterKind
    key: str
    since: datetime
    platform_id: UUID
    platform: str
    what: Message
    state: Message
    tone: str
    amount: Decimal | None
    currency: str
    reference: str
    account_id: UUID | None
    login: int | None
    client_id: UUID | None
    client: str
    client_number: int | None
    assignee_id: UUID | None
    assignee: str


@dataclass(frozen=True, slots=True)
class MatterFilter:
    """Which matters to show; empty means all. `whose` is "mine", "nobodys" or empty."""

    kind: str = ""
    platform: str = ""
    whose: str = ""
    search: str = ""


def queue(chosen: MatterFilter, viewer: UUID | None) -> list[Matter]:
    """What waits, the oldest first."""
    found = _composed([*_operations(), *_held(), *_deals(), *_differences()])
    return sorted((each for each in found if _fits(each, chosen, viewer)), key=lambda each: each.since)


def waiting() -> int:
    """How much waits for a person: what is searched by itself, or is explained, does not."""
    return platforms.waiting_for_a_person()


@dataclass(frozen=True, slots=True)
class _Raw:
    kind: MatterKind
    key: str
    since: datetime
    platform_id: UUID
    account_id: UUID | None
    what: Message
    state: Message
    tone: str
    amount: Decimal | None
    currency: str
    reference: str


def _operations() -> Iterable[_Raw]:
    statement = select(PlatformOperation).where(PlatformOperation.state == OperationState.UNKNOWN)
    for row in session().scalars(statement):
        state, tone = operation_state(row)
        yield _of_operation(row, state, tone)


def operation_state(row: PlatformOperation) -> tuple[Message, str]:
    """What is done about an operation without an outcome, and its tone."""
    if row.stated_outcome:
        return _l("A second person must see the same"), "warning"
    if row.next_look_at is not None:
        return _l("Searched by itself"), "info"
    return _l("Must be decided"), "danger"


def _of_operation(row: PlatformOperation, state: Message, tone: str) -> _Raw:
    return _Raw(
        MatterKind.OPERATION,
        str(row.id),
        row.sent_at or row.created_at,
        row.platform_id,
        row.account_id,
        _l("Open account: nobody knows whether it was opened")
        if row.kind is OperationKind.OPEN_ACCOUNT
        else row.kind.label,
        state,
        tone,
        row.signed_amount if row.money else None,
        row.currency or "",
        row.reference,
    )


def _held() -> Iterable[_Raw]:
    """Operations that have ended while their money is still held: it must not happen, and nobody would see it."""
    statement = (
        select(PlatformOperation)
        .join(Hold, (Hold.tenant_id == PlatformOperation.tenant_id) & (Hold.id == PlatformOperation.hold_id))
        .where(
            PlatformOperation.state.in_((OperationState.CONFIRMED, OperationState.REFUSED, OperationState.RECONCILED)),
            Hold.status == HoldStatus.OPEN,
        )
    )
    for row in session().scalars(statement):
        yield _of_operation(row, _l("It has ended, but its money is still held"), "danger")


def _deals() -> Iterable[_Raw]:
    statement = select(UnmatchedDeal).where(UnmatchedDeal.resolved_at.is_(None))
    latest = _latest_bookings()
    for row in session().scalars(statement):
        state, tone = _deal_state(latest.get((row.platform_id, row.ticket)))
        yield _Raw(
            MatterKind.DEAL,
            deal_key(row.platform_id, row.ticket),
            row.found_at,
            row.platform_id,
            row.account_id,
            DEAL_REASONS[row.reason],
            state,
            tone,
            row.in_suspense,
            row.currency or "",
            row.comment or str(row.ticket),
        )


def deal_key(platform_id: UUID, ticket: int) -> str:
    """How an unexplained movement is named in the queue."""
    return f"{platform_id}:{ticket}"


def _latest_bookings() -> dict[tuple[UUID, int], BookingStatus]:
    statement = (
        select(SuspenseBooking.platform_id, SuspenseBooking.ticket, SuspenseBooking.status)
        .join(
            UnmatchedDeal,
            (UnmatchedDeal.tenant_id == SuspenseBooking.tenant_id)
            & (UnmatchedDeal.platform_id == SuspenseBooking.platform_id)
            & (UnmatchedDeal.ticket == SuspenseBooking.ticket),
        )
        .where(UnmatchedDeal.resolved_at.is_(None))
        .order_by(SuspenseBooking.proposed_at, SuspenseBooking.id)
    )
    return {(row.platform_id, row.ticket): row.status for row in session().execute(statement)}


def _deal_state(latest: BookingStatus | None) -> tuple[Message, str]:
    if latest in (BookingStatus.PROPOSED, BookingStatus.RUNNING, BookingStatus.FAILED):
        return latest.label, latest.tone
    return _lp("suspense", "Not booked"), "danger"


def _differences() -> Iterable[_Raw]:
    statement = select(SyncDifference).where(SyncDifference.resolved_at.is_(None))
    for row in session().scalars(statement):
        yield _Raw(
            MatterKind.DIFFERENCE,
            str(row.id),
            row.found_at,
            row.platform_id,
            row.account_id,
            DIFFERENCE_KINDS[row.kind],
            _lp("difference", "Explained") if row.category else _lp("difference", "Not explained"),
            "neutral" if row.category else "danger",
            row.by,
            row.currency,
            "",
        )


def _composed(raws: Sequence[_Raw]) -> list[Matter]:
    """The lines with the names of whom they concern: a query for each kind of name, however many lines."""
    names = {row.id: row.name for row in platforms.platforms()}
    account_ids = {raw.account_id for raw in raws if raw.account_id is not None}
    statement = select(TradingAccount).where(TradingAccount.id.in_(account_ids))
    accounts = {row.id: row for row in session().scalars(statement)}
    people = clients.names_of(account.client_id for account in accounts.values())
    assigned = {(row.kind, row.key): row for row in session().scalars(select(MatterAssignee))}
    found = []
    for raw in raws:
        account = accounts.get(raw.account_id) if raw.account_id is not None else None
        name, number = people.get(account.client_id, ("", None)) if account else ("", None)
        taken = assigned.get((raw.kind.value, raw.key))
        found.append(
            Matter(
                kind=raw.kind,
                key=raw.key,
                since=raw.since,
                platform_id=raw.platform_id,
                platform=names.get(raw.platform_id, ""),
                what=raw.what,
                state=raw.state,
                tone=raw.tone,
                amount=raw.amount,
                currency=raw.currency or (account.currency if account else ""),
                reference=raw.reference,
                account_id=raw.account_id,
                login=account.login if account else None,
                client_id=account.client_id if account else None,
                client=name,
                client_number=number,
                assignee_id=taken.user_id if taken else None,
                assignee=taken.name if taken else "",
            )
        )
    return found


def _fits(matter: Matter, chosen: MatterFilter, viewer: UUID | None) -> bool:
    if chosen.kind and matter.kind.value != chosen.kind:
        return False
    if chosen.platform and str(matter.platform_id) != chosen.platform:
        return False
    if chosen.whose == "mine" and matter.assignee_id != viewer:
        return False
    if chosen.whose == "nobodys" and matter.assignee_id is not None:
        return False
    word = chosen.search.strip().lstrip("#").casefold()
    texts = (matter.reference, matter.key, matter.client, str(matter.login or ""), str(matter.client_number or ""))
    return not word or any(word in text.casefold() for text in texts)


def assignee(kind: MatterKind, key: str) -> MatterAssignee | None:
    """Who has taken on a matter."""
    statement = select(MatterAssignee).where(MatterAssignee.kind == kind.value, MatterAssignee.key == key)
    return session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def age_days(matter: Matter) -> int:
    """For how many whole days it has waited."""
    return (clock.now() - matter.since).days
