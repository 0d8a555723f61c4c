"""What intake asks of the database: a number for the batch, set-based writes, and the rows that a batch touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import execute_sql, load_sql, session, tenant_id
from app.trading.models import (
    AccountStateRow,
    ClosedTrade,
    DealRow,
    OpenPosition,
    PlatformOperation,
    PlatformStatus,
    SymbolRow,
    TradingAccount,
)


@dataclass(frozen=True, slots=True)
class ChangedDeal:
    """A deal that the batch brought or corrected."""

    ticket: int
    login: int
    kind: str
    position_id: int
    profit: Decimal
    comment: str
    revision: int
    server_time_msc: int


@dataclass(frozen=True, slots=True)
class KnownDeal:
    """What stood under a ticket before."""

    position_id: int
    kind: str
    profit: Decimal
    is_deleted: bool


def _changed(rows: Iterable[Any]) -> list[ChangedDeal]:
    return [
        ChangedDeal(r.ticket, r.login, r.kind, r.position_id, r.profit, r.comment, r.revision, r.server_time_msc)
        for r in rows
    ]


def next_batch(*, is_small: bool = False) -> tuple[int, int]:
    """(number of this batch, highest closed-trade id given). Batches of one tenant pass one at a time until they
    commit.

    So numbers become visible in their order, and a feed that has read up to a number has missed nothing before it. For
    a small batch the server plans its statements once and for all, since that takes longer than they do; for a large
    one each time, by its size.
    """
    row = execute_sql(
        "INSERT INTO ingest_counter AS c (tenant_id, batch_no) VALUES (:tenant_id, 1)"
        " ON CONFLICT (tenant_id) DO UPDATE SET batch_no = c.batch_no + 1 RETURNING c.batch_no, c.closed_trade_id,"
        " set_config('plan_cache_mode',"
        " CASE WHEN :is_small THEN 'force_generic_plan' ELSE 'force_custom_plan' END, true)",
        is_small=is_small,
    ).one()
    return row.batch_no, row.closed_trade_id


def note_closed_trade_id(highest: int) -> None:
    """Remember the highest id that this batch gave."""
    execute_sql("UPDATE ingest_counter SET closed_trade_id = :highest WHERE tenant_id = :tenant_id", highest=highest)


def known_deals(platform_id: UUID, tickets: Sequence[int]) -> dict[int, KnownDeal]:
    """What is stored under these tickets."""
    rows = execute_sql(
        "SELECT ticket, position_id, kind, profit, deleted_at IS NOT NULL AS is_deleted FROM deal"
        " WHERE tenant_id = :tenant_id AND platform_id = :platform_id AND ticket = ANY(:tickets)",
        platform_id=platform_id,
        tickets=list(tickets),
    )
    return {row.ticket: KnownDeal(row.position_id, row.kind, row.profit, row.is_deleted) for row in rows}


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch of deals changed. `movements` are those that are or were movements of money, and `known` what stood
    under their tickets before."""

    count: int
    position_ids: set[int]
    client_ids: set[UUID]
    movements: list[ChangedDeal]
    known: dict[int, KnownDeal]


def store_deals(
    platform_id: UUID, columns: Mapping[str, str], tickets: tuple[int, int], batch_no: int, now: datetime
) -> Changes:
    """Write deals, whose columns are array literals, and answer what is new or other than before. `tickets` are the
    lowest and the highest."""
    row = execute_sql(
        load_sql("app.trading", "sql/upsert_deals.sql"),
        platform_id=platform_id,
        first_ticket=tickets[0],
        last_ticket=tickets[1],
        batch_no=batch_no,
        now=now,
        **columns,
    ).one()
    movements, known = [], {}
    for ticket, login, kind, position_id, profit, comment, revision, server_time_msc, *before in row.movements:
        movements.append(
            ChangedDeal(ticket, login, kind, position_id, Decimal(profit), comment, revision, server_time_msc)
        )
        if before[1] is not None:
            known[ticket] = KnownDeal(before[0], before[1], Decimal(before[2]), before[3])
    return Changes(row.changed, set(row.position_ids), set(row.client_ids), movements, known)


@dataclass(frozen=True, slots=True)
class Derived:
    """What came of computing positions again: legs written, the highest id given, positions that were left alone, and
    (closing deal, leg) of legs that no longer come out."""

    legs: int
    last_id: int
    others: list[int]
    gone: list[tuple[int, int]]


def derive_legs(platform_id: UUID, position_ids: Sequence[int], batch_no: int, last_id: int, now: datetime) -> Derived:
    """Compute the closed legs of these positions and write those that come out otherwise than they stand."""
    row = execute_sql(
        load_sql("app.trading", "sql/derive_legs.sql"),
        platform_id=platform_id,
        position_ids="{" + ",".join(map(str, position_ids)) + "}",
        batch_no=batch_no,
        last_id=last_id,
        now=now,
    ).one()
    return Derived(row.legs, row.last_id, list(row.others), list(zip(row.gone_deals, row.gone_legs, strict=True)))


