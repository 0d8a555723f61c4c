"""Reading payments: one, the office's queues, a client's history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.clients.models import Client
from app.core.db import execute_sql, get, load_sql, session, tenant_id
from app.core.errors import NotFound
from app.kit.money import Money
from app.payments.models import (
    Deposit,
    DepositStatus,
    PaymentApproval,
    PaymentAttempt,
    Transfer,
    Withdrawal,
    WithdrawalStatus,
)
from app.trading.models import AccountStatus, TradingAccount

_LOCK_SPACE = 0x7061_796D  # "paym": the first half of the advisory locks on clients; the second is the client's hash.
Made = TypeVar("Made", Deposit, Withdrawal, Transfer)


def get_deposit(deposit_id: UUID, *, client_id: UUID | None = None, lock: bool = False) -> Deposit:
    """A deposit; of this client only, where one is given. Raises NotFound."""
    found = get(Deposit, deposit_id, lock=lock)
    if found is None or client_id not in (None, found.client_id):
        raise NotFound
    return found


def get_withdrawal(withdrawal_id: UUID, *, client_id: UUID | None = None, lock: bool = False) -> Withdrawal:
    """A withdrawal; of this client only, where one is given. Raises NotFound."""
    found = get(Withdrawal, withdrawal_id, lock=lock)
    if found is None or client_id not in (None, found.client_id):
        raise NotFound
    return found


def get_transfer(transfer_id: UUID, *, client_id: UUID | None = None, lock: bool = False) -> Transfer:
    """A transfer; of this client only, where one is given. Raises NotFound."""
    found = get(Transfer, transfer_id, lock=lock)
    if found is None or client_id not in (None, found.client_id):
        raise NotFound
    return found


def transfer_of_operation(operation_id: UUID) -> Transfer | None:
    """The transfer that a platform operation carries out."""
    statement = select(Transfer).where(Transfer.operation_id == operation_id).with_for_update()
    return session().execute(statement).scalar_one_or_none()


def made_before(model: type[Made], client_id: UUID, once: str) -> Made | None:
    """What a client's form with this number has made. A client's payments are asked for one at a time, so that two
    presses at once are seen as one."""
    execute_sql(
        "SELECT pg_advisory_xact_lock(:space, hashtext(:client))",
        space=_LOCK_SPACE,
        client=f"{tenant_id()}:{client_id}",
    )
    statement = select(model).where(model.client_id == client_id, model.once_key == once)
    return session().execute(statement).scalar_one_or_none()


def approvals(object_id: UUID) -> list[PaymentApproval]:
    """Who has approved a payment so far, in order."""
    statement = select(PaymentApproval).where(PaymentApproval.object_id == object_id).order_by(PaymentApproval.step)
    return list(session().execute(statement).scalars())


def attempts(withdrawal_id: UUID) -> list[PaymentAttempt]:
    """The tries to pay a withdrawal out, in order."""
    statement = (
        select(PaymentAttempt).where(PaymentAttempt.withdrawal_id == withdrawal_id).order_by(PaymentAttempt.number)
    )
    return list(session().execute(statement).scalars())


def reference_used(provider: str, reference: str) -> bool:
    """Whether a payout with this reference of the provider is known."""
    statement = select(PaymentAttempt.id).where(
        PaymentAttempt.provider == provider, PaymentAttempt.provider_reference == reference
    )
    return session().execute(statement).first() is not None


def accounts_for_transfer(client_id: UUID) -> list[TradingAccount]:
    """The client's own live trading accounts."""
    statement = (
        select(TradingAccount)
        .where(
            TradingAccount.client_id == client_id,
            TradingAccount.status == AccountStatus.ACTIVE,
            TradingAccount.is_demo.is_(False),
        )
        .order_by(TradingAccount.created_at)
    )
    return list(session().execute(statement).scalars())


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What an office queue is narrowed to; empty values narrow nothing."""

    status: str = "open"
    currency: str = ""
    search: str = ""


_OPEN: dict[type[Any], tuple[Any, ...]] = {
    Deposit: (DepositStatus.PROCESSING, DepositStatus.AWAITING_CLIENT),
    Withdrawal: (WithdrawalStatus.REQUESTED, WithdrawalStatus.APPROVED),
}
_WAITING: dict[type[Any], tuple[Any, ...]] = {**_OPEN, Deposit: (DepositStatus.PROCESSING,)}


def queue(
    model: type[Deposit] | type[Withdrawal], chosen: QueueFilter, *, limit: int, offset: int
) -> tuple[list[Any], int]:
    """Payments with their client: what waits oldest first, everything else newest first; and how many there are."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.status == "open":
        conditions.append(model.status.in_(_OPEN[model]))
    elif chosen.status in {status.value for status in type(_OPEN[model][0])}:
        conditions.append(model.status == chosen.status)
    if chosen.currency:
        conditions.append(model.currency == chosen.currency)
    if chosen.search:
        text = chosen.search.strip().upper()
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        conditions.append((model.reference == text) | (Client.number == number))
    order = model.created_at if chosen.status == "open" else model.created_at.desc()
    joined = (model.client_id == Client.id) & (model.tenant_id == Client.tenant_id)
    rows = session().execute(
        select(model, Client.name, Client.number)
        .join(Client, joined)
        .where(*conditions)
        .order_by(order, model.id)
        .limit(limit)
        .offset(offset)
    )
    total = session().execute(select(func.count()).select_from(model).join(Client, joined).where(*conditions))
    return list(rows.all()), total.scalar_one()


