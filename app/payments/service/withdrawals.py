"""Withdrawals by bank wire: held at request, approved by one or two people, paid by a person, then captured."""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.audit import service as audit
from app.core import files, secrets
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Invalid
from app.core.events import publish
from app.kit import clock, ids
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import service as ledger
from app.payments import errors, queries, rules
from app.payments.events import WithdrawalPaid
from app.payments.gates import GateQuestion, require_open
from app.payments.models import PaymentAttempt, Withdrawal, WithdrawalStatus
from app.payments.permissions import WITHDRAW
from app.payments.rules import BankDetails
from app.payments.service import decisions
from app.payments.service.deposits import house_bank
from app.restrictions import service as restrictions


def request_withdrawal(client_id: UUID, money: Money, details: BankDetails, *, once: str, by: Actor) -> Withdrawal:
    """Ask for money to be paid out. It is held in this same transaction, so that nothing can spend it twice.

    The same `once` answers the first request. Raises Restricted, GateClosed, CurrencyNotOffered, AmountTooSmall,
    AmountTooLarge, InsufficientFunds, Invalid naming a field of the bank details, RepeatedForm.
    """
    details = checked(details)
    content = rules.request_hash(money, details)
    standing = queries.made_before(Withdrawal, client_id, once)
    if standing is not None:
        if standing.content_hash != content:
            raise errors.RepeatedForm
        return standing
    restrictions.require(WITHDRAW, client_id)
    limits = decisions.currency_rules(money.currency)
    decisions.require_within(money, limits.money("withdrawal_min"), limits.money("withdrawal_max"))
    row_id = ids.new_id()
    require_open(GateQuestion("withdrawal", "request", client_id, money, row_id))
    wallet = ledger.wallet(ledger.Owner("client", client_id), ledger.MAIN, money.currency)
    reference = ids.reference("W")
    hold = ledger.place_hold(f"withdrawal:{row_id}", wallet.id, money, reference, by)
    key = files.data_key()
    row = Withdrawal(
        id=row_id,
        client_id=client_id,
        wallet_id=wallet.id,
        hold_id=hold.id,
        reference=reference,
        method=rules.BANK_WIRE,
        currency=money.currency,
        amount_minor=money.minor,
        status=WithdrawalStatus.REQUESTED,
        version=1,
        approvals_needed=decisions.approvals_needed(money),
        approvals_given=0,
        destination_sealed=secrets.seal(key.key, msgspec.json.encode(details), _context(row_id)),
        destination_key_version=key.version,
        destination_masked=details.masked,
        once_key=once,
        content_hash=content,
        origin_ip=by.ip,
        created_at=clock.now(),
        approved_at=None,
        decided_at=None,
        decided_by=None,
        decided_by_name=None,
        reason_code=None,
        reason_note=None,
    )
    session().add(row)
    session().flush()
    audit.record(
        "payments.withdrawal.request",
        row,
        by=by,
        after={"amount": str(money), "reference": reference, "destination": details.masked},
    )
    decisions.tell(client_id)
    decisions.write_to(client_id, "withdrawal_requested", amount=money, reference=reference, destination=details.masked)
    return row


def checked(details: BankDetails) -> BankDetails:
    """The details in their normal form. Raises Invalid naming the field that cannot be right."""
    iban = rules.normalised_iban(details.iban)
    if (problem := rules.iban_problem(iban)) is not None:
        raise Invalid(problem, field="iban")
    bic = rules.normalised_iban(details.bic)
    if (problem := rules.bic_problem(bic)) is not None:
        raise Invalid(problem, field="bic")
    holder, bank_name = " ".join(details.holder.split()), " ".join(details.bank_name.split())
    if not 2 <= len(holder) <= 100:
        raise Invalid(_l("Enter the name of the account's holder."), field="holder")
    if len(bank_name) > 100:
        raise Invalid(_l("Use at most %(length)s characters.", length=100), field="bank_name")
    return BankDetails(holder, iban, bic, bank_name)


def details_of(row: Withdrawal) -> BankDetails:
    """The bank details of a withdrawal in clear: for its own client and for those who pay it."""
    key = files.data_key(row.destination_key_version)
    plain = secrets.unseal(key.key, bytes(row.destination_sealed), _context(row.id))
    return msgspec.json.decode(plain, type=BankDetails)


def cancel_withdrawal(withdrawal_id: UUID, client_id: UUID, *, by: Actor) -> Withdrawal:
    """Take back a withdrawal that is not approved yet; its money returns. Raises NotCancellable."""
    row = queries.get_withdrawal(withdrawal_id, client_id=client_id, lock=True)
    if row.status is not WithdrawalStatus.REQUESTED:
        raise errors.NotCancellable
    row.status = WithdrawalStatus.CANCELLED
    _return_money(row, by)
    audit.record(
        "payments.withdrawal.cancel",
        row,
        by=by,
        before={"status": WithdrawalStatus.REQUESTED},
        after={"status": row.status},
    )
    return row


