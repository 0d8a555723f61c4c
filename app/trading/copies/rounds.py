"""The connector's part: asking a platform who copies whom."""

from __future__ import annotations

from app.trading.connector.threads import Threads
from app.trading.copies import service
from app.trading.platforms.base import TradingPlatform
from app.trading.queries.leases import Lease

PAUSE_S = 600.0


class CopiesRound:
    """Who copies whom on one owned connection."""

    def __init__(self, lease: Lease, threads: Threads, platform: TradingPlatform) -> None:
        self._lease = lease
        self._threads = threads
        self._platform = platform

    async def work(self) -> None:
        """Read it anew, where the platform says it at all."""
        if self._platform.capabilities.has_copies:
            copies = await self._platform.copies()
            await self._threads.as_tenant(self._lease.tenant_id, service.store, self._lease.platform_id, copies)
