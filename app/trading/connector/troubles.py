"""What fails in the work on one connection: written down when it begins, when its reason changes, and when it ends."""

from __future__ import annotations

from typing import Final

import redis
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.trading.connector.threads import Threads
from app.trading.platforms.base import PlatformError, Trouble
from app.trading.platforms.mt5.codec import Unreadable
from app.trading.queries.leases import Lease
from app.trading.service.connections import NotConfigured
from app.trading.sync_health import metrics, service

log = structlog.get_logger()

LINK: Final = "link"
REPORTS: Final = "reports"
GROUPS: Final = "check_groups"


def trouble_of(error: BaseException) -> Trouble:
    """What is the matter, by the failure that it caused."""
    if isinstance(error, PlatformError):
        return error.trouble
    if isinstance(error, NotConfigured):
        return Trouble.NOT_CONFIGURED
    if isinstance(error, SQLAlchemyError):
        return Trouble.DATABASE
    if isinstance(error, (Unreadable, UnicodeDecodeError)):
        return Trouble.MALFORMED
    return Trouble.OTHER


class Troubles:
    """What this connection's work fails at, as far as it is written down."""

    def __init__(self, lease: Lease, threads: Threads) -> None:
        self._lease = lease
        self._threads = threads
        self._written: dict[str, tuple[Trouble, str]] = {}
        self._has_read = False
        self.label = ("", "")  # Tenant and platform, as metrics name them.

    async def note(self, source: str, error: BaseException) -> None:
        """This piece of the work has failed."""
        if isinstance(error, redis.RedisError):
            return  # Nothing is lost without Redis, and the platform is not to blame.
        trouble = trouble_of(error)
        metrics.TROUBLES.labels(*self.label, trouble.value).inc()
        await self.say(source, trouble, str(error) or type(error).__name__)

    async def say(self, source: str, trouble: Trouble, detail: str) -> None:
        """Write down what is the matter. A database that cannot be reached is told the next time."""
        detail = detail.partition("\n")[0][: service.DETAIL_MAX]
        if trouble is Trouble.DATABASE:
            detail = ""  # What the database says may hold values.
        try:
            await self._read()
            if self._written.get(source) != (trouble, detail):
                await self._threads.as_tenant(
                    self._lease.tenant_id, service.note_trouble, self._lease.platform_id, source, trouble, detail
                )
                self._written[source] = (trouble, detail)
        except SQLAlchemyError as error:
            log.warning("connector.trouble_not_noted", source=source, error=type(error).__name__)

    async def over(self, *sources: str) -> None:
        """These pieces of the work have succeeded."""
        if self._has_read and not self._written.keys() & set(sources):
            return
        try:
            await self._read()
            gone = self._written.keys() & set(sources)
            if gone:
                await self._threads.as_tenant(
                    self._lease.tenant_id, service.forget_troubles, self._lease.platform_id, sorted(gone)
                )
                for source in gone:
                    del self._written[source]
        except SQLAlchemyError as error:
            log.warning("connector.trouble_not_noted", source=sources, error=type(error).__name__)

    async def _read(self) -> None:
        """What an earlier owner wrote down still stands until it is over."""
        if not self._has_read:
            known = await self._threads.as_tenant(
                self._lease.tenant_id, service.known_troubles, self._lease.platform_id
            )
            self._written = {**dict(known), **self._written}
            self._has_read = True
