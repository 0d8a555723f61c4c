"""Booking what stands in suspense: on the house, on the client, back on the platform, or as an operation of ours.

Above a sum set in the bundle two different people do it. Each booking is one journal entry (or one operation), made
once, and taken back by a reversing entry. Locks go operation, movement, booking.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid
from app.kit import clock, ids
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import service as ledger
from app.ledger.service import Line, Owner
from app.trading.events import OperationFinished
from app.trading.models import (
    OperationKind,
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
    UnmatchedDeal,
)
from app.trading.money import queries
from app.trading.money.models import BookingStatus, House, SuspenseBooking, Way
from app.trading.queries import operations as operation_queries
from app.trading.service import operations, outcomes

REASON_LENGTH_MAX = 500


class NothingInSuspense(Conflict):
    message = _l("Nothing of this movement stands in suspense any more. Reload the page.")


class BookingUnderWay(Conflict):
    message = _l("Somebody has already begun to book this movement. Reload the page.")


class BookingDecided(Conflict):
    message = _l("Somebody has already decided this booking.")


class AmountChanged(Conflict):
    message = _l("The movement has changed on the platform meanwhile. Turn this booking down and propose it anew.")


class SamePerson(DomainError):
    """The second step must be somebody else's."""

    status_code = 403
    message = _l("You proposed this booking. Another person must carry it out.")


class NotReversible(Conflict):
    message = _l("This booking cannot be taken back by an entry.")


@dataclass(frozen=True, slots=True)
class Draft:
    """How somebody would book a movement, and why."""

    way: Way
    reason: str
    house: House | None = None
    operation_id: UUID | None = None


def propose(platform_id: UUID, ticket: int, draft: Draft, *, once: str, by: Actor) -> SuspenseBooking:
    """Book what stands in suspense of a movement; where the sum asks for a second person, it waits for one.

    The same `once` answers the first booking. Raises NotFound, NothingInSuspense, BookingUnderWay, Invalid naming the
    field, ledger.KeyReused, ledger.InsufficientFunds.
    """
    assert by.id is not None, "Only a person books suspense."
    operation = operation_queries.lock(draft.operation_id) if draft.operation_id is not None else None
    deal = queries.lock_deal(platform_id, ticket)
    standing = queries.booking_by_once_key(once)
    if standing is not None:
        if not _is_same(standing, platform_id, ticket, draft):
            raise ledger.KeyReused
        return standing
    if not 5 <= len(draft.reason.strip()) <= REASON_LENGTH_MAX:
        raise Invalid(_l("Give a reason of at least 5 and at most 500 characters."), field="reason")
    money = _open_money(deal)
    if queries.open_booking(platform_id, ticket) is not None:
        raise BookingUnderWay
    if draft.way is Way.HOUSE and draft.house is None:
        raise Invalid(_l("Choose the account of the house."), field="house")
    if draft.way is Way.MATCH:
        _require_match(deal, operation)
    assert deal.account_id is not None
    row = SuspenseBooking(
        id=ids.new_id(),
        platform_id=platform_id,
        ticket=ticket,
        account_id=deal.account_id,
        way=draft.way,
        house=draft.house if draft.way is Way.HOUSE else None,
        operation_id=operation.id if operation is not None and draft.way is Way.MATCH else None,
        amount_minor=money.minor,
        currency=money.currency,
        reason=draft.reason.strip(),
        once_key=once,
        status=BookingStatus.PROPOSED,
        needs_second=needs_second(platform_id, money),
        proposed_by=by.id,
        proposed_by_name=by.name,
        proposed_at=clock.now(),
    )
    session().add(row)
    session().flush()
    _record("propose", row, by, after={"way": row.way, "house": row.house, "amount": str(money)})
    if not row.needs_second:
        _carry_out(row, deal, by)
    _tell()
    return row


def _is_same(row: SuspenseBooking, platform_id: UUID, ticket: int, draft: Draft) -> bool:
    """Whether a form that came again says what it said the first time."""
    if (row.platform_id, row.ticket, row.way) != (platform_id, ticket, draft.way):
        return False
    if row.way is Way.HOUSE:
        return row.house == draft.house
    return row.way is not Way.MATCH or row.operation_id == draft.operation_id


