"""The books prove themselves: every balance against its postings, and what makes summing house wallets quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import execute_sql, load_sql
from app.kit import clock

SNAPSHOT_DELAY = timedelta(hours=1)  # No transaction lives that long, so every entry born before has committed or gone.


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the books of the bound tenant contradict themselves."""

    what: str
    object_id: UUID
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what} {self.object_id}: expected {self.expected}, found {self.found}"


def verify() -> list[Difference]:
    """Recompute the bound tenant's books from their postings and name every difference; an empty list proves them."""
    rows = execute_sql(load_sql("app.ledger", "sql/verify.sql"))
    return [Difference(row.what, row.object_id, row.expected, row.found) for row in rows]


def take_snapshots(now: datetime | None = None) -> int:
    """Sum up the house wallets as of an hour ago, so that their balances stay quick to read. Answers how many moved."""
    boundary = (now or clock.now()) - SNAPSHOT_DELAY
    first_id = UUID(int=int(boundary.timestamp() * 1000) << 80)
    moved = execute_sql(load_sql("app.ledger", "sql/snapshot.sql"), boundary=first_id, now=clock.now())
    return moved.rowcount
