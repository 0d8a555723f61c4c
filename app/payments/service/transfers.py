"""A client's own moves: wallet to trading account and back, and conversion between two wallets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import get, session
from app.kit import clock, ids
from app.kit.money import Money, Rounding, round_money
from app.ledger import service as ledger
from app.payments import bundle, errors, queries
from app.payments.models import Transfer, TransferKind, TransferStatus
from app.payments.permissions import EXCHANGE
from app.payments.service import decisions
from app.rates import service as rates
from app.restrictions import service as restrictions
from app.trading import service as trading
from app.trading.events import OperationFinished
from app.trading.models import OperationKind, TradingAccount
from app.trading.permissions import TRANSFER_OWN


@dataclass(frozen=True, slots=True)
class StartedTransfer:
    """A transfer that is written down, and what hands it to the platform after the commit."""

    transfer: Transfer
    requested: trading.Requested


def transfer_to_account(client_id: UUID, account_id: UUID, money: Money, *, once: str, by: Actor) -> StartedTransfer:
    """Move money from the client's wallet to their own trading account. It is held until the platform has answered.

    The same `once` answers the first transfer. Raises Restricted, AccountNotUsable, WrongCurrency, InsufficientFunds,
    RepeatedForm.
    """
    return _with_account(TransferKind.TO_ACCOUNT, client_id, account_id, money, once=once, by=by)


def transfer_from_account(client_id: UUID, account_id: UUID, money: Money, *, once: str, by: Actor) -> StartedTransfer:
    """Move money from the client's own trading account to their wallet, once the platform has taken it.

    Raises as `transfer_to_account` does; the platform refuses what its free margin does not cover.
    """
    return _with_account(TransferKind.FROM_ACCOUNT, client_id, account_id, money, once=once, by=by)


def _with_account(
    kind: TransferKind, client_id: UUID, account_id: UUID, money: Money, *, once: str, by: Actor
) -> StartedTransfer:
    move = trading.fund if kind is TransferKind.TO_ACCOUNT else trading.withdraw_from
    standing = queries.made_before(Transfer, client_id, once)
    if standing is not None:
        if (standing.kind, standing.account_id, standing.amount) != (kind, account_id, money):
            raise errors.RepeatedForm
        return StartedTransfer(standing, move(account_id, money, key=_key(standing), by=by, asked=None))
    restrictions.require(TRANSFER_OWN, client_id)
    account = get(TradingAccount, account_id)
    if account is None or account.client_id != client_id or not account.is_active or account.is_demo:
        raise errors.AccountNotUsable
    if account.currency != money.currency:
        raise errors.WrongCurrency
    wallet = ledger.wallet(ledger.Owner("client", client_id), ledger.MAIN, money.currency)
    row = _new(kind, client_id, wallet.id, money, once)
    row.account_id, row.status = account.id, TransferStatus.PENDING
    requested = move(account.id, money, key=_key(row), by=by, asked=None)
    row.operation_id = requested.operation.id
    session().add(row)
    session().flush()
    _record(row, by, {"account": account.login, "amount": str(money)})
    return StartedTransfer(row, requested)


def finish_transfer(event: OperationFinished) -> None:
    """Bring the transfer of a finished platform operation to its own end; operations of others are passed over."""
    if event.kind not in (OperationKind.FUND, OperationKind.WITHDRAW):
        return
    row = queries.transfer_of_operation(event.operation_id)
    is_late = row is not None and row.status is TransferStatus.REFUSED and event.state.is_done
    if row is None or not (row.status is TransferStatus.PENDING or is_late):
        return
    row.status = TransferStatus.COMPLETED if event.state.is_done else TransferStatus.REFUSED
    row.reason, row.finished_at = event.reason, clock.now()
    session().flush()
    decisions.tell(row.client_id)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a conversion would give now: the client receives `received`, after the spread and rounded down."""

    paid: Money
    received: Money
    middle: Decimal
    rate: Decimal
    spread_share: Decimal
    source: str
    at: datetime


def quote(paid: Money, currency: str) -> Quote:
    """What the client would receive in `currency`. Raises SameCurrency, CurrencyNotOffered, RateUnknown,
    NothingReceived."""
    if paid.currency == currency:
        raise errors.SameCurrency
    decisions.currency_rules(paid.currency)
    if bundle.rules_of(currency) is None:
        raise errors.CurrencyNotOffered(field="to_currency")
    middle = rates.rate(paid.currency, currency)
    share = bundle.conversion_spread()
    received = round_money(middle.exact(paid.amount * (1 - share)), currency, Rounding.DOWN)
    if not received:
        raise errors.NothingReceived
    return Quote(paid, received, middle.value, middle.value * (1 - share), share, middle.source, middle.at)


def convert(client_id: UUID, paid: Money, expected: Money, *, once: str, by: Actor) -> Transfer:
    """Convert between two of the client's wallets, at the quote that the client has seen.

    The same `once` answers the first conversion. Raises Restricted, QuoteChanged when `expected` is not what the
    client would receive now, InsufficientFunds, RepeatedForm, and what `quote` raises.
    """
    standing = queries.made_before(Transfer, client_id, once)
    if standing is not None:
        if (standing.kind, standing.amount, standing.received) != (TransferKind.CONVERSION, paid, expected):
            raise errors.RepeatedForm
        return standing
    restrictions.require(EXCHANGE, client_id)
    offer = quote(paid, expected.currency)
    if offer.received != expected:
        raise errors.QuoteChanged(received=offer.received)
    owner = ledger.Owner("client", client_id)
    source = ledger.wallet(owner, ledger.MAIN, paid.currency)
    target = ledger.wallet(owner, ledger.MAIN, expected.currency)
    row = _new(TransferKind.CONVERSION, client_id, source.id, paid, once)
    house = ledger.Owner("house", "conversion")
    entry = ledger.post(
        _key(row),
        "conversion",
        [
            ledger.Line(source.id, -paid),
            ledger.Line(ledger.wallet(house, "conversion", paid.currency).id, paid),
            ledger.Line(ledger.wallet(house, "conversion", expected.currency).id, -expected),
            ledger.Line(target.id, expected),
        ],
        by,
        memo=row.reference,
        links=[("transfer", row.id)],
    )
    row.to_wallet_id, row.entry_id, row.status, row.finished_at = (
        target.id,
        entry.id,
        TransferStatus.COMPLETED,
        clock.now(),
    )
    row.received_minor, row.received_currency = expected.minor, expected.currency
    row.rate, row.rate_source, row.rate_at, row.spread_share = offer.middle, offer.source, offer.at, offer.spread_share
    session().add(row)
    session().flush()
    _record(row, by, {"paid": str(paid), "received": str(expected), "rate": offer.middle, "spread": offer.spread_share})
    return row


def _new(kind: TransferKind, client_id: UUID, wallet_id: UUID, money: Money, once: str) -> Transfer:
    return Transfer(
        client_id=client_id,
        kind=kind,
        reference=ids.reference("C" if kind is TransferKind.CONVERSION else "T"),
        wallet_id=wallet_id,
        amount_minor=money.minor,
        currency=money.currency,
        once_key=once,
        created_at=clock.now(),
    )


def _key(row: Transfer) -> str:
    return f"transfer:{row.id}"


def _record(row: Transfer, by: Actor, after: dict[str, Any]) -> None:
    audit.record(f"payments.transfer.{row.kind.value}", row, by=by, after=after)
    decisions.tell(row.client_id)
