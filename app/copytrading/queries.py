"""Readings about strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from app.clients.models import Client
from app.copytrading.models import EquityDay, Strategy, StrategyFigures, StrategyStatus
from app.core.db import execute_sql, get, load_sql, session
from app.core.errors import NotFound
from app.trading.models import AccountStatus, TradingAccount, TradingPlatform

FLOWS = ("balance", "correction", "compensation", "agent")  # Money that no trading earned or lost.
PERIODS = ("1m", "3m", "6m", "12m", "all")
SORTS = {
    "rank": StrategyFigures.rank,
    "return_1m": StrategyFigures.return_1m,
    "return_3m": StrategyFigures.return_3m,
    "return_6m": StrategyFigures.return_6m,
    "return_12m": StrategyFigures.return_12m,
    "return_all": StrategyFigures.return_all,
    "drawdown": StrategyFigures.drawdown,
    "age": StrategyFigures.age_days,
    "copiers": StrategyFigures.copiers,
    "trades": StrategyFigures.trades,
}


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A strategy with its figures (none before the first computation), its account and whose it is."""

    strategy: Strategy
    figures: StrategyFigures | None
    account: TradingAccount
    platform: TradingPlatform
    client: Client


@dataclass(frozen=True, slots=True)
class StrategyFilter:
    """What narrows the list."""

    search: str = ""
    platform: str = ""
    min_age: int = 0
    max_drawdown: Decimal | None = None
    status: StrategyStatus | None = StrategyStatus.PUBLISHED
    with_hidden: bool = False


def strategies(
    wanted: StrategyFilter, *, sort: str = "rank", limit: int = 50, offset: int = 0
) -> tuple[list[StrategyRow], int]:
    """The strategies that a list shows and how many there are. `sort` is a key of SORTS, a minus means descending."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(Strategy.status == wanted.status)
    if wanted.search:
        conditions.append(Strategy.name.icontains(wanted.search, autoescape=True))
    if wanted.platform:
        conditions.append(TradingPlatform.code == wanted.platform)
    if wanted.min_age:
        conditions.append(StrategyFigures.age_days >= wanted.min_age)
    if wanted.max_drawdown is not None:
        conditions.append(StrategyFigures.drawdown <= wanted.max_drawdown)
    column = SORTS[sort.removeprefix("-")]
    order = column.desc().nulls_last() if sort.startswith("-") else column.asc().nulls_last()
    statement = (
        _joined()
        .where(and_(True, *conditions))
        .order_by(order, StrategyFigures.age_days.desc().nulls_last(), Strategy.published_at, Strategy.id)
    )
    total = session().scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    rows = session().execute(statement.limit(limit).offset(offset))
    return [StrategyRow(*row) for row in rows], total


def _joined() -> Any:
    return (
        select(Strategy, StrategyFigures, TradingAccount, TradingPlatform, Client)
        .join(TradingAccount, TradingAccount.id == Strategy.account_id)
        .join(TradingPlatform, TradingPlatform.id == TradingAccount.platform_id)
        .join(Client, Client.id == Strategy.client_id)
        .outerjoin(StrategyFigures, StrategyFigures.strategy_id == Strategy.id)
        .execution_options(populate_existing=True)
    )


def strategy_row(strategy_id: UUID) -> StrategyRow:
    """One strategy, whatever its status. Raises NotFound."""
    row = session().execute(_joined().where(Strategy.id == strategy_id)).one_or_none()
    if row is None:
        raise NotFound
    return StrategyRow(*row)


def strategies_of(client_id: UUID) -> list[StrategyRow]:
    """A client's own strategies, newest first."""
    statement = _joined().where(Strategy.client_id == client_id).order_by(Strategy.published_at.desc(), Strategy.id)
    return [StrategyRow(*row) for row in session().execute(statement)]


def locked(strategy_id: UUID) -> Strategy:
    """A strategy, locked. Raises NotFound."""
    row = get(Strategy, strategy_id, lock=True)
    if row is None:
        raise NotFound
    return row


def standing_of_account(account_id: UUID) -> Strategy | None:
    """The strategy under which an account is listed or hidden now."""
    statement = select(Strategy).where(
        Strategy.account_id == account_id, Strategy.status.in_((StrategyStatus.PUBLISHED, StrategyStatus.HIDDEN))
    )
    return session().scalars(statement).one_or_none()


def name_is_taken(name: str, *, besides: UUID | None = None) -> bool:
    """Whether a strategy on the list bears this name, in whatever letters."""
    statement = select(Strategy.id).where(
        func.lower(Strategy.name) == name.lower(), Strategy.status != StrategyStatus.WITHDRAWN
    )
    if besides is not None:
        statement = statement.where(Strategy.id != besides)
    return session().scalars(statement.limit(1)).one_or_none() is not None


def wait_for_names() -> None:
    """Names are given one at a time."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('strategy name'), :tenant_id)")


def count_standing(client_id: UUID) -> int:
    """How many strategies of a client are on the list, or hidden."""
    statement = (
        select(func.count())
        .select_from(Strategy)
        .where(Strategy.client_id == client_id, Strategy.status != StrategyStatus.WITHDRAWN)
    )
    return session().scalar(statement) or 0


def accounts_to_publish(client_id: UUID) -> Sequence[TradingAccount]:
    """A client's active live accounts that are not listed."""
    standing = select(Strategy.account_id).where(Strategy.status != StrategyStatus.WITHDRAWN)
    statement = (
        select(TradingAccount)
        .where(
            TradingAccount.client_id == client_id,
            TradingAccount.status == AccountStatus.ACTIVE,
            TradingAccount.is_demo.is_(False),
            TradingAccount.id.not_in(standing),
        )
        .order_by(TradingAccount.login)
    )
    return session().scalars(statement).all()


def note_equity(day: date, since: datetime) -> None:
    """Keep the latest reading of every listed account for this business day. Older readings than `since` say nothing
    about it."""
    execute_sql(load_sql("app.copytrading", "sql/note_equity.sql"), day=day, since=since)


def money_of(account: TradingAccount, timezone: str) -> Sequence[Any]:
    """An account's flows and day ends: day, is_flow, net, balance_before, balance, is_last; in order."""
    return execute_sql(
        load_sql("app.copytrading", "sql/flows.sql"),
        platform_id=account.platform_id,
        login=account.login,
        timezone=timezone,
        flows=list(FLOWS),
    ).all()


def readings_of(account_id: UUID) -> dict[date, EquityDay]:
    """What was read of an account's equity, by day."""
    rows = session().scalars(select(EquityDay).where(EquityDay.account_id == account_id))
    return {row.day: row for row in rows}


def trade_sums(account_id: UUID) -> Any:
    """trades, lots, won, gross_profit, gross_loss, holding_ms."""
    return execute_sql(load_sql("app.copytrading", "sql/trades.sql"), account_id=account_id).one()


def to_compute() -> list[tuple[Strategy, TradingAccount]]:
    """Every strategy on the list or hidden, with its account."""
    statement = (
        select(Strategy, TradingAccount)
        .join(TradingAccount, TradingAccount.id == Strategy.account_id)
        .where(Strategy.status != StrategyStatus.WITHDRAWN)
        .order_by(Strategy.id)
    )
    return [(row[0], row[1]) for row in session().execute(statement)]


def figures_by_strategy() -> dict[UUID, StrategyFigures]:
    """All figures, by strategy."""
    return {row.strategy_id: row for row in session().scalars(select(StrategyFigures))}
