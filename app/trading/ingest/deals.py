"""Deals become rows, closed trades and matched money."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from app.core.db import get
from app.kit import clock
from app.trading import rules
from app.trading.ingest.batch import Batch, Stored, Window
from app.trading.models import (
    ClosedTrade,
    DealRow,
    OperationKind,
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)
from app.trading.platforms.base import Deal, DealKind, Entry, ServerClock, Side
from app.trading.queries import ingest as queries
from app.trading.queries.ingest import ChangedDeal, KnownDeal
from app.trading.service import outcomes

log = structlog.get_logger()


def content_hash(deal: Deal) -> str:
    """What must be equal for two reports of a ticket to say the same."""
    parts = []
    for each in fields(deal):
        value = getattr(deal, each.name)
        parts.append(f"{value.normalize():f}" if isinstance(value, Decimal) else str(value))
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def store_deals(platform_id: UUID, batch: Batch, times: ServerClock | None, stored: Stored) -> None:
    now = clock.now()
    deals = list({deal.ticket: deal for deal in batch.deals}.values())
    deals.sort(key=lambda deal: deal.ticket)
    hashes = [content_hash(deal) for deal in deals]
    gone = list(batch.deleted_deals)
    if batch.window:
        gone += [ticket for ticket, _ in _vanished(platform_id, batch.window)]
    if not deals and not gone:
        return
    batch_no, last_id = queries.next_batch()
    known = queries.known_deals(platform_id, [deal.ticket for deal in deals] + gone)
    changed: list[ChangedDeal] = []
    if deals:
        assert times is not None
        changed = queries.upsert_deals(platform_id, _deal_columns(deals, hashes, times), batch_no, now)
    deleted = queries.delete_deals(platform_id, gone, batch_no, now) if gone else []
    stored.deals, stored.deleted = len(changed), len(deleted)
    if not changed and not deleted:
        return
    accounts = queries.accounts_by_login(platform_id, sorted({deal.login for deal in (*changed, *deleted)}))
    positions = {deal.position_id for deal in (*changed, *deleted)}
    positions |= {known[deal.ticket].position_id for deal in changed if deal.ticket in known}
    positions.discard(0)
    if positions:
        stored.legs = _derive(platform_id, sorted(positions), accounts, batch_no, last_id, now)
    _match_money(platform_id, changed, deleted, known, accounts)
    if changed:
        queries.note_deals(platform_id, now)
    stored.clients |= {account.client_id for account in accounts.values()}


def vanished_logins(platform_id: UUID, window: Window) -> list[int]:
    """The logins of which a reading showed less than we hold: their deals are gone, or the account lies elsewhere."""
    return sorted({login for _, login in _vanished(platform_id, window)})


def _vanished(platform_id: UUID, window: Window) -> list[tuple[int, int]]:
    return queries.vanished_deals(
        platform_id, window.logins, window.from_msc, window.to_msc, window.seen, window.read_at
    )


def _deal_columns(deals: Sequence[Deal], hashes: Sequence[str], times: ServerClock) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        each.name: [_plain(getattr(deal, each.name)) for deal in deals] for each in fields(Deal)
    }
    columns["at"] = [times.utc(deal.server_time_msc) for deal in deals]
    columns["opened_at"] = [times.utc(deal.opened_server_msc) if deal.opened_server_msc else None for deal in deals]
    columns["content_hash"] = list(hashes)
    return columns


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, DealKind | Side | Entry) else value


def _derive(
    platform_id: UUID,
    position_ids: Sequence[int],
    accounts: dict[int, TradingAccount],
    batch_no: int,
    last_id: int,
    now: datetime,
) -> int:
    """Compute these positions again from all their deals and write what comes out otherwise than it stands."""
    by_position: dict[int, list[DealRow]] = {position_id: [] for position_id in position_ids}
    for row in queries.deals_of_positions(platform_id, position_ids):
        by_position[row.position_id].append(row)
    missing = {row.login for rows in by_position.values() for row in rows} - accounts.keys()
    accounts |= queries.accounts_by_login(platform_id, sorted(missing))
    standing = {
        (trade.closing_deal, trade.leg): trade
        for trade in queries.closed_trades_of_positions(platform_id, position_ids)
    }
    wanted: dict[tuple[int, int], dict[str, Any]] = {}
    for rows in by_position.values():
        fills = {row.ticket: row for row in rows}
        for leg in rules.derive_legs(_fill(row) for row in rows).legs:
            account = accounts.get(fills[leg.closing.ticket].login)
            if account is not None:
                wanted[leg.closing.ticket, leg.number] = _leg_columns(leg, fills, account)
    to_write = []
    for key, values in wanted.items():
        trade = standing.get(key)
        if trade is None:
            last_id += 1
            to_write.append({**values, "id": last_id})
        elif trade.deleted_at is not None or _differs(trade, values):
            to_write.append({**values, "id": trade.id})
    if to_write:
        columns = {name: [values[name] for values in to_write] for name in to_write[0]}
        queries.upsert_closed_trades(platform_id, columns, batch_no, now)
        queries.note_closed_trade_id(last_id)
    taken_away = [key for key, trade in standing.items() if key not in wanted and trade.deleted_at is None]
    if taken_away:
        queries.delete_closed_trades(platform_id, taken_away, batch_no, now)
    return len(to_write) + len(taken_away)


def _fill(row: DealRow) -> rules.Fill:
    return rules.Fill(
        ticket=row.ticket,
        kind=DealKind(row.kind),
        side=Side(row.side) if row.side else None,
        entry=Entry(row.entry) if row.entry else None,
        is_service=row.is_service,
        at=row.at,
        server_time_msc=row.server_time_msc,
        volume_lots=row.volume_lots,
        volume_closed_lots=row.volume_closed_lots,
        price=row.price,
        position_price=row.position_price,
        market_bid=row.market_bid,
        market_ask=row.market_ask,
        profit=row.profit,
        swap=row.swap,
        commission=row.commission,
        fee=row.fee,
        reason=row.reason,
        money_digits=row.money_digits,
        entry_price=row.entry_price,
        opened_at=row.opened_at,
    )


def _leg_columns(leg: rules.Leg, fills: dict[int, DealRow], account: TradingAccount) -> dict[str, Any]:
    closing, opening = leg.closing, leg.opening
    row = fills[closing.ticket]
    return {
        "closing_deal": closing.ticket,
        "leg": leg.number,
        "account_id": account.id,
        "client_id": account.client_id,
        "login": row.login,
        "position_id": row.position_id,
        "opening_deal": opening.ticket if opening else None,
        "symbol": row.symbol,
        "side": leg.side.value,
        "volume_lots": leg.volume_lots,
        "contract_size": row.contract_size,
        "opened_at": leg.opened_at,
        "closed_at": closing.at,
        "holding_ms": None if leg.holding is None else round(leg.holding.total_seconds() * 1000),
        "holding_nearest_ms": None
        if leg.holding_nearest is None
        else round(leg.holding_nearest.total_seconds() * 1000),
        "open_price": leg.open_price,
        "close_price": closing.price,
        "open_bid": opening.market_bid if opening else None,
        "open_ask": opening.market_ask if opening else None,
        "close_bid": closing.market_bid,
        "close_ask": closing.market_ask,
        "profit": leg.profit,
        "swap": leg.swap,
        "commission": leg.commission,
        "fee": leg.fee,
        "profit_rate": row.profit_rate,
        "account_currency": account.currency,
        "is_demo": account.is_demo,
        "is_partial": leg.is_partial,
        "is_close_by": closing.entry is Entry.OUT_BY,
        "is_edited": row.modify_flags != 0,
        "is_copied": row.is_copied,
        "markup_usd": row.markup_usd,
        "reason": closing.reason,
    }


def _differs(trade: ClosedTrade, values: dict[str, Any]) -> bool:
    return any(getattr(trade, name) != value for name, value in values.items())


def _match_money(
    platform_id: UUID,
    changed: Sequence[ChangedDeal],
    deleted: Sequence[ChangedDeal],
    known: dict[int, KnownDeal],
    accounts: dict[int, TradingAccount],
) -> None:
    """Join movements of money to the operations they carry out. What nothing explains goes to suspense and a queue."""
    moved = [deal for deal in changed if deal.kind == DealKind.BALANCE or _was_balance(known.get(deal.ticket))]
    moved += [deal for deal in deleted if deal.kind == DealKind.BALANCE]
    moved = [deal for deal in moved if deal.login in accounts and _is_in_our_books(accounts[deal.login], deal)]
    if not moved:
        return
    platform = get(TradingPlatform, platform_id)
    assert platform is not None
    is_gone = {deal.ticket for deal in deleted}
    fresh = [deal for deal in moved if deal.ticket not in known]
    operations = queries.operations_by_reference([deal.comment for deal in fresh if deal.comment])
    for deal in fresh:
        _match_one(platform, accounts[deal.login], deal, operations.get(deal.comment))
    for deal in moved:
        if deal.ticket in known:
            _book_change(platform, accounts[deal.login], deal, known[deal.ticket], deal.ticket in is_gone)


def _is_in_our_books(account: TradingAccount, deal: ChangedDeal) -> bool:
    """Play money never is. What moved before an account was adopted stands in its opening balance already."""
    return not account.is_demo and deal.server_time_msc >= (account.opening_msc or 0)


def _was_balance(before: KnownDeal | None) -> bool:
    return before is not None and before.kind == DealKind.BALANCE


def _match_one(
    platform: TradingPlatform, account: TradingAccount, deal: ChangedDeal, operation: PlatformOperation | None
) -> None:
    reason = "unmatched"
    if operation is not None and _fits(operation, account, deal):
        ticket = operation.result.get("ticket")
        if not operation.state.is_final:
            outcomes.confirm(operation, {"ticket": deal.ticket}, looked=operation.state is OperationState.UNKNOWN)
            return
        if operation.state.is_done and ticket in (None, deal.ticket):
            operation.result = {**operation.result, "ticket": deal.ticket}
            return
        reason = "duplicate" if operation.state.is_done else "late"
        log.error("trading.incident", reason=reason, operation=str(operation.id), ticket=deal.ticket)
    outcomes.book_unexplained(
        platform,
        account,
        deal.ticket,
        deal.profit,
        reason=reason,
        key=f"deal:{platform.id}:{deal.ticket}",
        comment=deal.comment,
        operation_id=operation.id if operation else None,
    )


def _fits(operation: PlatformOperation, account: TradingAccount, deal: ChangedDeal) -> bool:
    """Whether the deal is what the operation asked for: same account, same amount, same direction."""
    if operation.account_id != account.id or operation.money is None or not operation.kind.moves_money:
        return False
    wanted = operation.money.amount
    return deal.profit == (-wanted if operation.kind is OperationKind.WITHDRAW else wanted)


def _book_change(
    platform: TradingPlatform, account: TradingAccount, deal: ChangedDeal, before: KnownDeal, is_gone: bool
) -> None:
    """A movement of money was changed, taken back or restored on the platform: the difference goes to suspense."""
    was = before.profit if before.kind == DealKind.BALANCE and not before.is_deleted else Decimal(0)
    now = deal.profit if deal.kind == DealKind.BALANCE and not is_gone else Decimal(0)
    if now != was:
        outcomes.book_unexplained(
            platform,
            account,
            deal.ticket,
            now - was,
            reason="changed",
            key=f"deal:{platform.id}:{deal.ticket}:{deal.revision}",
            comment=deal.comment,
        )


def link_account(account: TradingAccount) -> None:
    """An account has just got its login: take in what the platform reported about it before we knew whose it is."""
    assert account.login is not None
    batch_no, last_id = queries.next_batch()
    accounts = {account.login: account}
    positions = queries.position_ids_of(account.platform_id, account.login)
    if positions:
        _derive(account.platform_id, positions, accounts, batch_no, last_id, clock.now())
    _match_money(account.platform_id, queries.balance_deals_of(account.platform_id, account.login), (), {}, accounts)
