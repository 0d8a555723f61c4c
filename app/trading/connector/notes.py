"""How the work on one connection goes: durations for the status page, figures for Prometheus."""

from __future__ import annotations

from typing import Final

from app.core import live
from app.core.db import tenant_id
from app.tenancy import service as tenancy
from app.trading.connector.threads import Threads
from app.trading.queries import platforms
from app.trading.queries.leases import Lease
from app.trading.sync_health import metrics, queries, service
from app.trading.sync_health.models import LatencyKind
from app.trading.sync_health.service import Latencies

_UNKNOWN: Final = ("", "")


class Notes:
    """The notes of one owner. Nothing here decides anything; what fails is tried the next time."""

    def __init__(self, lease: Lease, threads: Threads) -> None:
        self.latencies = Latencies()
        self.is_up = False
        self._lease = lease
        self._threads = threads
        self._label = _UNKNOWN

    async def name(self) -> tuple[str, str]:
        """The tenant's slug and the platform's code, as metrics name them."""
        self._label = await self._threads.as_tenant(self._lease.tenant_id, _label, self._lease)
        return self._label

    def time(self, kind: LatencyKind, milliseconds: float) -> None:
        """One more took so long."""
        self.latencies.note(kind, milliseconds)
        metrics.LATENCY.labels(*self._label, kind.value).observe(milliseconds / 1000)

    async def write(self, *, operations: int, reports: int) -> None:
        """Add what was timed to the hour's rows, and show how things stand."""
        if self._label == _UNKNOWN:
            return
        gathered = self.latencies.take()
        try:
            states, gaps = await self._threads.as_tenant(self._lease.tenant_id, _write, self._lease, gathered)
        except BaseException:
            self.latencies.put_back(gathered)
            raise
        metrics.LINK_UP.labels(*self._label).set(self.is_up)
        metrics.GAPS.labels(*self._label).set(gaps)
        metrics.show_operations(*self._label, states)
        waiting = {
            "operations": operations,
            "reports": reports,
            "database": self._threads.waiting(self._lease.tenant_id),
        }
        for what, number in waiting.items():
            metrics.BACKLOG.labels(*self._label, what).set(number)

    def end(self) -> None:
        """Another connector tells of this platform now."""
        if self._label != _UNKNOWN:
            metrics.forget(*self._label)


def _label(lease: Lease) -> tuple[str, str]:
    assert tenant_id() == lease.tenant_id, "The thread works as the lease's tenant."
    return tenancy.current().slug, platforms.platform(lease.platform_id).code


def _write(lease: Lease, gathered: service.Gathered) -> tuple[dict[str, int], int]:
    service.store_latencies(lease.platform_id, gathered)
    live.publish("office", "sync-changed")
    return queries.operations_by_state(lease.platform_id), queries.open_gaps(lease.platform_id)
