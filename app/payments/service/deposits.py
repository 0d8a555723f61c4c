"""Deposits by bank wire: announced by the client, checked and credited by finance."""

from __future__ import annotations

from uuid import UUID

from app.audit import service as audit
from app.core import files
from app.core.actor import Actor
from app.core.db import session
from app.core.events import publish
from app.kit import clock, ids
from app.kit.money import Money
from app.ledger import service as ledger
from app.payments import errors, queries, rules
from app.payments.events import DepositSucceeded
from app.payments.gates import GateQuestion, require_open
from app.payments.models import Deposit, DepositStatus
from app.payments.permissions import DEPOSIT
from app.payments.service import decisions
from app.restrictions import service as restrictions


def house_bank(currency: str) -> UUID:
    """The house wallet of the bank account that wires arrive at and leave from."""
    return ledger.wallet(ledger.Owner("house", rules.BANK_WIRE), "bank", currency).id


def request_deposit(client_id: UUID, money: Money, *, once: str, by: Actor) -> Deposit:
    """Announce a deposit. Nothing is credited; the answer carries the reference to write on the wire.

    The same `once` answers the first request. Raises Restricted, GateClosed, CurrencyNotOffered, AmountTooSmall,
    AmountTooLarge, and RepeatedForm for the same `once` with another amount.
    """
    standing = queries.made_before(Deposit, client_id, once)
    if standing is not None:
        if standing.requested != money:
            raise errors.RepeatedForm
        return standing
    restrictions.require(DEPOSIT, client_id)
    limits = decisions.currency_rules(money.currency)
    decisions.require_within(money, limits.money("deposit_min"), limits.money("deposit_max"))
    row = Deposit(
        client_id=client_id,
        wallet_id=ledger.wallet(ledger.Owner("client", client_id), ledger.MAIN, money.currency).id,
        reference=ids.reference("D"),
        method=rules.BANK_WIRE,
        currency=money.currency,
        requested_minor=money.minor,
        received_minor=None,
        status=DepositStatus.AWAITING_CLIENT,
        version=1,
        approvals_needed=decisions.approvals_needed(money),
        approvals_given=0,
        proof_file_id=None,
        proof_at=None,
        once_key=once,
        origin_ip=by.ip,
        created_at=clock.now(),
        decided_at=None,
        decided_by=None,
        decided_by_name=None,
        reason_code=None,
        reason_note=None,
        entry_id=None,
    )
    require_open(GateQuestion("deposit", "request", client_id, money, row.id))
    session().add(row)
    session().flush()
    audit.record("payments.deposit.request", row, by=by, after={"amount": str(money), "reference": row.reference})
    decisions.tell(client_id)
    return row


def attach_proof(deposit_id: UUID, client_id: UUID, name: str, content: bytes, *, by: Actor) -> Deposit:
    """Keep the client's proof of the transfer, instead of an earlier one. A proof is a hint for finance, never money.

    Raises ProofNotWanted once the deposit is decided, FileEmpty, FileTooLarge, FileKindRefused (by content, not name).
    """
    row = queries.get_deposit(deposit_id, client_id=client_id, lock=True)
    if not row.status.is_open:
        raise errors.ProofNotWanted
    kept = files.store(name, content)
    row.proof_file_id, row.proof_at, row.status = kept.id, clock.now(), DepositStatus.PROCESSING
    decisions.changed(row)
    audit.record("payments.deposit.proof", row, by=by, after={"file": kept.name, "sha256": kept.sha256})
    return row


def cancel_deposit(deposit_id: UUID, client_id: UUID, *, by: Actor) -> Deposit:
    """Take back a deposit that no officer has begun to approve. Raises NotCancellable."""
    row = queries.get_deposit(deposit_id, client_id=client_id, lock=True)
    if not row.status.is_open or row.approvals_given:
        raise errors.NotCancellable
    before, row.status = row.status, DepositStatus.CANCELLED
    decisions.decided(row, by=by)
    audit.record("payments.deposit.cancel", row, by=by, before={"status": before}, after={"status": row.status})
    return row


def approve_deposit(deposit_id: UUID, received: Money, *, version: int | None = None, by: Actor) -> Deposit:
    """Say that `received` has arrived. The last approval needed credits exactly that to the client's wallet.

    The row is locked before it is read, so two officers pressing Approve together credit it once. Raises
    AlreadyDecided, StalePayment, OwnEarlierStep, ReceivedDiffers, Restricted, GateClosed.
    """
    row = queries.get_deposit(deposit_id, lock=True)
    if received == row.received and decisions.is_pressed_twice(row, version, decisions.last_approver(row), by):
        return row
    if not row.status.is_open:
        raise errors.AlreadyDecided
    if received.currency != row.currency:
        raise errors.CurrencyNotOffered
    decisions.require_fresh(row, version)
    if row.received is not None and row.received != received:
        raise errors.ReceivedDiffers(received=row.received)
    restrictions.require(DEPOSIT, row.client_id)  # Asked again: a lock may have come since the request.
    require_open(GateQuestion("deposit", "approval", row.client_id, received, row.id))
    before = {"status": row.status, "approvals": row.approvals_given}
    is_last = decisions.approve_step(row, received, by=by)
    row.received_minor, row.status = received.minor, DepositStatus.PROCESSING
    session().flush()
    if is_last:
        _credit(row, received, by)
        decisions.decided(row, by=by)
        publish(DepositSucceeded(row.id, row.client_id, received))
        decisions.write_to(row.client_id, "deposit_credited", amount=received, reference=row.reference)
    else:
        decisions.changed(row)
    audit.record(
        "payments.deposit.approve",
        row,
        by=by,
        before=before,
        after={
            "status": row.status,
            "approvals": row.approvals_given,
            "announced": str(row.requested),
            "received": str(received),
        },
    )
    return row


def _credit(row: Deposit, received: Money, by: Actor) -> None:
    entry = ledger.post(
        f"deposit:{row.id}",
        "deposit",
        [ledger.Line(house_bank(row.currency), -received), ledger.Line(row.wallet_id, received)],
        by,
        memo=row.reference,
        links=[("deposit", row.id)],
    )
    row.entry_id, row.status = entry.id, DepositStatus.SUCCEEDED


def reject_deposit(deposit_id: UUID, reason: str, note: str = "", *, version: int | None = None, by: Actor) -> Deposit:
    """Turn a deposit down. Raises AlreadyDecided, StalePayment, ReasonNeeded."""
    row = queries.get_deposit(deposit_id, lock=True)
    if reason == row.reason_code and decisions.is_pressed_twice(row, version, row.decided_by, by):
        return row
    if not row.status.is_open:
        raise errors.AlreadyDecided
    decisions.require_fresh(row, version)
    row.reason_note = decisions.require_reason(reason, note, rules.DEPOSIT_REASONS)
    before = row.status
    row.reason_code, row.status = reason, DepositStatus.REJECTED
    decisions.decided(row, by=by)
    audit.record(
        "payments.deposit.reject",
        row,
        by=by,
        before={"status": before},
        after={"status": row.status, "reason": reason},
        reason=row.reason_note,
    )
    decisions.write_to(row.client_id, "deposit_rejected", amount=row.requested, reference=row.reference, reason=reason)
    return row
