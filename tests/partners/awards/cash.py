"""Deposits, withdrawals and trades of clients as the product stores them, at any instant."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import execute_sql, in_transaction, session
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.payments.models import Deposit, DepositStatus, Withdrawal, WithdrawalStatus
from tests.partners.world import BY


def deposit(client: UUID, amount: str | Decimal, at: datetime, currency: str = "USD") -> UUID:
    """A credited deposit."""
    money = Money(Decimal(amount), currency)
    wallet = ledger.wallet(ledger.Owner("client", client), ledger.MAIN, currency).id
    bank = ledger.wallet(ledger.Owner("house", "bank_wire"), "bank", currency).id
    row_id = new_id()
    entry = ledger.post(
        f"deposit:{row_id}", "deposit.credit", [ledger.Line(bank, -money), ledger.Line(wallet, money)], BY
    )
    values: dict[str, Any] = {
        "client_id": client, "wallet_id": wallet, "reference": f"D{row_id}", "method": "bank_wire",
        "currency": currency, "requested_minor": money.minor, "received_minor": money.minor,
        "status": DepositStatus.SUCCEEDED, "version": 1, "approvals_needed": 1, "approvals_given": 1,
        "proof_file_id": None, "proof_at": None, "once_key": str(row_id), "origin_ip": "", "created_at": at,
        "decided_at": at, "decided_by": None, "decided_by_name": None, "reason_code": None, "reason_note": None,
        "entry_id": entry.id,
    }  # fmt: skip
    session().add(Deposit(id=row_id, **values))
    session().flush()
    return row_id


def withdrawal(client: UUID, amount: str | Decimal, at: datetime, currency: str = "USD") -> UUID:
    """A withdrawal that was paid out; the client's wallet must hold the money."""
    money = Money(Decimal(amount), currency)
    wallet = ledger.wallet(ledger.Owner("client", client), ledger.MAIN, currency).id
    bank = ledger.wallet(ledger.Owner("house", "bank_wire"), "bank", currency).id
    row_id = new_id()
    hold = ledger.place_hold(f"withdrawal:{row_id}", wallet, money, "test", BY)
    ledger.capture_hold(hold.id, f"paid:{row_id}", [ledger.Line(bank, money)], BY)
    values: dict[str, Any] = {
        "client_id": client, "wallet_id": wallet, "hold_id": hold.id, "reference": f"W{row_id}",
        "method": "bank_wire", "currency": currency, "amount_minor": money.minor, "status": WithdrawalStatus.PAID,
        "version": 1, "approvals_needed": 1, "approvals_given": 1, "destination_sealed": b"",
        "destination_key_version": 1, "destination_masked": "", "once_key": str(row_id), "content_hash": b"",
        "origin_ip": "", "created_at": at, "approved_at": at, "decided_at": at, "decided_by": None,
        "decided_by_name": None, "reason_code": None, "reason_note": None,
    }  # fmt: skip
    session().add(Withdrawal(id=row_id, **values))
    session().flush()
    return row_id


def awards() -> list[Any]:
    """Every award of the tenant, oldest first."""
    return list(
        in_transaction(
            lambda: execute_sql(
                "SELECT * FROM commission_award WHERE tenant_id = :tenant_id"
                " ORDER BY business_date, partner_id, source_key"
            ).all()
        )
    )


def reasons() -> list[Any]:
    """Every reason against an award of the tenant, oldest first."""
    return list(
        in_transaction(
            lambda: execute_sql(
                "SELECT * FROM award_reason WHERE tenant_id = :tenant_id ORDER BY business_date, partner_id, rule"
            ).all()
        )
    )
