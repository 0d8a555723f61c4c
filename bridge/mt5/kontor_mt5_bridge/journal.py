"""The file in which events wait until they are acknowledged. It survives the death of the process at any moment.

Numbers count from 1 in each run of the program, under an epoch of its own: after a loss of power the last events may be
missing, and a number must never be given to two events.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kontor_mt5_bridge.queue import OVERFLOW
from kontor_mt5_bridge.translate import Event

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
  id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL, record TEXT NOT NULL, refused_at REAL NOT NULL
);
"""
_REFUSED_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the journal; `record` is JSON text."""

    id: int
    epoch: str
    seq: int
    at_ms: int
    kind: str
    record: str


class Journal:
    """The journal of one bridge. Any thread may use it."""

    def __init__(self, path: Path, events_max: int) -> None:
        self.epoch = str(uuid.uuid4())
        self.seq = 0
        self._events_max = events_max
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._db.execute("PRAGMA synchronous = NORMAL")  # Survives the process; for the machine, the epoch is new.
        self._waiting = int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    @property
    def waiting(self) -> int:
        """How many events are not acknowledged."""
        return self._waiting

    def append(self, events: Sequence[Event]) -> None:
        """Number the events and write them down. When far too many wait, they give way to one overflow: what they said
        is then read over the Web API."""
        with self._lock, self._db:
            self._db.execute("BEGIN")
            if self._waiting + len(events) > self._events_max:
                self._db.execute("DELETE FROM event")
                self._waiting = 0
                events = [Event(OVERFLOW, int(time.time() * 1000), {"Lost": str(self._events_max)})]
            rows = [
                (self.epoch, self.seq + number, event.at_ms, event.kind, json.dumps(event.record, ensure_ascii=False))
                for number, event in enumerate(events, start=1)
            ]
            self._db.executemany("INSERT INTO event (epoch, seq, at_ms, kind, record) VALUES (?, ?, ?, ?, ?)", rows)
            self.seq += len(rows)
            self._waiting += len(rows)

    def oldest(self, limit: int) -> list[Entry]:
        """The events that wait longest, all of one epoch."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, epoch, seq, at_ms, kind, record FROM event ORDER BY id LIMIT ?", (limit,)
            ).fetchall()
        return [Entry(*row) for row in rows if row[1] == rows[0][1]]

    def acknowledge(self, entries: Sequence[Entry], seq: int) -> int:
        """Forget those of the entries that are stored: up to this number. Answers how many that were."""
        stored = [entry for entry in entries if entry.seq <= seq]
        if not stored:
            return 0
        is_last_of_epoch = stored[-1].epoch != self.epoch
        with self._lock:
            if is_last_of_epoch:  # Must not come again once a newer epoch has begun, not even after a loss of power.
                self._db.execute("PRAGMA synchronous = FULL")
            with self._db:
                self._db.execute("BEGIN")
                cursor = self._db.execute("DELETE FROM event WHERE id >= ? AND id <= ?", (stored[0].id, stored[-1].id))
                self._waiting -= cursor.rowcount
            if is_last_of_epoch:
                self._db.execute("PRAGMA synchronous = NORMAL")
        return len(stored)

    def put_aside(self, entry: Entry) -> None:
        """Keep an event that the receiver cannot read apart from the others, for a person to look at."""
        with self._lock, self._db:
            self._db.execute("BEGIN")
            cursor = self._db.execute("DELETE FROM event WHERE id = ?", (entry.id,))
            self._waiting -= cursor.rowcount
            self._db.execute(
                "INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entry.id, entry.epoch, entry.seq, entry.at_ms, entry.kind, entry.record, time.time()),
            )
            self._db.execute(
                "DELETE FROM refused WHERE id NOT IN (SELECT id FROM refused ORDER BY id DESC LIMIT ?)",
                (_REFUSED_KEPT,),
            )

    def refused(self) -> int:
        """How many events were put aside."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM refused").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
