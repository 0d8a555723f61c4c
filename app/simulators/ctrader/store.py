"""What survives a restart: every record as one row of a SQLite file, written shortly after it changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.simulators.ctrader.records import Bonus, Cash, CtidLink, CtidUser, Deal, Order, Position, Trader
from app.simulators.ctrader.state import Plant

_KINDS: dict[str, type[Any]] = {
    "trader": Trader,
    "position": Position,
    "closed": Position,
    "order": Order,
    "done_order": Order,
    "deal": Deal,
    "cash": Cash,
    "bonus": Bonus,
    "user": CtidUser,
    "link": CtidLink,
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (kind TEXT, key INTEGER, body BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, body BLOB);
"""
_Row = tuple[str, int, bytes | None]


class Store:
    """The file of one environment. A loss of power may cost the last moments before it."""

    def __init__(self, path: Path, plant: Plant) -> None:
        self._plant = plant
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._writing = asyncio.Lock()

    def load(self) -> dict[str, Any]:
        """Fill the books with what was stored, and return the notes (clock, numbers)."""
        for kind, record_type in _KINDS.items():
            for (body,) in self._connection.execute("SELECT body FROM record WHERE kind = ? ORDER BY key", (kind,)):
                self._plant.load(kind, msgspec.json.decode(body, type=record_type))
        return {name: msgspec.json.decode(body) for name, body in self._connection.execute("SELECT * FROM meta")}

    async def flush(self, notes: dict[str, Any]) -> None:
        """Write what has changed since the last time. The file is touched in a thread."""
        async with self._writing:
            changed, self._plant.changed = self._plant.changed, set()
            rows = [self._row(kind, key) for kind, key in changed]
            await asyncio.to_thread(self._write, rows, notes)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _row(self, kind: str, key: int) -> _Row:
        plant = self._plant
        homes: dict[str, Mapping[int, Any]] = {
            "trader": plant.traders,
            "position": plant.positions,
            "closed": plant.closed.by_id,
            "order": plant.orders,
            "done_order": plant.done_orders.by_id,
            "deal": plant.deals.by_id,
            "cash": plant.cash.by_id,
            "bonus": plant.bonuses.by_id,
            "user": plant.users,
            "link": plant.links,
        }
        record = homes[kind].get(key)
        return kind, key, None if record is None else msgspec.json.encode(record)

    def _write(self, rows: list[_Row], notes: dict[str, Any]) -> None:
        connection = self._connection
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", [row for row in rows if row[2] is not None]
        )
        connection.executemany(
            "DELETE FROM record WHERE kind = ? AND key = ?", [row[:2] for row in rows if row[2] is None]
        )
        connection.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            [(name, msgspec.json.encode(body)) for name, body in notes.items()],
        )
        connection.execute("COMMIT")
