"""The connector as a process: take a fair share of the connections, run an owner for each, give them back at the end.

A connector that starts late gets its share: those with more let go of what they have too much, one at a time and when
nothing is being sent on it. A connector that is told to stop finishes what it sends and gives each connection back as
soon as it is done, so that another goes on within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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
from app.trading.sync_health import metrics

log = structlog.get_logger()

TEND_EVERY_S: Final = 0.5
RENEW_EVERY_S: Final = 2.0
TAKE_AT_ONCE: Final = 4  # So that connectors that start together share the connections.
RESTLESS_S: Final = 30.0  # What is never calm is given up all the same: nothing is lost by it, somebody waits a little.
LEAVE_WITHIN_S: Final = 20.0
LATE_S: Final = 30.0  # A connector that has not renewed its leases for so long is not well.


@dataclass(slots=True)
class _Held:
    """A connection that this process owns: its owner at work."""

    owner: Owner
    task: asyncio.Task[None]
    leaving: asyncio.Task[None] | None = None


class Process:
    """One connector: its name, its threads, its owners."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{new_token(64)}"
        self._pace = pace or Pace()
        self._threads = Threads()
        self._held: dict[Lease, _Held] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._renewed_at = 0.0
        self._share = 0
        self._restless_since: float | None = None
        self.beat = 0  # Grows with every renewal; a health check looks at it.

    def facts(self) -> Mapping[str, Any]:
        """What the health address tells: how many connections are held, how many are its share, and whether it has
        renewed them lately."""
        is_late = self.beat > 0 and time.monotonic() - self._renewed_at > LATE_S
        return {"connections": len(self._held), "share": self._share, "beat": self.beat, "ok": not is_late}

    async def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        async with Redis.from_url(settings().redis_url, socket_timeout=15) as messages:
            try:
                while not stop.is_set():
                    await self._tend(messages)
                    await _pause(stop, TEND_EVERY_S)
            finally:
                await self._end()

    async def _tend(self, messages: Redis) -> None:
        """Renew what is held, take what is free, let go of what was lost or is too much."""
        is_due = time.monotonic() - self._renewed_at >= RENEW_EVERY_S
        try:
            if is_due:
                await self._renew()
            self._share, taken = await self._threads.in_directory(_take_share, self.name, len(self._staying()))
        except SQLAlchemyError as error:
            # The leases run out by themselves; nothing is sent without one.
            log.warning("connector.no_database", error=type(error).__name__)
            return
        for lease in taken:
            self._begin(lease, messages)
        if is_due:
            self._begin_ended(messages)
        self._shed()
        metrics.CONNECTIONS.set(len(self._held))

    async def _renew(self) -> None:
        owned = await self._threads.in_directory(_renew_and_attend, self.name)
        self._renewed_at = time.monotonic()
        self.beat += 1
        for lease in self._held.keys() - set(owned):
            held = self._held[lease]
            if held.leaving is None:
                log.warning("connector.lost", tenant=lease.tenant_id, platform=str(lease.platform_id))
                del self._held[lease]
                self._in_background(_cancel(held.task))

    def _staying(self) -> list[Lease]:
        return [lease for lease, held in self._held.items() if held.leaving is None]

    def _begin(self, lease: Lease, messages: Redis) -> None:
        owner = Owner(lease, self.name, self._threads, messages, self._pace)
        self._held[lease] = _Held(owner, asyncio.create_task(owner.run(), name=f"owner-{lease.platform_id}"))

    def _begin_ended(self, messages: Redis) -> None:
        """An owner ends by a fault of ours alone; another one goes on."""
        for lease, held in list(self._held.items()):
            if held.task.done() and held.leaving is None:
                failure = None if held.task.cancelled() else held.task.exception()
                log.error("connector.owner_ended", platform=str(lease.platform_id), exc_info=failure)
                self._begin(lease, messages)

    def _shed(self) -> None:
        """Give up one connection above the fair share, at a calm moment of it."""
        staying = self._staying()
        if len(staying) <= max(self._share, 1) or any(held.leaving for held in self._held.values()):
            self._restless_since = None
            return
        now = time.monotonic()
        self._restless_since = self._restless_since or now
        calm = [lease for lease in staying if self._held[lease].owner.is_calm]
        if not calm and now - self._restless_since < RESTLESS_S:
            return
        lease = (calm or staying)[-1]
        log.info("connector.shed", tenant=lease.tenant_id, platform=str(lease.platform_id), share=self._share)
        self._leave(lease)

    def _leave(self, lease: Lease) -> asyncio.Task[None]:
        held = self._held[lease]
        if held.leaving is None:
            held.leaving = self._in_background(self._give_back(lease, held))
        return held.leaving

    async def _give_back(self, lease: Lease, held: _Held) -> None:
        """Finish what is being sent, let another connector have the connection, and only then take it down."""
        try:
            await held.owner.drain()
            await self._threads.in_directory(leases.release_one, self.name, lease)
        except SQLAlchemyError as error:  # It runs out by itself.
            log.warning("connector.not_released", platform=str(lease.platform_id), error=type(error).__name__)
        finally:
            await _cancel(held.task)
            self._held.pop(lease, None)

    async def _end(self) -> None:
        """Give everything back. What is still being sent keeps its lease until it is answered."""
        with contextlib.suppress(SQLAlchemyError):
            await self._threads.in_directory(leases.leave, self.name)
        leaving = {self._leave(lease) for lease in list(self._held)} | self._ending
        until = time.monotonic() + LEAVE_WITHIN_S
        while leaving and time.monotonic() < until:
            _, leaving = await asyncio.wait(leaving, timeout=RENEW_EVERY_S)
            if leaving:
                with contextlib.suppress(SQLAlchemyError):
                    await self._threads.in_directory(leases.renew, self.name)
        await asyncio.gather(*(_cancel(task) for task in leaving))
        with contextlib.suppress(SQLAlchemyError):
            await self._threads.in_directory(leases.release, self.name)
        self._threads.close()

    def _in_background(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


def _renew_and_attend(owner: str) -> list[Lease]:
    leases.attend(owner)
    return leases.renew(owner)


def _take_share(owner: str, held: int) -> tuple[int, list[Lease]]:
    """The present fair share, and what was taken now to come nearer to it."""
    share = leases.fair_share()
    missing = min(TAKE_AT_ONCE, share - held)
    return share, leases.take(owner, missing) if missing > 0 else []


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _pause(stop: threading.Event, seconds: float) -> None:
    """Sleep, but notice `stop` soon. A thread that waits for the event would hold up the loop's end."""
    until = asyncio.get_running_loop().time() + seconds
    while not stop.is_set() and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.1)


def run_connector(stop: threading.Event, pace: Pace | None = None, *, process: Process | None = None) -> None:
    """Run a connector in the calling thread until `stop` is set. The process must be the only one of its role in it."""
    db.refuse_strong_role()
    asyncio.run((process or Process(pace)).run(stop))