def approve_withdrawal(withdrawal_id: UUID, *, version: int | None = None, by: Actor) -> Withdrawal:
    """Approve a withdrawal. Its money stays held until somebody confirms the payout.

    The row is locked before it is read, so two officers pressing Approve together approve it once. Raises
    AlreadyDecided, StalePayment, OwnEarlierStep, Restricted, GateClosed.
    """
    row = queries.get_withdrawal(withdrawal_id, lock=True)
    if row.status.is_open and decisions.is_pressed_twice(row, version, decisions.last_approver(row), by):
        return row
    if row.status is not WithdrawalStatus.REQUESTED:
        raise errors.AlreadyDecided
    decisions.require_fresh(row, version)
    restrictions.require(WITHDRAW, row.client_id)  # Asked again: a lock may have come since the request.
    require_open(GateQuestion("withdrawal", "approval", row.client_id, row.amount, row.id))
    before = {"status": row.status, "approvals": row.approvals_given}
    is_last = decisions.approve_step(row, row.amount, by=by)
    session().flush()
    if is_last:
        row.status, row.approved_at = WithdrawalStatus.APPROVED, clock.now()
    decisions.changed(row)
    audit.record(
        "payments.withdrawal.approve",
        row,
        by=by,
        before=before,
        after={"status": row.status, "approvals": row.approvals_given, "amount": str(row.amount)},
    )
    return row


def confirm_paid(withdrawal_id: UUID, bank_reference: str, *, version: int | None = None, by: Actor) -> Withdrawal:
    """Say that the bank has paid it, under its reference. The held money leaves the books.

    A lock set since the approval does not refuse it: the money is gone, and books that deny it would pay it again. The
    audit record says that the lock stood. Raises AlreadyDecided, StalePayment, ReferenceUsed, Invalid.
    """
    row = queries.get_withdrawal(withdrawal_id, lock=True)
    reference = " ".join(bank_reference.split())
    if row.status is WithdrawalStatus.PAID and decisions.is_pressed_twice(row, version, row.decided_by, by):
        return row
    if row.status is not WithdrawalStatus.APPROVED:
        raise errors.AlreadyDecided
    decisions.require_fresh(row, version)
    if not 3 <= len(reference) <= 64:
        raise Invalid(_l("Enter the bank's reference of the payment: 3 to 64 characters."), field="reference")
    if queries.reference_used(row.method, reference):
        raise errors.ReferenceUsed
    session().add(
        PaymentAttempt(
            withdrawal_id=row.id,
            number=len(queries.attempts(row.id)) + 1,
            provider=row.method,
            amount_minor=row.amount_minor,
            currency=row.currency,
            status="confirmed",
            provider_reference=reference,
            recorded_by=by.id,
            recorded_by_name=by.name,
            recorded_at=clock.now(),
        )
    )
    line = ledger.Line(house_bank(row.currency), row.amount)
    ledger.capture_hold(row.hold_id, f"withdrawal:{row.id}:paid", [line], by, memo=row.reference)
    row.status = WithdrawalStatus.PAID
    decisions.decided(row, by=by)
    audit.record(
        "payments.withdrawal.confirm",
        row,
        by=by,
        before={"status": WithdrawalStatus.APPROVED},
        after={
            "status": row.status,
            "amount": str(row.amount),
            "bank_reference": reference,
            "was_locked": restrictions.is_locked(WITHDRAW, row.client_id),
        },
    )
    publish(WithdrawalPaid(row.id, row.client_id, row.amount))
    decisions.write_to(row.client_id, "withdrawal_paid", amount=row.amount, reference=row.reference)
    return row


def reject_withdrawal(
    withdrawal_id: UUID, reason: str, note: str = "", *, version: int | None = None, by: Actor
) -> Withdrawal:
    """Turn a withdrawal down, also an approved one that was not paid; its money returns.

    Raises AlreadyDecided, StalePayment, ReasonNeeded.
    """
    row = queries.get_withdrawal(withdrawal_id, lock=True)
    if reason == row.reason_code and decisions.is_pressed_twice(row, version, row.decided_by, by):
        return row
    if not row.status.is_open:
        raise errors.AlreadyDecided
    decisions.require_fresh(row, version)
    row.reason_note = decisions.require_reason(reason, note, rules.WITHDRAWAL_REASONS)
    before = row.status
    row.reason_code, row.status = reason, WithdrawalStatus.REJECTED
    _return_money(row, by)
    audit.record(
        "payments.withdrawal.reject",
        row,
        by=by,
        before={"status": before},
        after={"status": row.status, "reason": reason},
        reason=row.reason_note,
    )
    decisions.write_to(row.client_id, "withdrawal_rejected", amount=row.amount, reference=row.reference, reason=reason)
    return row


def _return_money(row: Withdrawal, by: Actor) -> None:
    ledger.void_hold(row.hold_id, f"withdrawal:{row.id}:return", by, memo=row.reference)
    decisions.decided(row, by=by)


def _context(row_id: UUID) -> bytes:
    return f"withdrawal {row_id}".encode()