def needs_second(platform_id: UUID, money: Money) -> bool:
    """Whether two people must book this sum. Where the bundle names no sum for its currency, they always must."""
    platform = get(TradingPlatform, platform_id)
    assert platform is not None, "The foreign key holds."
    limit = platform.settings.get("suspense_second_person_from", {}).get(money.currency)
    return limit is None or abs(money.amount) >= Decimal(limit)


def approve(booking_id: UUID, *, by: Actor) -> SuspenseBooking:
    """Carry out a proposed booking. Raises BookingDecided, SamePerson for the proposer, AmountChanged,
    InsufficientFunds."""
    row, deal = _locked(booking_id)
    if row.status is not BookingStatus.PROPOSED:
        raise BookingDecided
    if row.proposed_by == by.id:
        raise SamePerson
    if _open_money(deal) != row.amount:
        raise AmountChanged
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    _carry_out(row, deal, by)
    _tell()
    return row


def reject(booking_id: UUID, note: str, *, by: Actor) -> SuspenseBooking:
    """Turn a proposed booking down with a note; its proposer may do so too. Raises BookingDecided, Invalid."""
    row, _ = _locked(booking_id)
    if row.status is not BookingStatus.PROPOSED:
        raise BookingDecided
    if len(note.strip()) < 5:
        raise Invalid(_l("Say why you turn this down, in at least five characters."), field="note")
    row.status, row.decision_note = BookingStatus.REJECTED, note.strip()[:REASON_LENGTH_MAX]
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    session().flush()
    _record("reject", row, by, reason=row.decision_note)
    _tell()
    return row


def take_back(booking_id: UUID, reason: str, *, by: Actor) -> SuspenseBooking:
    """Undo a booking by a reversing entry: its money stands in suspense again. Raises NotReversible, Invalid,
    InsufficientFunds."""
    row, deal = _locked(booking_id)
    if not row.is_reversible:
        raise NotReversible
    if len(reason.strip()) < 5:
        raise Invalid(_l("Say why you take this back, in at least five characters."), field="note")
    assert row.entry_id is not None
    entry = ledger.reverse(row.entry_id, f"suspense:{row.id}:reverse", by, reason.strip()[:REASON_LENGTH_MAX])
    row.status, row.reversal_id, row.reversal_reason = (
        BookingStatus.REVERSED,
        entry.id,
        reason.strip()[:REASON_LENGTH_MAX],
    )
    row.reversed_by, row.reversed_by_name, row.reversed_at = by.id, by.name, clock.now()
    deal.booked -= row.amount.amount
    deal.resolved_at, deal.resolved_by, deal.note = None, "", ""
    session().flush()
    _record("take_back", row, by, reason=row.reversal_reason)
    _tell_client(row)
    _tell()
    return row


def finish_undo(event: OperationFinished) -> None:
    """Bring a booking whose operation has its outcome to its own end; other operations are passed over."""
    if event.kind not in (OperationKind.CORRECT_IN, OperationKind.CORRECT_OUT):
        return
    known = queries.booking_of_operation(event.operation_id)
    if known is None:
        return
    deal = queries.lock_deal(known.platform_id, known.ticket)
    row = queries.booking(known.id, lock=True)
    if row.status is not BookingStatus.RUNNING:
        return
    if event.state.is_done:
        _note_booked(row, deal)
    else:
        row.status, row.decision_note = BookingStatus.FAILED, event.reason
    session().flush()
    _tell()


def _locked(booking_id: UUID) -> tuple[SuspenseBooking, UnmatchedDeal]:
    known = queries.booking(booking_id)
    if known.way is Way.MATCH and known.operation_id is not None:
        operation_queries.lock(known.operation_id)
    deal = queries.lock_deal(known.platform_id, known.ticket)
    return queries.booking(booking_id, lock=True), deal


def open_money(deal: UnmatchedDeal) -> Money | None:
    """What of a movement stands in suspense, or None where nothing does."""
    if deal.currency is None or deal.account_id is None:
        return None
    return outcomes.money_of(deal.in_suspense, deal.currency) or None


def _open_money(deal: UnmatchedDeal) -> Money:
    money = open_money(deal)
    if money is None:
        raise NothingInSuspense
    return money


def _require_match(deal: UnmatchedDeal, operation: PlatformOperation | None) -> None:
    if operation is None:
        raise Invalid(_l("Choose the request that this movement is."), field="operation")
    if operation.id not in {each.id for each in queries.operations_that_may_be(deal)}:
        raise Invalid(
            _l("This request is another one: its account, its sum or its outcome differs."), field="operation"
        )