def waiting_count(model: type[Deposit] | type[Withdrawal]) -> int:
    """How many payments wait for staff."""
    statement = select(func.count()).select_from(model).where(model.status.in_(_WAITING[model]))
    return session().execute(statement).scalar_one()


def oldest_waiting(model: type[Deposit] | type[Withdrawal]) -> datetime | None:
    """Since when the oldest of them waits."""
    return session().execute(select(func.min(model.created_at)).where(model.status.in_(_WAITING[model]))).scalar_one()


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What a history is narrowed to; empty values narrow nothing. The end is not included."""

    kind: str = ""
    status: str = ""
    currency: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One money movement of a client, whatever its kind. `amount` is signed from the client's wallet's view."""

    kind: str
    id: UUID
    reference: str
    status: str
    amount: Money
    other: Money | None
    at: datetime
    memo: str


def history(client_id: UUID, chosen: HistoryFilter, *, limit: int, offset: int = 0) -> tuple[list[HistoryRow], int]:
    """A client's movements of every kind, newest first, and how many there are."""
    rows = execute_sql(
        load_sql("app.payments", "sql/history.sql"),
        client_id=client_id,
        kind=chosen.kind,
        status=chosen.status,
        currency=chosen.currency,
        since=chosen.since,
        until=chosen.until,
        limit=limit,
        offset=offset,
    ).all()
    found = [
        HistoryRow(
            kind=row.kind,
            id=row.id,
            reference=row.reference,
            status=row.status,
            amount=Money.from_minor(row.amount_minor, row.currency),
            other=Money.from_minor(row.other_minor, row.other_currency) if row.other_currency else None,
            at=row.at,
            memo=row.memo,
        )
        for row in rows
    ]
    return found, int(rows[0].total) if rows else 0


def totals_of_client(client_id: UUID) -> tuple[list[Money], list[Money]]:
    """What a client has ever deposited and been paid, by currency."""
    deposited = session().execute(
        select(Deposit.currency, func.sum(Deposit.received_minor))
        .where(Deposit.client_id == client_id, Deposit.status == DepositStatus.SUCCEEDED)
        .group_by(Deposit.currency)
    )
    paid = session().execute(
        select(Withdrawal.currency, func.sum(Withdrawal.amount_minor))
        .where(Withdrawal.client_id == client_id, Withdrawal.status == WithdrawalStatus.PAID)
        .group_by(Withdrawal.currency)
    )
    return (
        [Money.from_minor(int(total or 0), currency) for currency, total in deposited],
        [Money.from_minor(int(total or 0), currency) for currency, total in paid],
    )
