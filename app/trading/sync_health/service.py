"""What a connector and a bridge write down about their own work: what fails, how long things take, what was missed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import UUID

from app.core import live
from app.kit import clock
from app.kit.ids import new_id
from app.trading.platforms.base import Trouble
from app.trading.sync_health import queries, rules
from app.trading.sync_health.models import GapReason, LatencyKind

DETAIL_MAX: Final = 300
LATENCY_HOURS_KEPT: Final = 24 * 32


def note_trouble(platform_id: UUID, source: str, trouble: Trouble, detail: str) -> None:
    """A piece of the work fails. Told again it changes nothing but the detail."""
    queries.note_trouble(platform_id, source, trouble.value, detail[:DETAIL_MAX], clock.now())
    live.publish("office", "platforms-changed")


def forget_troubles(platform_id: UUID, sources: Iterable[str]) -> None:
    """These pieces of the work succeed again."""
    queries.forget_troubles(platform_id, list(sources))
    live.publish("office", "platforms-changed")


def known_troubles(platform_id: UUID) -> Mapping[str, tuple[Trouble, str]]:
    """What is written down as failing: source -> (trouble, detail)."""
    return {row.source: (row.trouble, row.detail) for row in queries.troubles(platform_id)}


Gathered: TypeAlias = Mapping[LatencyKind, tuple[list[int], Decimal]]
"""Buckets and the slowest duration per kind."""


class Latencies:
    """Durations of one platform, gathered in memory and added to the hour's row now and then. Any thread may note."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[LatencyKind, list[int]] = {}
        self._slowest: dict[LatencyKind, float] = {}

    def note(self, kind: LatencyKind, milliseconds: float) -> None:
        """One more took so long."""
        took = max(milliseconds, 0.0)
        with self._lock:
            self._counts.setdefault(kind, [0] * rules.BUCKETS)[rules.bucket_of(took)] += 1
            self._slowest[kind] = max(self._slowest.get(kind, 0.0), took)

    def take(self) -> Gathered:
        """What was gathered since the last time; it is the caller's to store."""
        with self._lock:
            counts, self._counts = self._counts, {}
            slowest, self._slowest = self._slowest, {}
        return {kind: (found, Decimal(f"{slowest[kind]:.1f}")) for kind, found in counts.items()}

    def put_back(self, gathered: Gathered) -> None:
        """What was taken could not be stored: it is stored with what comes next."""
        with self._lock:
            for kind, (counts, slowest) in gathered.items():
                self._counts[kind] = rules.merged([self._counts.get(kind, []), counts])
                self._slowest[kind] = max(self._slowest.get(kind, 0.0), float(slowest))


def store_latencies(platform_id: UUID, gathered: Gathered) -> None:
    """Add durations to the present hour."""
    hour_at = queries.hour_of(clock.now())
    for kind in sorted(gathered):
        counts, slowest = gathered[kind]
        queries.add_latencies(platform_id, kind.value, hour_at, counts, slowest)


def forget_old() -> None:
    """Drop what is older than anybody looks at."""
    queries.forget_latencies(queries.hours_before(clock.now(), LATENCY_HOURS_KEPT))


def open_gap(platform_id: UUID, reason: GapReason, *, from_at: datetime | None = None) -> None:
    """Something may have been missed since `from_at`. It stays open until a reading that begins after now is stored."""
    queries.open_gap(platform_id, new_id(), reason, clock.now(), from_at)
    live.publish("office", "platforms-changed")


def begin_reading(platform_id: UUID, wanted: str) -> None:
    """A reading that is to close the open gaps begins. `wanted` is what the platform's status says is due: where no gap
    is known for it, its bridge has asked."""
    if not wanted:
        return
    if not queries.note_reading(platform_id):
        reason = GapReason.START if wanted == "start" else GapReason.BRIDGE
        open_gap(platform_id, reason)
        queries.note_reading(platform_id)


def end_reading(platform_id: UUID, until_at: datetime) -> bool:
    """The reading is stored. Answers whether gaps remain: they came after it had begun."""
    remaining = queries.close_gaps(platform_id, until_at, clock.now())
    live.publish("office", "platforms-changed")
    return remaining > 0
