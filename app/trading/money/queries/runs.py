"""Readings for the comparison with a platform: its runs, and what they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import execute_sql, get, session, tenant_id
from app.core.errors import NotFound
from app.trading.money.models import ReconciliationRun, RunState


def lock_runs(platform_id: UUID) -> None:
    """Let one transaction at a time begin or ask for runs of this platform."""
    execute_sql(
        "SELECT pg_advisory_xact_lock(hashtext('reconciliation'), hashtext(:key))", key=f"{tenant_id()}:{platform_id}"
    )


def open_run(platform_id: UUID) -> ReconciliationRun | None:
    """The run that waits or is under way."""
    statement = (
        select(ReconciliationRun)
        .where(
            ReconciliationRun.platform_id == platform_id,
            ReconciliationRun.state.in_((RunState.WAITING, RunState.RUNNING)),
        )
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def last_night(platform_id: UUID) -> ReconciliationRun | None:
    """The latest run that came by the clock."""
    statement = (
        select(ReconciliationRun)
        .where(ReconciliationRun.platform_id == platform_id, ReconciliationRun.cause == "night")
        .order_by(ReconciliationRun.asked_at.desc())
        .limit(1)
    )
    return session().scalars(statement).one_or_none()


def run(run_id: UUID, *, lock: bool = False) -> ReconciliationRun:
    """A run. Raises NotFound."""
    row = get(ReconciliationRun, run_id, lock=lock)
    if row is None:
        raise NotFound
    return row


def runs(platform_id: UUID | None, *, limit: int, offset: int) -> tuple[Sequence[ReconciliationRun], int]:
    """(runs, how many there are), newest first."""
    statement = select(ReconciliationRun)
    if platform_id is not None:
        statement = statement.where(ReconciliationRun.platform_id == platform_id)
    total = session().scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(ReconciliationRun.asked_at.desc(), ReconciliationRun.id.desc())
    return session().scalars(ordered.limit(limit).offset(offset)).all(), total


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold of one account: its balance and credit by our deals, and whether its credit is known at all."""

    login: int
    balance: Decimal
    credit: Decimal
    is_credit_known: bool


def held(platform_id: UUID) -> dict[int, Held]:
    """What we hold of each account in use. Of an adopted one the credit that it came with was never read."""
    rows = execute_sql(
        "SELECT a.login, a.opening_msc IS NULL AS is_credit_known,"
        " coalesce(a.opening_balance, 0) + coalesce(sum(d.profit + d.swap + d.commission + d.fee)"
        "  FILTER (WHERE d.kind NOT IN ('credit', 'bonus')), 0) AS balance,"
        " coalesce(sum(d.profit) FILTER (WHERE d.kind IN ('credit', 'bonus')), 0) AS credit"
        " FROM trading_account AS a LEFT JOIN deal AS d"
        " ON d.tenant_id = a.tenant_id AND d.platform_id = a.platform_id AND d.login = a.login"
        " AND d.deleted_at IS NULL AND d.server_time_msc >= coalesce(a.opening_msc, 0)"
        " WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.login IS NOT NULL"
        " AND a.status = 'active' GROUP BY a.login, a.opening_balance, a.opening_msc",
        platform_id=platform_id,
    )
    return {row.login: Held(row.login, row.balance, row.credit, row.is_credit_known) for row in rows}


def active_logins(platform_id: UUID, from_msc: int, to_msc: int) -> list[int]:
    """Our logins that had deals in a window of server time. Those adopted inside it are left out: nobody has read all
    of it yet."""
    rows = execute_sql(
        "SELECT a.login FROM trading_account AS a WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id"
        " AND a.status = 'active' AND a.login IS NOT NULL AND coalesce(a.opening_msc, 0) < :from_msc"
        " AND EXISTS (SELECT FROM deal AS d WHERE d.tenant_id = a.tenant_id AND d.platform_id = a.platform_id"
        "  AND d.login = a.login AND d.server_time_msc >= :from_msc AND d.server_time_msc < :to_msc)"
        " ORDER BY a.login",
        platform_id=platform_id,
        from_msc=from_msc,
        to_msc=to_msc,
    )
    return list(rows.scalars())


def count_of(platform_id: UUID, login: int, from_msc: int, to_msc: int) -> int:
    """How many deals we hold of a login between two whole seconds of server time, both counted in."""
    return int(
        execute_sql(
            "SELECT count(*) FROM deal WHERE tenant_id = :tenant_id AND platform_id = :platform_id AND login = :login"
            " AND deleted_at IS NULL AND server_time_msc >= :begin AND server_time_msc < :end",
            platform_id=platform_id,
            login=login,
            begin=from_msc // 1000 * 1000,
            end=(-(-to_msc // 1000) + 1) * 1000,
        ).scalar_one()
    )


def counts_in_doubt(platform_id: UUID) -> dict[int, int]:
    """Logins whose number of deals differed when they were last counted, and the milliseconds since that was found."""
    rows = execute_sql(
        "SELECT a.login, (extract(epoch FROM clock_timestamp() - s.found_at) * 1000)::bigint AS age_msc"
        " FROM sync_difference AS s JOIN trading_account AS a ON a.tenant_id = s.tenant_id AND a.id = s.account_id"
        " WHERE s.tenant_id = :tenant_id AND s.platform_id = :platform_id AND s.kind = 'deal_count'"
        " AND s.resolved_at IS NULL AND a.login IS NOT NULL",
        platform_id=platform_id,
    )
    return {row.login: row.age_msc for row in rows}
