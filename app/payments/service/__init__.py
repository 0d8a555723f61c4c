"""Deposits, withdrawals and a client's own moves. Money stands in the ledger; here is who may move it, and when."""

from app.payments.service.deposits import (
    approve_deposit,
    attach_proof,
    cancel_deposit,
    house_bank,
    reject_deposit,
    request_deposit,
)
from app.payments.service.transfers import (
    Quote,
    StartedTransfer,
    convert,
    finish_transfer,
    quote,
    transfer_from_account,
    transfer_to_account,
)
from app.payments.service.withdrawals import (
    approve_withdrawal,
    cancel_withdrawal,
    confirm_paid,
    details_of,
    reject_withdrawal,
    request_withdrawal,
)

__all__ = [
    "Quote",
    "StartedTransfer",
    "approve_deposit",
    "approve_withdrawal",
    "attach_proof",
    "cancel_deposit",
    "cancel_withdrawal",
    "confirm_paid",
    "convert",
    "details_of",
    "finish_transfer",
    "house_bank",
    "quote",
    "reject_deposit",
    "reject_withdrawal",
    "request_deposit",
    "request_withdrawal",
    "transfer_from_account",
    "transfer_to_account",
]
