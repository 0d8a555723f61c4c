"""Positions, trading states and symbols: the present, as last reported, and the cells that open pages show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core import live
from app.kit import clock
from app.trading.access import baseline
from app.trading.access import rules as access_rules
from app.trading.ingest.batch import Batch
from app.trading.models import TradingAccount
from app.trading.platforms.base import AccountRecord, AccountState, Position, ServerClock, Symbol
from app.trading.queries import ingest as queries
from app.trading.service import outcomes

Values = dict[UUID, dict[str, dict[str, str]]]


def store_figures(platform_id: UUID, batch: Batch, times: ServerClock | None) -> Values:
    """Positions and trading states. Answers the cells that open pages show, by client."""
    logins = {row.login for row in batch.positions} | {row.login for row in batch.accounts}
    logins |= {row.login for row in batch.states} | set(batch.whole_positions_of)
    if batch.closed_positions:
        queries.delete_positions(platform_id, list(batch.closed_positions))
    if not logins:
        return {}
    now = clock.now()
    accounts = queries.accounts_by_login(platform_id, sorted(logins))
    if batch.positions:
        assert times is not None
        gone = set(batch.closed_positions)
        latest = {row.ticket: row for row in batch.positions if row.ticket not in gone}
        queries.upsert_positions([_position_columns(platform_id, row, times, now) for row in latest.values()])
    if batch.whole_positions_of:
        queries.delete_other_positions(
            platform_id, list(batch.whole_positions_of), [row.ticket for row in batch.positions]
        )
    states = {row.login: row for row in batch.states}
    known = [login for login in {row.login for row in batch.accounts} if login in accounts]
    floating = queries.floating_of(platform_id, known) if known else {}
    stored_states = queries.states_of([accounts[login].id for login in known]) if known else {}
    rows: dict[UUID, dict[str, Any]] = {}
    for record in batch.accounts:
        account = accounts.get(record.login)
        if account is None:
            continue
        _take_settings(account, record)
        if record.login not in states:
            previous = stored_states.get(account.id)
            margin = previous.margin if previous and record.login in floating else Decimal(0)
            rows[account.id] = _estimate(account.id, record, floating.get(record.login, Decimal(0)), margin, now)
    for login, state in states.items():
        if login in accounts:
            rows[accounts[login].id] = _state_columns(accounts[login].id, state, now)
    queries.upsert_states(list(rows.values()))
    return _cells(accounts.values(), rows, batch.positions, accounts)


def _position_columns(platform_id: UUID, row: Position, times: ServerClock, now: datetime) -> dict[str, Any]:
    return {
        "platform_id": platform_id,
        "ticket": row.ticket,
        "login": row.login,
        "symbol": row.symbol,
        "side": row.side.value,
        "volume_lots": row.volume_lots,
        "open_price": row.open_price,
        "current_price": row.current_price,
        "stop_loss": row.stop_loss,
        "take_profit": row.take_profit,
        "profit": row.profit,
        "swap": row.swap,
        "opened_at": times.utc(row.opened_server_msc),
        "updated_at": now,
    }


def _take_settings(account: TradingAccount, record: AccountRecord) -> None:
    """Leverage, group and rights as they are on the platform, whoever changed them there."""
    before = (account.leverage, account.group_name, account.access)
    account.leverage = record.leverage or account.leverage
    account.group_name = record.group or account.group_name
    account.rights = record.rights
    if account.access_known is None:
        baseline.note(account, record.access)
        account.access_known = access_rules.as_stored(record.access)
    account.take_access(record.access)
    if before != (account.leverage, account.group_name, account.access):
        live.publish(f"client:{account.client_id}", "accounts-changed")


def _estimate(
    account_id: UUID, record: AccountRecord, floating: Decimal, margin: Decimal, now: datetime
) -> dict[str, Any]:
    """The trading state that follows from the new balance and what is open; the next reading replaces it."""
    equity = record.balance + record.credit + floating
    return {
        "account_id": account_id,
        "balance": record.balance,
        "credit": record.credit,
        "equity": equity,
        "margin": margin,
        "free_margin": equity - margin,
        "margin_level": (equity / margin * 100).quantize(Decimal("0.01")) if margin else None,
        "floating_profit": floating,
        "at": now,
    }


def _state_columns(account_id: UUID, state: AccountState, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "balance": state.balance,
        "credit": state.credit,
        "equity": state.equity,
        "margin": state.margin,
        "free_margin": state.free_margin,
        "margin_level": state.margin_level,
        "floating_profit": state.floating_profit,
        "at": now,
    }


def _cells(
    accounts: Iterable[TradingAccount],
    rows: dict[UUID, dict[str, Any]],
    positions: Sequence[Position],
    by_login: dict[int, TradingAccount],
) -> Values:
    values: Values = {}
    for account in accounts:
        row = rows.get(account.id)
        if row is None:
            continue
        cells = values.setdefault(account.client_id, {})
        for name, column in (
            ("balance", "balance"),
            ("equity", "equity"),
            ("free", "free_margin"),
            ("profit", "floating_profit"),
        ):
            cells[f"acc-{account.id}-{name}"] = _money_cell(row[column], account.currency)
        level = row["margin_level"]
        cells[f"acc-{account.id}-level"] = (
            {"kind": "text", "value": "—"} if level is None else {"kind": "number", "value": f"{level:.0f}"}
        )
    for position in positions:
        account_of = by_login.get(position.login)
        if account_of is not None:
            cells = values.setdefault(account_of.client_id, {})
            cells[f"pos-{position.ticket}-profit"] = _money_cell(position.profit + position.swap, account_of.currency)
            cells[f"pos-{position.ticket}-price"] = {"kind": "text", "value": f"{position.current_price:f}"}
    return values


def _money_cell(amount: Decimal, currency: str) -> dict[str, str]:
    money = outcomes.money_of(amount, currency)
    return {"kind": "money", "value": f"{money.amount:f}", "currency": currency}


def store_symbols(platform_id: UUID, symbols: Sequence[Symbol]) -> None:
    """Keep the platform's instruments as last read."""
    now = clock.now()
    queries.upsert_symbols(
        platform_id,
        [
            {
                "name": symbol.name,
                "path": symbol.path,
                "symbol_class": symbol.symbol_class,
                "description": symbol.description,
                "profit_currency": symbol.profit_currency,
                "margin_currency": symbol.margin_currency,
                "digits": symbol.digits,
                "contract_size": symbol.contract_size,
                "updated_at": now,
            }
            for symbol in {symbol.name: symbol for symbol in symbols}.values()
        ],
    )
