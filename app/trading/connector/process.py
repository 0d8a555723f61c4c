"""The connector as a process: take leases, run an owner for each, give them back at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import Final

import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from app.config import settings
from app.core import db
from app.kit.ids import new_token
from app.trading.connector.owner import Owner
from app.trading.connector.pace import Pace
from app.trading.connector.threads import Threads
from app.trading.queries import leases
from app.trading.queries.leases import Lease

log = structlog.get_logger()

RENEW_EVERY_S: Final = 2.0
TAKE_AT_ONCE: Final = 4  # So that connectors that start together share the connections.


class Process:
    """One connector: its name, its threads, its owners."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{new_token(64)}"
        self._pace = pace or Pace()
        self._threads = Threads()
        self._owners: dict[Lease, asyncio.Task[None]] = {}
        self.beat = 0  # Grows with every renewed lease; a health check looks at it.

    async def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        async with Redis.from_url(settings().redis_url, socket_timeout=15) as messages:
            try:
                while not stop.is_set():
                    await self._tend(messages)
                    await _pause(stop, RENEW_EVERY_S)
            finally:
                await self._end()

    async def _tend(self, messages: Redis) -> None:
        """Renew what is held, take what is free, and let go of what was lost."""
        try:
            held = set(await self._threads.in_directory(leases.renew, self.name))
            held |= set(await self._threads.in_directory(leases.take, self.name, TAKE_AT_ONCE))
        except SQLAlchemyError:
            log.exception("connector.no_database")  # The leases run out by themselves; nothing is sent without one.
            return
        self.beat += 1
        for lease in [lease for lease in self._owners if lease not in held]:
            log.warning("connector.lost", tenant=lease.tenant_id, platform=str(lease.platform_id))
            await _cancel(self._owners.pop(lease))
        for lease in held:
            task = self._owners.get(lease)
            if task is None or task.done():
                owner = Owner(lease, self.name, self._threads, messages, self._pace)
                self._owners[lease] = asyncio.create_task(owner.run(), name=f"owner-{lease.platform_id}")

    async def _end(self) -> None:
        await asyncio.gather(*(_cancel(task) for task in self._owners.values()))
        with contextlib.suppress(SQLAlchemyError):
            await self._threads.in_directory(leases.release, self.name)
        self._threads.close()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _pause(stop: threading.Event, seconds: float) -> None:
    """Sleep, but notice `stop` soon. A thread that waits for the event would hold up the loop's end."""
    until = asyncio.get_running_loop().time() + seconds
    while not stop.is_set() and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.1)


def run_connector(stop: threading.Event, pace: Pace | None = None) -> None:
    """Run a connector in the calling thread until `stop` is set. The process must be the only one of its role in it."""
    db.refuse_strong_role()
    asyncio.run(Process(pace).run(stop))
