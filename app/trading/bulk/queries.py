"""What runs over many accounts ask of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from app.clients.models import Client
from app.core.db import execute_sql, session, tenant_id
from app.core.errors import NotFound
from app.trading.bulk.models import BulkRow, BulkRun, RowState
from app.trading.models import PlatformOperation, TradingAccount


def run(run_id: UUID, *, lock: bool = False) -> BulkRun:
    """One run, read fresh. Raises NotFound."""
    statement = select(BulkRun).where(BulkRun.id == run_id).execution_options(populate_existing=True)
    row = session().scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def page_of_runs(*, limit: int, offset: int) -> tuple[Sequence[BulkRun], int]:
    """Runs, latest first, and how many there are."""
    total = session().scalar(select(func.count()).select_from(BulkRun)) or 0
    statement = select(BulkRun).order_by(BulkRun.made_at.desc(), BulkRun.id.desc()).limit(limit).offset(offset)
    return session().scalars(statement.execution_options(populate_existing=True)).all(), total


def waiting_runs() -> int:
    """How many runs wait for a second person."""
    statement = select(func.count()).select_from(BulkRun).where(BulkRun.state == "waiting")
    return session().scalar(statement) or 0


def add_rows(run_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of a run."""
    if rows:
        session().execute(insert(BulkRow), [{"tenant_id": tenant_id(), "run_id": run_id, **row} for row in rows])


def next_rows(run_id: UUID, state: RowState, limit: int) -> Sequence[BulkRow]:
    """The next rows of a run in a state, read fresh."""
    statement = (
        select(BulkRow)
        .where(BulkRow.run_id == run_id, BulkRow.state == state)
        .order_by(BulkRow.number)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a run is. An operation's own state tells what became of its row."""

    total: int
    new: int
    ready: int
    skipped: int
    warned: int
    in_flight: int
    done: int
    refused: int
    unknown: int
    cancelled: int

    @property
    def finished(self) -> int:
        """Rows of the change that have their outcome, one way or the other."""
        return self.done + self.refused + self.unknown + self.cancelled

    @property
    def of(self) -> int:
        """Rows that the change is about."""
        return self.total - self.skipped


def counts(run_id: UUID) -> Counts:
    """How many rows of a run stand where."""
    row = execute_sql(
        "SELECT count(*) AS total,"
        " count(*) FILTER (WHERE r.state = 'new') AS new, count(*) FILTER (WHERE r.state = 'ready') AS ready,"
        " count(*) FILTER (WHERE r.state = 'skipped') AS skipped,"
        " count(*) FILTER (WHERE r.state = 'ready' AND r.warning IS NOT NULL) AS warned,"
        " count(*) FILTER (WHERE o.state IN ('proposed', 'requested', 'sent')) AS in_flight,"
        " count(*) FILTER (WHERE r.state = 'settled' OR o.state IN ('confirmed', 'reconciled')) AS done,"
        " count(*) FILTER (WHERE r.state = 'refused' OR o.state = 'refused') AS refused,"
        " count(*) FILTER (WHERE o.state = 'unknown') AS unknown,"
        " count(*) FILTER (WHERE r.state = 'cancelled') AS cancelled"
        " FROM bulk_row AS r LEFT JOIN platform_operation AS o"
        "  ON o.tenant_id = r.tenant_id AND o.id = r.operation_id"
        " WHERE r.tenant_id = :tenant_id AND r.run_id = :run_id",
        run_id=run_id,
    ).one()
    return Counts(**row._mapping)


@dataclass(frozen=True, slots=True)
class RowView:
    """A row with its account and what became of it."""

    row: BulkRow
    account: TradingAccount | None
    client: Client | None
    operation: PlatformOperation | None


OUTCOMES = ("problems", "warnings", "open", "done", "refused", "unknown")


def page_of_rows(run_id: UUID, *, outcome: str, limit: int, offset: int) -> tuple[list[RowView], int]:
    """A part of a run's rows, those of one outcome if it is named, and how many there are."""
    statement = (
        select(BulkRow, TradingAccount, Client, PlatformOperation)
        .outerjoin(TradingAccount, TradingAccount.id == BulkRow.account_id)
        .outerjoin(Client, Client.id == TradingAccount.client_id)
        .outerjoin(PlatformOperation, PlatformOperation.id == BulkRow.operation_id)
        .where(BulkRow.run_id == run_id)
    )
    operation, row = PlatformOperation.state, BulkRow.state
    conditions = {
        "problems": row == RowState.SKIPPED,
        "warnings": BulkRow.warning.is_not(None) & (row != RowState.SKIPPED),
        "open": row.in_((RowState.NEW, RowState.READY)) | operation.in_(("proposed", "requested", "sent")),
        "done": (row == RowState.SETTLED) | operation.in_(("confirmed", "reconciled")),
        "refused": (row == RowState.REFUSED) | (operation == "refused"),
        "unknown": operation == "unknown",
    }
    if outcome in conditions:
        statement = statement.where(conditions[outcome])
    counted = statement.with_only_columns(func.count()).order_by(None)
    total = session().scalar(counted) or 0
    ordered = statement.order_by(BulkRow.number).limit(limit).offset(offset)
    found = session().execute(ordered.execution_options(populate_existing=True))
    return [RowView(*each) for each in found], total


def drop_warned(run_id: UUID) -> int:
    """Leave out the rows with a warning, their warning being the reason. Answers how many."""
    rows = execute_sql(
        "UPDATE bulk_row SET state = 'skipped', problem = warning WHERE tenant_id = :tenant_id AND run_id = :run_id"
        " AND state = 'ready' AND warning IS NOT NULL RETURNING number",
        run_id=run_id,
    )
    return len(rows.all())


def cancel_rest(run_id: UUID) -> int:
    """Rows that were not asked for yet never will be. Answers how many."""
    rows = execute_sql(
        "UPDATE bulk_row SET state = 'cancelled' WHERE tenant_id = :tenant_id AND run_id = :run_id"
        " AND state IN ('new', 'ready') RETURNING number",
        run_id=run_id,
    )
    return len(rows.all())


def in_flight(run_id: UUID) -> int:
    """How many operations of a run have no outcome yet. An unknown one is somebody's to look at, and waits for
    nobody here."""
    found = execute_sql(
        "SELECT count(*) FROM bulk_row AS r JOIN platform_operation AS o"
        " ON o.tenant_id = r.tenant_id AND o.id = r.operation_id"
        " WHERE r.tenant_id = :tenant_id AND r.run_id = :run_id AND r.state = 'requested'"
        " AND o.state IN ('proposed', 'requested', 'sent')",
        run_id=run_id,
    )
    return int(found.scalar_one())


def links_down(run_id: UUID) -> bool:
    """Whether a platform of the rows that wait cannot be reached now."""
    found = execute_sql(
        "SELECT EXISTS (SELECT FROM bulk_row AS r JOIN trading_account AS a"
        "  ON a.tenant_id = r.tenant_id AND a.id = r.account_id"
        " JOIN platform_status AS s ON s.tenant_id = a.tenant_id AND s.platform_id = a.platform_id"
        " WHERE r.tenant_id = :tenant_id AND r.run_id = :run_id AND r.state = 'ready' AND s.link <> 'up')",
        run_id=run_id,
    )
    return bool(found.scalar_one())


def has_open_positions(account: TradingAccount) -> bool:
    """Whether the account has something open, as last reported."""
    found = execute_sql(
        "SELECT EXISTS (SELECT FROM open_position WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND login = :login)",
        platform_id=account.platform_id,
        login=account.login,
    )
    return bool(found.scalar_one())
