"""Readings about platforms: their settings, their clock, how the link is, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import execute_sql, session
from app.core.errors import NotFound
from app.trading.models import (
    PlatformOperation,
    PlatformStatus,
    ServerOffset,
    SyncDifference,
    TradingAccount,
    TradingPlatform,
    UnmatchedDeal,
)
from app.trading.platforms.base import ServerClock


def platforms() -> Sequence[TradingPlatform]:
    """The tenant's platforms, active ones first."""
    statement = select(TradingPlatform).order_by(TradingPlatform.is_active.desc(), TradingPlatform.code)
    return session().scalars(statement).all()


def platform(platform_id: UUID) -> TradingPlatform:
    """One platform. Raises NotFound."""
    row = session().scalars(select(TradingPlatform).where(TradingPlatform.id == platform_id)).one_or_none()
    if row is None:
        raise NotFound
    return row


def status(platform_id: UUID) -> PlatformStatus:
    """How the link to a platform is, read fresh. Raises NotFound."""
    statement = select(PlatformStatus).where(PlatformStatus.platform_id == platform_id)
    row = session().scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound
    return row


def server_clock(platform_id: UUID) -> ServerClock | None:
    """How the platform's time relates to UTC, or None when it was never measured."""
    statement = (
        select(ServerOffset.from_msc, ServerOffset.minutes)
        .where(ServerOffset.platform_id == platform_id)
        .order_by(ServerOffset.from_msc)
    )
    rows = session().execute(statement).all()
    return ServerClock(tuple((row.from_msc, row.minutes) for row in rows)) if rows else None


def groups_in_use(platform_id: UUID) -> list[str]:
    """The groups in which the tenant's accounts lie or may lie."""
    rows = execute_sql(
        "SELECT DISTINCT g FROM ("
        " SELECT group_name AS g FROM trading_account WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " UNION ALL SELECT v.value FROM account_type AS t, jsonb_each_text(t.groups) AS v"
        " WHERE t.tenant_id = :tenant_id AND t.platform_id = :platform_id) AS used ORDER BY g",
        platform_id=platform_id,
    )
    return list(rows.scalars())


def logins_of(platform_id: UUID) -> list[int]:
    """Every login of ours on the platform."""
    statement = select(TradingAccount.login).where(
        TradingAccount.platform_id == platform_id, TradingAccount.login.is_not(None)
    )
    return [int(login) for login in session().scalars(statement) if login is not None]


def backlog(platform_id: UUID) -> int:
    """How many operations wait to be sent or answered."""
    statement = (
        select(func.count())
        .select_from(PlatformOperation)
        .where(PlatformOperation.platform_id == platform_id, PlatformOperation.state.in_(("requested", "sent")))
    )
    return session().scalar(statement) or 0


def unknown_operations(platform_id: UUID | None = None) -> Sequence[tuple[PlatformOperation, TradingAccount]]:
    """Operations whose outcome is unknown, oldest first."""
    statement = (
        select(PlatformOperation, TradingAccount)
        .join(TradingAccount, TradingAccount.id == PlatformOperation.account_id)
        .where(PlatformOperation.state == "unknown")
        .order_by(PlatformOperation.created_at)
    )
    if platform_id is not None:
        statement = statement.where(PlatformOperation.platform_id == platform_id)
    return [(row[0], row[1]) for row in session().execute(statement)]


def unmatched_deals(platform_id: UUID | None = None) -> Sequence[UnmatchedDeal]:
    """Movements of money that nobody has explained yet, oldest first."""
    statement = select(UnmatchedDeal).where(UnmatchedDeal.resolved_at.is_(None)).order_by(UnmatchedDeal.found_at)
    if platform_id is not None:
        statement = statement.where(UnmatchedDeal.platform_id == platform_id)
    return session().scalars(statement).all()


def open_differences(platform_id: UUID) -> Sequence[SyncDifference]:
    """What the last comparisons found and no later one has settled."""
    statement = (
        select(SyncDifference)
        .where(SyncDifference.platform_id == platform_id, SyncDifference.resolved_at.is_(None))
        .order_by(SyncDifference.found_at)
    )
    return session().scalars(statement).all()


def waiting_for_a_person() -> int:
    """Unknown operations, unexplained deals and unexplained differences together: the number on the menu."""
    row = execute_sql(
        "SELECT (SELECT count(*) FROM platform_operation WHERE tenant_id = :tenant_id AND state = 'unknown')"
        " + (SELECT count(*) FROM unmatched_deal WHERE tenant_id = :tenant_id AND resolved_at IS NULL)"
        " + (SELECT count(*) FROM sync_difference WHERE tenant_id = :tenant_id AND resolved_at IS NULL"
        "  AND category IS NULL) AS waiting"
    ).one()
    return int(row.waiting)