def clients_of_logins(platform_id: UUID, logins: Sequence[int]) -> set[UUID]:
    """Whose these logins are, as far as they are ours."""
    rows = execute_sql(
        "SELECT DISTINCT client_id FROM trading_account WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND login = ANY(:logins)",
        platform_id=platform_id,
        logins=list(logins),
    )
    return set(rows.scalars())


def delete_deals(platform_id: UUID, tickets: Sequence[int], batch_no: int, now: datetime) -> list[ChangedDeal]:
    """Mark deals that the platform no longer has, and answer those that were there."""
    rows = execute_sql(
        "UPDATE deal SET deleted_at = :now, revision = revision + 1, batch_no = :batch_no"
        " WHERE tenant_id = :tenant_id AND platform_id = :platform_id AND ticket = ANY(:tickets) AND deleted_at IS NULL"
        " RETURNING ticket, login, kind, position_id, profit, comment, revision, server_time_msc",
        platform_id=platform_id,
        tickets=list(tickets),
        batch_no=batch_no,
        now=now,
    )
    return _changed(rows)


def vanished_deals(
    platform_id: UUID, logins: Sequence[int], from_msc: int, to_msc: int, seen: Sequence[int], read_at: datetime
) -> list[tuple[int, int]]:
    """(ticket, login) of deals we hold of these logins and this window that a complete reading of it, begun at
    `read_at`, did not show."""
    rows = execute_sql(
        "SELECT ticket, login FROM deal WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND login = ANY(:logins)"
        " AND server_time_msc >= :from_msc AND server_time_msc < :to_msc AND deleted_at IS NULL"
        " AND arrived_at < :read_at AND coalesce(corrected_at, arrived_at) < :read_at"
        " AND ticket NOT IN (SELECT unnest(CAST(:seen AS bigint[])))",
        platform_id=platform_id,
        logins=list(logins),
        from_msc=from_msc,
        to_msc=to_msc,
        seen=list(seen),
        read_at=read_at,
    )
    return [(row.ticket, row.login) for row in rows]


def deals_of_positions(platform_id: UUID, position_ids: Sequence[int]) -> list[DealRow]:
    """Every deal of these positions that the platform still has."""
    statement = select(DealRow).where(
        DealRow.platform_id == platform_id, DealRow.position_id.in_(position_ids), DealRow.deleted_at.is_(None)
    )
    return list(session().scalars(statement.execution_options(populate_existing=True)))


def balance_deals_of(platform_id: UUID, login: int) -> list[ChangedDeal]:
    """The movements of money of one login."""
    rows = execute_sql(
        "SELECT ticket, login, kind, position_id, profit, comment, revision, server_time_msc FROM deal"
        " WHERE tenant_id = :tenant_id"
        " AND platform_id = :platform_id AND login = :login AND kind = 'balance' AND deleted_at IS NULL"
        " ORDER BY ticket",
        platform_id=platform_id,
        login=login,
    )
    return _changed(rows)


def position_ids_of(platform_id: UUID, login: int) -> list[int]:
    """The positions that a login ever had."""
    rows = execute_sql(
        "SELECT DISTINCT position_id FROM deal WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND login = :login AND position_id <> 0",
        platform_id=platform_id,
        login=login,
    )
    return list(rows.scalars())


def closed_trades_of_positions(platform_id: UUID, position_ids: Sequence[int]) -> list[ClosedTrade]:
    """The legs that stand for these positions, deleted ones included."""
    statement = select(ClosedTrade).where(
        ClosedTrade.platform_id == platform_id, ClosedTrade.position_id.in_(position_ids)
    )
    return list(session().scalars(statement.execution_options(populate_existing=True)))


def upsert_closed_trades(platform_id: UUID, columns: Mapping[str, Sequence[Any]], batch_no: int, now: datetime) -> None:
    """Write the legs that are new or have changed."""
    execute_sql(
        load_sql("app.trading", "sql/upsert_closed_trades.sql"),
        platform_id=platform_id,
        batch_no=batch_no,
        now=now,
        **columns,
    )


def delete_closed_trades(platform_id: UUID, keys: Sequence[tuple[int, int]], batch_no: int, now: datetime) -> None:
    """Mark legs that a correction took away."""
    execute_sql(
        "UPDATE closed_trade AS c SET deleted_at = :now, corrected_at = :now, revision = c.revision + 1,"
        "  batch_no = :batch_no"
        " FROM unnest(CAST(:deals AS bigint[]), CAST(:legs AS bigint[])) AS gone (closing_deal, leg)"
        " WHERE c.tenant_id = :tenant_id AND c.platform_id = :platform_id AND c.closing_deal = gone.closing_deal"
        " AND c.leg = gone.leg AND c.deleted_at IS NULL",
        platform_id=platform_id,
        deals=[deal for deal, _ in keys],
        legs=[leg for _, leg in keys],
        batch_no=batch_no,
        now=now,
    )


