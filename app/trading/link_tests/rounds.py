"""The connector's part: carry out the tests that somebody asked for, whether the link is up or not."""

from __future__ import annotations

import structlog

from app.trading.connector.threads import Threads
from app.trading.link_tests import service
from app.trading.platforms.base import Finding, PlatformError, TradingPlatform
from app.trading.queries.leases import Lease

log = structlog.get_logger()


class LinkTests:
    """Tests of one owned connection."""

    def __init__(self, lease: Lease, threads: Threads, platform: TradingPlatform) -> None:
        self._lease, self._threads, self._platform = lease, threads, platform

    async def test_if_asked(self) -> None:
        """Carry out the test that waits, if one does."""
        tenant = self._lease.tenant_id
        job = await self._threads.as_tenant(tenant, service.take, self._lease.platform_id)
        if job is None:
            return
        try:
            findings = await self._platform.test(job.login)
        except PlatformError as error:
            findings = [Finding("sign_in", False, "", str(error))]
        except Exception as error:
            log.exception("connector.test_fault", platform=str(self._lease.platform_id))
            findings = [Finding("answer", False, "", type(error).__name__)]
        await self._threads.as_tenant(tenant, service.finish, job.test_id, findings)
