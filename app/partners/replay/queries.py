"""The statements of a replay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.core.db import execute_sql, load_sql


def one_at_a_time() -> None:
    """Let a tenant ask for one replay at a time, until the transaction ends."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('replay'), :tenant_id)")


def alone() -> None:
    """One worker at a time on a tenant's replays, until the transaction ends."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('replay run'), :tenant_id)")


def forget_totals(replay_id: UUID) -> None:
    """What an earlier try has counted."""
    execute_sql(
        "DELETE FROM plan_replay_total WHERE tenant_id = :tenant_id AND replay_id = :replay_id", replay_id=replay_id
    )


def make_tables() -> None:
    """The engine's tables, in this session alone and until the transaction ends."""
    for statement in load_sql("app.partners.replay", "sql/tables.sql").split(";"):
        execute_sql(statement)


def trades_between(begin: datetime, end: datetime) -> int:
    """How many closed trades the days hold."""
    return int(
        execute_sql(
            "SELECT count(*) FROM closed_trade WHERE tenant_id = :tenant_id AND deleted_at IS NULL"
            " AND closed_at >= :begin AND closed_at < :end",
            begin=begin,
            end=end,
        ).scalar_one()
    )


def settled_apart() -> int:
    """How many of them have been computed."""
    return int(execute_sql("SELECT count(*) FROM pg_temp.settled_trade").scalar_one())


def sum_up(replay_id: UUID, timezone: str, begin: datetime, end: datetime) -> None:
    """Keep what would have been paid beside what was."""
    execute_sql("SET LOCAL work_mem = '128MB'")
    execute_sql(
        load_sql("app.partners.replay", "sql/totals.sql"),
        replay_id=replay_id,
        timezone=timezone,
        begin=begin,
        end=end,
    )
