"""The stages of a payment in words, for its client and for the office: what is done, what happens now, what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kit.text import Message, _l, _lp
from app.payments import rules
from app.payments.models import (
    Deposit,
    DepositStatus,
    PaymentAttempt,
    Transfer,
    TransferStatus,
    Withdrawal,
    WithdrawalStatus,
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: done, current, todo or failed."""

    label: Message
    state: str
    at: datetime | None = None
    text: Message | None = None


def deposit_stages(row: Deposit) -> list[Stage]:
    """Announced, transferred, checked, credited; or where it ended instead."""
    announced = Stage(_l("Announced"), "done", row.created_at)
    if row.status is DepositStatus.CANCELLED:
        return [announced, Stage(_lp("deposit", "Cancelled"), "failed", row.decided_at)]
    if row.status is DepositStatus.REJECTED:
        why = rules.DEPOSIT_REASONS.get(row.reason_code or "")
        return [announced, Stage(_lp("deposit", "Rejected"), "failed", row.decided_at, why)]
    sent = row.status is not DepositStatus.AWAITING_CLIENT
    credited = row.status is DepositStatus.SUCCEEDED
    wire = _l("Wire the money with the reference below, then upload the proof.")
    check = _l("We compare your transfer with our bank statement, usually within one working day.")
    return [
        announced,
        Stage(_l("Transfer of the money"), "done" if sent else "current", row.proof_at, None if sent else wire),
        Stage(
            _l("Being checked"),
            "done" if credited else ("current" if sent else "todo"),
            text=check if sent and not credited else None,
        ),
        Stage(_l("Credited"), "done" if credited else "todo", row.decided_at if credited else None),
    ]


def withdrawal_stages(row: Withdrawal) -> list[Stage]:
    """Requested, approved, paid; or where it ended instead."""
    requested = Stage(_l("Requested"), "done", row.created_at, _l("The amount is set aside in your wallet."))
    if row.status is WithdrawalStatus.CANCELLED:
        return [requested, Stage(_lp("withdrawal", "Cancelled"), "failed", row.decided_at, _l("The money is back."))]
    if row.status is WithdrawalStatus.REJECTED:
        why = rules.WITHDRAWAL_REASONS.get(row.reason_code or "")
        return [requested, Stage(_lp("withdrawal", "Rejected"), "failed", row.decided_at, why)]
    approved = row.status in (WithdrawalStatus.APPROVED, WithdrawalStatus.PAID)
    paid = row.status is WithdrawalStatus.PAID
    check = _l("We check the request. You can still cancel it.")
    wait = _l("The bank transfer is being made. Banks take one to three working days.")
    return [
        requested,
        Stage(_l("Approved"), "done" if approved else "current", row.approved_at, None if approved else check),
        Stage(
            _l("Paid out"),
            "done" if paid else ("current" if approved else "todo"),
            row.decided_at if paid else None,
            wait if approved and not paid else None,
        ),
    ]


def transfer_stages(row: Transfer) -> list[Stage]:
    """Requested, then what the platform answered."""
    requested = Stage(_l("Requested"), "done", row.created_at)
    if row.status is TransferStatus.REFUSED:
        return [requested, Stage(_l("Refused by the platform"), "failed", row.finished_at, _l("Nothing was moved."))]
    done = row.status is TransferStatus.COMPLETED
    wait = _l("The platform has not answered yet. We look it up by ourselves; nothing is sent twice.")
    return [requested, Stage(_l("Done"), "done" if done else "current", row.finished_at, None if done else wait)]


def last_reference(attempts: Sequence[PaymentAttempt]) -> str:
    """The bank's reference of the payout that was made, if one was."""
    return next((attempt.provider_reference for attempt in reversed(attempts) if attempt.status == "confirmed"), "")


KIND_LABELS: dict[str, Message] = {
    "deposit": _l("Deposit"),
    "withdrawal": _l("Withdrawal"),
    "to_account": _l("Transfer to account"),
    "from_account": _l("Transfer from account"),
    "conversion": _l("Conversion"),
    "adjustment": _l("Adjustment"),
    "reversal": _l("Correction"),
    "trading.correction": _l("Correction of a transfer"),
    "commission.payout": _l("Commission"),
    "other": _l("Other bookings"),
}
KIND_ICONS = {
    "deposit": "transfer-in",
    "withdrawal": "transfer-out",
    "to_account": "transfer",
    "from_account": "transfer",
    "conversion": "arrows-exchange",
    "adjustment": "adjustments-horizontal",
}


def kind_label(kind: str) -> Message:
    """A movement's kind in words."""
    return KIND_LABELS.get(kind) or _l("Booking")


def status_of(kind: str, status: str) -> DepositStatus | WithdrawalStatus | TransferStatus:
    """The status of a history row with its label and tone."""
    if kind == "deposit":
        return DepositStatus(status)
    if kind == "withdrawal":
        return WithdrawalStatus(status)
    return TransferStatus(status)
