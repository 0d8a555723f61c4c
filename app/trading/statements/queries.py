"""Readings behind the history of an account and its statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.core.db import execute_sql, load_sql, session
from app.trading.models import ClosedTrade, DealRow, TradingAccount

NET = ClosedTrade.profit + ClosedTrade.swap + ClosedTrade.commission + ClosedTrade.fee
SORTS: dict[str, ColumnElement[Any]] = {
    "closed": ClosedTrade.closed_at.expression,
    "opened": ClosedTrade.opened_at.expression,
    "symbol": ClosedTrade.symbol.expression,
    "lots": ClosedTrade.volume_lots.expression,
    "held": ClosedTrade.holding_ms.expression,
    "net": NET,
}


@dataclass(frozen=True, slots=True)
class TradeFilter:
    """What narrows the list of closed trades. Instants are UTC; the end does not belong to the period."""

    symbol: str = ""
    side: str = ""
    result: str = ""  # "won" or "lost", after all costs.
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class TradeSums:
    """What the listed trades sum to. Money is in the account's currency."""

    count: int
    lots: Decimal
    won: int
    profit: Decimal
    swap: Decimal
    costs: Decimal

    @property
    def net(self) -> Decimal:
        return self.profit + self.swap + self.costs


def _conditions(account_id: UUID, wanted: TradeFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [ClosedTrade.account_id == account_id, ClosedTrade.deleted_at.is_(None)]
    if wanted.symbol:
        found.append(func.lower(ClosedTrade.symbol) == wanted.symbol.lower())
    if wanted.side:
        found.append(ClosedTrade.side == wanted.side)
    if wanted.result == "won":
        found.append(NET > 0)
    elif wanted.result == "lost":
        found.append(NET < 0)
    if wanted.begin is not None:
        found.append(ClosedTrade.closed_at >= wanted.begin)
    if wanted.end is not None:
        found.append(ClosedTrade.closed_at < wanted.end)
    return found


def trades(
    account_id: UUID, wanted: TradeFilter, *, sort: str = "-closed", limit: int, offset: int = 0
) -> Sequence[ClosedTrade]:
    """An account's closed trades. `sort` is a key of SORTS, a minus means descending."""
    column = SORTS[sort.removeprefix("-")]
    order = column.desc().nulls_last() if sort.startswith("-") else column.asc().nulls_last()
    statement = (
        select(ClosedTrade)
        .where(*_conditions(account_id, wanted))
        .order_by(order, ClosedTrade.closing_deal.desc(), ClosedTrade.leg)
        .limit(limit)
        .offset(offset)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def trade_sums(account_id: UUID, wanted: TradeFilter) -> TradeSums:
    """What all the trades of the filter sum to."""
    statement = select(
        func.count(),
        func.coalesce(func.sum(ClosedTrade.volume_lots), 0),
        func.count().filter(NET > 0),
        func.coalesce(func.sum(ClosedTrade.profit), 0),
        func.coalesce(func.sum(ClosedTrade.swap), 0),
        func.coalesce(func.sum(ClosedTrade.commission + ClosedTrade.fee), 0),
    ).where(*_conditions(account_id, wanted))
    return TradeSums(*session().execute(statement).one())


def symbols_of(account_id: UUID) -> Sequence[str]:
    """What the account has ever closed a trade in."""
    statement = select(ClosedTrade.symbol).where(ClosedTrade.account_id == account_id).distinct()
    return sorted(session().scalars(statement))


def sums_of_deals(account: TradingAccount, begin: datetime, end: datetime) -> Any:
    """What the account's deals of a period sum to, by what they are, and what stood before."""
    return execute_sql(
        load_sql("app.trading.statements", "sql/sums.sql"),
        platform_id=account.platform_id,
        login=account.login,
        begin=begin,
        end=end,
    ).one()


def movements(account: TradingAccount, begin: datetime, end: datetime, *, limit: int) -> Sequence[DealRow]:
    """Everything of a period that moved money without a trade: deposits, credit, charges."""
    statement = (
        select(DealRow)
        .where(
            DealRow.platform_id == account.platform_id,
            DealRow.login == account.login,
            DealRow.deleted_at.is_(None),
            DealRow.kind != "trade",
            DealRow.at >= begin,
            DealRow.at < end,
        )
        .order_by(DealRow.server_time_msc, DealRow.ticket)
        .limit(limit)
    )
    return session().scalars(statement).all()
