"""The statements of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
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
    for statement in _sql("tables").split(";"):
        execute_sql(statement)


def trades_by_day(days: Sequence[date], day_starts: Sequence[datetime], end: datetime) -> dict[date, int]:
    """How many closed trades each of these days holds; a day without any is absent."""
    rows = execute_sql(
        _sql("trades_by_day"), days=list(days), day_starts=list(day_starts), begin=day_starts[0], end=end
    )
    return {row.day: int(row.trades) for row in rows}


def settled_apart() -> int:
    """How many trades have been computed in this session's tables."""
    return int(execute_sql("SELECT count(*) FROM pg_temp.settled_trade").scalar_one())


def sum_up(replay_id: UUID, days: Sequence[date], day_starts: Sequence[datetime], end: datetime) -> None:
    """Add what would have been paid on these days, beside what was, to the replay's figures."""
    execute_sql("SET LOCAL work_mem = '128MB'")
    execute_sql(
        _sql("totals"),
        replay_id=replay_id,
        days=list(days),
        day_starts=list(day_starts),
        begin=day_starts[0],
        end=end,
    )


def read_standing(since: datetime) -> None:
    """Have at hand what changed about clients since an instant, until the transaction ends."""
    execute_sql(_sql("standing_changes"), since=since)
    execute_sql("CREATE INDEX ON pg_temp.standing_change (client_id, at)")
    execute_sql("ANALYZE pg_temp.standing_change")


def standing_instants() -> list[datetime]:
    """The instants at which something about a client changed."""
    return list(execute_sql("SELECT DISTINCT at FROM pg_temp.standing_change ORDER BY at").scalars())


def judge(statement: str, at: datetime, given: dict[str, Any]) -> None:
    """Judge who may earn as of an instant: the engine's statement with the clients and deposits of that instant."""
    then = statement
    for now, was in (
        ("client AS c", _sql("client_then").strip() + " AS c"),
        ("d.status = 'succeeded'", "d.status = 'succeeded' AND d.decided_at <= :at"),
        ("b.deleted_at IS NULL", "b.deleted_at IS NULL AND b.at <= :at"),
    ):
        assert now in then, f"The gates are no longer read from {now}."
        then = then.replace(now, was)
    execute_sql("DELETE FROM pg_temp.run_gate")
    execute_sql(then, at=at, **given)


def forget_receivers() -> None:
    """Drop the rows of the run's own, so that they are derived anew for other gates."""
    execute_sql("DELETE FROM pg_temp.run_receiver")


def _sql(name: str) -> str:
    return load_sql("app.partners.replay", f"sql/{name}.sql")
