"""Positions become closed trades: nearly all of them in one statement, the rare shapes by the plain rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.trading import rules
from app.trading.models import ClosedTrade, DealRow, TradingAccount
from app.trading.platforms.base import DealKind, Entry, Side
from app.trading.queries import ingest as queries


def derive(platform_id: UUID, position_ids: Sequence[int], batch_no: int, last_id: int, now: datetime) -> int:
    """Compute these positions again from all their deals and write what comes out otherwise than it stands. Answers
    how many legs changed."""
    derived = queries.derive_legs(platform_id, position_ids, batch_no, last_id, now)
    changed = derived.legs
    if derived.gone:
        queries.delete_closed_trades(platform_id, derived.gone, batch_no, now)
        changed += len(derived.gone)
    if derived.others:
        more, newest = derive_plainly(platform_id, derived.others, batch_no, derived.last_id, now)
        changed += more
        if newest != derived.last_id:
            queries.note_closed_trade_id(newest)
    return changed


def derive_plainly(
    platform_id: UUID, position_ids: Sequence[int], batch_no: int, last_id: int, now: datetime
) -> tuple[int, int]:
    """The same, one position after the other, by `rules.derive_legs`. Answers (legs changed, highest id given)."""
    wanted = wanted_legs(platform_id, position_ids)
    standing = {
        (trade.closing_deal, trade.leg): trade
        for trade in queries.closed_trades_of_positions(platform_id, position_ids)
    }
    to_write = []
    for key, values in wanted.items():
        trade = standing.get(key)
        if trade is None:
            last_id += 1
            to_write.append({**values, "id": last_id})
        elif trade.deleted_at is not None or differs(trade, values):
            to_write.append({**values, "id": trade.id})
    if to_write:
        columns = {name: [values[name] for values in to_write] for name in to_write[0]}
        queries.upsert_closed_trades(platform_id, columns, batch_no, now)
    taken_away = [key for key, trade in standing.items() if key not in wanted and trade.deleted_at is None]
    if taken_away:
        queries.delete_closed_trades(platform_id, taken_away, batch_no, now)
    return len(to_write) + len(taken_away), last_id


def wanted_legs(platform_id: UUID, position_ids: Sequence[int]) -> dict[tuple[int, int], dict[str, Any]]:
    """What the closed trades of these positions must say, by (closing deal, leg), as the plain rule has it. Legs of
    accounts that are not ours are none."""
    by_position: dict[int, list[DealRow]] = {position_id: [] for position_id in position_ids}
    for row in queries.deals_of_positions(platform_id, position_ids):
        by_position[row.position_id].append(row)
    logins = {row.login for rows in by_position.values() for row in rows}
    accounts = queries.accounts_by_login(platform_id, sorted(logins))
    wanted: dict[tuple[int, int], dict[str, Any]] = {}
    for rows in by_position.values():
        fills = {row.ticket: row for row in rows}
        for leg in rules.derive_legs(_fill(row) for row in rows).legs:
            account = accounts.get(fills[leg.closing.ticket].login)
            if account is not None:
                wanted[leg.closing.ticket, leg.number] = _leg_columns(leg, fills, account)
    return wanted


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


def differs(trade: ClosedTrade, values: dict[str, Any]) -> bool:
    """Whether a stored leg says anything else than these values."""
    return any(getattr(trade, name) != value for name, value in values.items())