def _carry_out(row: SuspenseBooking, deal: UnmatchedDeal, by: Actor) -> None:
    """Do what was decided. The movement and, where there is one, the operation are locked."""
    account = get(TradingAccount, row.account_id)
    assert account is not None, "The foreign key holds."
    if row.way is Way.UNDO:
        _ask_back(row, account, by)
    elif row.way is Way.MATCH:
        _match(row, deal, account, by)
    elif row.way is Way.CLIENT:
        _post(row, outcomes.main_wallet(account.client_id, row.currency), by)
    else:
        assert row.house is not None
        name, purpose = row.house.account
        _post(row, ledger.wallet(Owner("house", name), purpose, row.currency).id, by)
    if row.way is not Way.UNDO:
        _note_booked(row, deal)
    session().flush()
    _record(
        "carry_out", row, by, after={"way": row.way, "amount": str(row.amount), "proposed_by": row.proposed_by_name}
    )
    _tell_client(row)


def _post(row: SuspenseBooking, other_side: UUID, by: Actor) -> None:
    """Take the money out of suspense, against another wallet."""
    money = row.amount
    entry = ledger.post(
        f"suspense:{row.id}",
        "trading.correction" if row.way is Way.CLIENT else "trading.suspense",  # The client sees the first one.
        [Line(outcomes.suspense_wallet(money.currency), money), Line(other_side, -money)],
        by,
        memo=row.reason,
        links=_links(row),
    )
    row.entry_id = entry.id


def _links(row: SuspenseBooking) -> list[tuple[str, UUID]]:
    return [("suspense_booking", row.id), ("trading_account", row.account_id)]


def _match(row: SuspenseBooking, deal: UnmatchedDeal, account: TradingAccount, by: Actor) -> None:
    """The movement is an operation of ours. One that we refused is paid from the client's wallet after all; one whose
    outcome is unknown is confirmed, and its own booking takes the place of suspense."""
    assert row.operation_id is not None
    operation = operation_queries.lock(row.operation_id)
    _require_match(deal, operation)
    if operation.state is OperationState.REFUSED:
        _post(row, outcomes.main_wallet(account.client_id, row.currency), by)
        outcomes.arrive_late(operation, deal.ticket, by=by)
    else:
        _post(row, outcomes.platform_wallet(row.platform_id, row.currency), by)
        outcomes.confirm(operation, {"ticket": deal.ticket}, by=by, looked=True)


def _ask_back(row: SuspenseBooking, account: TradingAccount, by: Actor) -> None:
    """Have the platform move the money back; it leaves suspense when the platform has done so."""
    platform = get(TradingPlatform, row.platform_id)
    assert platform is not None, "The foreign key holds."
    money = row.amount
    operation = operations.request(
        OperationKind.CORRECT_OUT if money.minor > 0 else OperationKind.CORRECT_IN,
        account,
        key=f"suspense:{row.id}",
        reference=ids.reference("S"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"ticket": row.ticket},
        money=abs(money),
        reason=row.reason,
    )
    row.operation_id, row.status = operation.id, BookingStatus.RUNNING


def _note_booked(row: SuspenseBooking, deal: UnmatchedDeal) -> None:
    row.status = BookingStatus.BOOKED
    deal.booked += row.amount.amount
    if not deal.in_suspense:
        deal.resolved_at, deal.note = clock.now(), row.reason
        deal.resolved_by = row.decided_by_name or row.proposed_by_name


def _record(
    act: str, row: SuspenseBooking, by: Actor, *, after: dict[str, object] | None = None, reason: str = ""
) -> None:
    account = get(TradingAccount, row.account_id)
    assert account is not None, "The foreign key holds."
    audit.record(
        f"trading.suspense.{act}",
        row,
        by=by,
        after={"deal": row.ticket, **(after or {})},
        reason=reason or row.reason,
        client_id=account.client_id,
    )


def _tell_client(row: SuspenseBooking) -> None:
    if row.way is Way.CLIENT:
        account = get(TradingAccount, row.account_id)
        assert account is not None, "The foreign key holds."
        live.publish(f"client:{account.client_id}", "wallet-changed")


def _tell() -> None:
    live.publish("office", "platforms-changed")
