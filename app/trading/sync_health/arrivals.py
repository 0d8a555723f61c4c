"""How long what bridges post takes to be stored, in a process that owns no connection: gathered and written now and
then, together with what is stored anyway."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from app.trading.sync_health import metrics, service
from app.trading.sync_health.models import LatencyKind
from app.trading.sync_health.service import Gathered, Latencies

WRITE_EVERY_S: Final = 10.0


@dataclass(slots=True)
class _Gathering:
    latencies: Latencies = field(default_factory=Latencies)
    written_at: float = field(default_factory=time.monotonic)


class Arrivals:
    """The durations of each platform's posts. Any thread may note and write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._platforms: dict[UUID, _Gathering] = {}

    def note(self, platform_id: UUID, label: tuple[str, str], seconds: float, events: int) -> None:
        """So many events that came together were stored after so long. `label` is what metrics call the platform."""
        gathering = self._gathering(platform_id)
        for _ in range(events):
            gathering.latencies.note(LatencyKind.EVENT, seconds * 1000)
            metrics.LATENCY.labels(*label, LatencyKind.EVENT.value).observe(max(seconds, 0.0))

    def write_due(self, platform_id: UUID) -> Gathered:
        """Add what was gathered to the hour's row, when it is time, in the caller's transaction. Answers what was
        added: it is to be put back when that transaction fails."""
        gathering = self._gathering(platform_id)
        with self._lock:
            if time.monotonic() - gathering.written_at < WRITE_EVERY_S:
                return {}
            gathering.written_at = time.monotonic()
        gathered = gathering.latencies.take()
        service.store_latencies(platform_id, gathered)
        return gathered

    def put_back(self, platform_id: UUID, gathered: Gathered) -> None:
        """It was not stored after all."""
        self._gathering(platform_id).latencies.put_back(gathered)

    def _gathering(self, platform_id: UUID) -> _Gathering:
        with self._lock:
            return self._platforms.setdefault(platform_id, _Gathering())