def revise_closed_trades(trade_ids: Sequence[int], batch_no: int, now: datetime) -> None:
    """Give legs their next revision without changing a number of theirs."""
    execute_sql(
        "UPDATE closed_trade SET corrected_at = :now, revision = revision + 1, batch_no = :batch_no"
        " WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS bigint[])) AND deleted_at IS NULL",
        ids=list(trade_ids),
        batch_no=batch_no,
        now=now,
    )


def accounts_by_login(platform_id: UUID, logins: Sequence[int]) -> dict[int, TradingAccount]:
    """Our accounts among these logins."""
    if not logins:
        return {}
    statement = select(TradingAccount).where(
        TradingAccount.platform_id == platform_id, TradingAccount.login.in_(list(logins))
    )
    return {int(row.login or 0): row for row in session().scalars(statement)}


def operations_by_reference(references: Sequence[str]) -> dict[str, PlatformOperation]:
    """Our operations under these references, locked and read fresh."""
    statement = (
        select(PlatformOperation)
        .where(PlatformOperation.reference.in_(list(references)))
        .order_by(PlatformOperation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.reference: row for row in session().scalars(statement)}


def lock_status(platform_id: UUID) -> PlatformStatus | None:
    """The platform's status, locked and read fresh."""
    statement = (
        select(PlatformStatus)
        .where(PlatformStatus.platform_id == platform_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def upsert_states(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write trading states, one per account."""
    if rows:
        ordered = sorted(rows, key=lambda row: str(row["account_id"]))
        statement = insert(AccountStateRow).values([{"tenant_id": tenant_id(), **row} for row in ordered])
        changed = {name: statement.excluded[name] for name in ordered[0] if name != "account_id"}
        session().execute(statement.on_conflict_do_update(index_elements=["tenant_id", "account_id"], set_=changed))


def states_of(account_ids: Sequence[UUID]) -> dict[UUID, AccountStateRow]:
    """The stored trading states of these accounts, read fresh."""
    statement = select(AccountStateRow).where(AccountStateRow.account_id.in_(list(account_ids)))
    rows = session().scalars(statement.execution_options(populate_existing=True))
    return {row.account_id: row for row in rows}


def upsert_positions(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write open positions, one per ticket."""
    if rows:
        ordered = sorted(rows, key=lambda row: (str(row["platform_id"]), row["ticket"]))
        statement = insert(OpenPosition).values([{"tenant_id": tenant_id(), **row} for row in ordered])
        changed = {name: statement.excluded[name] for name in ordered[0] if name not in ("platform_id", "ticket")}
        session().execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "platform_id", "ticket"], set_=changed)
        )


def delete_positions(platform_id: UUID, tickets: Sequence[int]) -> None:
    """Forget positions that are closed."""
    execute_sql(
        "DELETE FROM open_position WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND ticket = ANY(:tickets)",
        platform_id=platform_id,
        tickets=list(tickets),
    )


def delete_other_positions(platform_id: UUID, logins: Sequence[int], kept: Sequence[int]) -> list[int]:
    """Forget positions of these logins that a complete reading did not show, and answer their logins."""
    rows = execute_sql(
        "DELETE FROM open_position WHERE tenant_id = :tenant_id AND platform_id = :platform_id AND login = ANY(:logins)"
        " AND NOT (ticket = ANY(:kept)) RETURNING login",
        platform_id=platform_id,
        logins=list(logins),
        kept=list(kept),
    )
    return list(rows.scalars())


def upsert_symbols(platform_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write symbols, and fill what legs closed before their symbol was known still lack."""
    if not rows:
        return
    statement = insert(SymbolRow).values(
        [{"tenant_id": tenant_id(), "platform_id": platform_id, **row} for row in rows]
    )
    changed = {name: statement.excluded[name] for name in rows[0] if name != "name"}
    session().execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "platform_id", "name"], set_=changed)
    )
    execute_sql(
        "UPDATE closed_trade AS c SET profit_currency = nullif(s.profit_currency, ''), symbol_class = s.symbol_class"
        " FROM symbol AS s WHERE c.tenant_id = :tenant_id AND c.platform_id = :platform_id"
        " AND c.profit_currency IS NULL"
        " AND s.tenant_id = c.tenant_id AND s.platform_id = c.platform_id AND s.name = c.symbol",
        platform_id=platform_id,
    )


def floating_of(platform_id: UUID, logins: Sequence[int]) -> dict[int, Decimal]:
    """Profit and swap of what these logins have open, as last reported."""
    rows = execute_sql(
        "SELECT login, sum(profit + swap) AS floating FROM open_position WHERE tenant_id = :tenant_id"
        " AND platform_id = :platform_id AND login = ANY(:logins) GROUP BY login",
        platform_id=platform_id,
        logins=list(logins),
    )
    return {row.login: row.floating for row in rows}
