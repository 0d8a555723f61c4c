"""What survives a restart: every record as one row of a SQLite file, written shortly after it changed."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from app.simulators.mt5.records import Deal, Order, Position, User
from app.simulators.mt5.state import Passwords, TradeServer

_KINDS: dict[str, type[Any]] = {
    "user": User,
    "archive": User,
    "order": Order,
    "history": Order,
    "deal": Deal,
    "position": Position,
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (kind TEXT, key INTEGER, body BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, body BLOB);
"""
_Row = tuple[str, int, bytes | None]


class Store:
    """The file of one trade server. A loss of power may cost the last moments before it, as the epoch then tells."""

    def __init__(self, path: Path, server: TradeServer) -> None:
        self._server = server
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self._writing = asyncio.Lock()

    def load(self) -> dict[str, Any]:
        """Fill the server with what was stored and return the notes (clock, tickets, bridge)."""
        for kind, record_type in _KINDS.items():
            rows = self._connection.execute("SELECT body FROM record WHERE kind = ? ORDER BY key", (kind,))
            self._server.load(kind, (msgspec.json.decode(body, type=record_type) for (body,) in rows))
        for key, body in self._connection.execute("SELECT key, body FROM record WHERE kind = 'passwords'"):
            self._server.passwords[key] = msgspec.json.decode(body, type=Passwords)
        notes = {name: msgspec.json.decode(body) for name, body in self._connection.execute("SELECT * FROM meta")}
        self._connection.execute("DELETE FROM meta WHERE name = 'closed'")
        return notes

    async def flush(self, notes: dict[str, Any]) -> None:
        """Write what has changed since the last time. The file is touched in a thread."""
        async with self._writing:
            changed, self._server.changed = self._server.changed, set()
            rows = [self._row(kind, key) for kind, key in changed]
            await asyncio.to_thread(self._write, rows, notes)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _row(self, kind: str, key: int) -> _Row:
        record = self._find(kind, key)
        return kind, key, None if record is None else msgspec.json.encode(record)

    def _find(self, kind: str, key: int) -> Any:
        server = self._server
        if kind == "position":
            return next((own[key] for own in server.positions.values() if key in own), None)
        homes: dict[str, dict[int, Any]] = {
            "user": server.users,
            "passwords": server.passwords,
            "archive": server.archive,
            "order": server.orders,
            "history": server.history.by_ticket,
            "deal": server.deals.by_ticket,
        }
        return homes[kind].get(key)

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