def balances_by_deals(platform_id: UUID) -> dict[int, Decimal]:
    """What each of our logins' balance is by the deals that we hold. Credit and bonus are kept apart by the
    platform. An adopted account begins with its opening balance: how far its history was read does not matter."""
    rows = execute_sql(
        "SELECT a.login, coalesce(a.opening_balance, 0) + coalesce(sum(d.profit + d.swap + d.commission + d.fee), 0)"
        " AS balance FROM trading_account AS a LEFT JOIN deal AS d"
        " ON d.tenant_id = a.tenant_id AND d.platform_id = a.platform_id AND d.login = a.login"
        " AND d.deleted_at IS NULL AND d.kind NOT IN ('credit', 'bonus')"
        " AND d.server_time_msc >= coalesce(a.opening_msc, 0)"
        " WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.login IS NOT NULL"
        " GROUP BY a.login, a.opening_balance",
        platform_id=platform_id,
    )
    return {row.login: row.balance for row in rows}


def moved_by_deals(platform_id: UUID) -> dict[str, Decimal]:
    """Money moved to the platform and back by its own balance deals, per currency; real accounts of ours only.

    Of an adopted account its opening balance counts as moved, and of its deals those since then.
    """
    rows = execute_sql(
        "SELECT m.currency, sum(m.moved) AS moved FROM ("
        " SELECT a.currency, d.profit AS moved FROM deal AS d JOIN trading_account AS a"
        "  ON a.tenant_id = d.tenant_id AND a.platform_id = d.platform_id AND a.login = d.login"
        "  WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.deleted_at IS NULL"
        "  AND d.kind = 'balance' AND NOT a.is_demo AND d.server_time_msc >= coalesce(a.opening_msc, 0)"
        " UNION ALL SELECT a.currency, a.opening_balance FROM trading_account AS a"
        "  WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND NOT a.is_demo"
        "  AND a.opening_balance IS NOT NULL"
        ") AS m GROUP BY m.currency",
        platform_id=platform_id,
    )
    return {row.currency: row.moved for row in rows}


def open_operations_before(platform_id: UUID, instant: datetime) -> int:
    """Money operations begun before an instant that have no outcome yet."""
    statement = (
        select(func.count())
        .select_from(PlatformOperation)
        .where(
            PlatformOperation.platform_id == platform_id,
            PlatformOperation.state.in_(("sent", "unknown")),
            PlatformOperation.created_at < instant,
        )
    )
    return session().scalar(statement) or 0


def unmatched_deal(platform_id: UUID, ticket: int) -> UnmatchedDeal:
    """One unexplained movement. Raises NotFound."""
    statement = select(UnmatchedDeal).where(UnmatchedDeal.platform_id == platform_id, UnmatchedDeal.ticket == ticket)
    row = session().scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def logins_of_clients(platform_id: UUID, client_ids: Sequence[UUID]) -> list[int]:
    """The logins that these clients have on the platform."""
    rows = execute_sql(
        "SELECT login FROM trading_account WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND client_id = ANY(:ids) AND login IS NOT NULL AND status = 'active'",
        platform_id=platform_id,
        ids=list(client_ids),
    )
    return list(rows.scalars())


def deal_counts(platform_id: UUID, from_msc: int, to_msc: int, limit: int) -> dict[int, Decimal]:
    """How many deals our logins with activity in a window of whole seconds have in it; the busiest first.

    Accounts that were adopted inside the window are left out: nobody has read all of it yet.
    """
    rows = execute_sql(
        "SELECT d.login, count(*) AS deals FROM deal AS d JOIN trading_account AS a"
        " ON a.tenant_id = d.tenant_id AND a.platform_id = d.platform_id AND a.login = d.login"
        " WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.deleted_at IS NULL"
        " AND coalesce(a.opening_msc, 0) < :from_msc - 1000"
        " AND d.server_time_msc / 1000 >= :begin AND d.server_time_msc / 1000 <= :until"
        " AND d.server_time_msc >= :from_msc AND d.server_time_msc < :to_msc"
        " GROUP BY d.login ORDER BY count(*) DESC LIMIT :limit",
        platform_id=platform_id,
        begin=from_msc // 1000,
        until=-(-to_msc // 1000),
        from_msc=from_msc - 1000,
        to_msc=to_msc + 2000,
        limit=limit,
    )
    return {row.login: Decimal(row.deals) for row in rows}
