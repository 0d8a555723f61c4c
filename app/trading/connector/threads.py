"""The small thread pool in which a connector's database work happens: each piece in its own scope and transaction.

Tenants take turns. However much one of them brings, and however long its pieces wait for the database, threads are kept
back for the others, and leases are renewed on a thread that no tenant's work ever uses.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from app.core import db
from app.core.actor import acting_as
from app.trading.service.outcomes import CONNECTOR

P = ParamSpec("P")
R = TypeVar("R")

SIZE: Final = 8  # With the thread for leases and the heartbeat it stays below the database connections of a process.
SHARE: Final = 3  # So many pieces of one tenant at a time, and no more than two of them may be of the patient kind.
KEPT_BACK: Final = 3  # Only a tenant of which nothing runs may use the last so many threads.


@dataclass(slots=True)
class _Line:
    """What one tenant has waiting, and how much of it runs."""

    urgent: deque[asyncio.Future[None]] = field(default_factory=deque)
    patient: deque[asyncio.Future[None]] = field(default_factory=deque)
    urgent_running: int = 0
    patient_running: int = 0

    @property
    def running(self) -> int:
        return self.urgent_running + self.patient_running

    @property
    def is_idle(self) -> bool:
        return not (self.running or self.urgent or self.patient)


class Threads:
    """Runs functions as a tenant, or in the directory, and commits what they did. Belongs to one event loop."""

    def __init__(self, size: int = SIZE, *, share: int = SHARE, kept_back: int = KEPT_BACK) -> None:
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix="connector")
        self._lease_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="connector-lease")
        self._lines: OrderedDict[int, _Line] = OrderedDict()  # The tenant whose turn is next stands first.
        self._free = size
        self._share = share
        self._kept_back = min(kept_back, size - 1)

    async def as_tenant(self, tenant: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in the tenant's scope when its turn comes, commit, and answer what it answered."""
        return await self._in_turn(tenant, False, partial(_as_tenant, tenant, partial(work, *args, **kwargs)))

    async def urgently(self, tenant: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `as_tenant`, before what the same tenant has waiting there: somebody sits in front of a page."""
        return await self._in_turn(tenant, True, partial(_as_tenant, tenant, partial(work, *args, **kwargs)))

    async def in_directory(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` where only global tables are seen, commit, and answer what it answered."""
        run = partial(_in_directory, partial(work, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._lease_pool, run)

    def waiting(self, tenant: int) -> int:
        """How many pieces of a tenant wait for a thread."""
        line = self._lines.get(tenant)
        return 0 if line is None else len(line.urgent) + len(line.patient)

    def close(self) -> None:
        """Wait for what is running."""
        self._pool.shutdown(wait=True)
        self._lease_pool.shutdown(wait=True)

    async def _in_turn(self, tenant: int, is_urgent: bool, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        line = self._lines.setdefault(tenant, _Line())
        (line.urgent if is_urgent else line.patient).append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(tenant, is_urgent)  # The turn came in the same moment, and nobody takes it.
            raise
        running = self._pool.submit(work)
        # The thread stays busy when the waiting task is cancelled, so the thread itself says when it is free.
        running.add_done_callback(partial(self._tell_left, loop, tenant, is_urgent))
        return await asyncio.wrap_future(running)

    def _tell_left(self, loop: asyncio.AbstractEventLoop, tenant: int, is_urgent: bool, _: Future[Any]) -> None:
        with suppress(RuntimeError):  # The loop has ended before its last thread.
            loop.call_soon_threadsafe(self._leave, tenant, is_urgent)

    def _leave(self, tenant: int, is_urgent: bool) -> None:
        line = self._lines[tenant]
        if is_urgent:
            line.urgent_running -= 1
        else:
            line.patient_running -= 1
        self._free += 1
        self._let_in()

    def _let_in(self) -> None:
        """Give free threads away, one to a tenant and round again, for as long as somebody may start."""
        has_started = True
        while has_started and self._free:
            has_started = False
            for tenant in list(self._lines):
                line = self._lines[tenant]
                if self._free and self._start_one(line):
                    has_started = True
                    self._lines.move_to_end(tenant)
                elif line.is_idle:
                    del self._lines[tenant]

    def _start_one(self, line: _Line) -> bool:
        if line.running >= self._share or (line.running and self._free <= self._kept_back):
            return False
        while line.urgent:
            turn = line.urgent.popleft()
            if not turn.done():
                line.urgent_running += 1
                return self._grant(turn)
        if line.patient_running >= max(1, self._share - 1):
            return False
        while line.patient:
            turn = line.patient.popleft()
            if not turn.done():
                line.patient_running += 1
                return self._grant(turn)
        return False

    def _grant(self, turn: asyncio.Future[None]) -> bool:
        self._free -= 1
        turn.set_result(None)
        return True


def _as_tenant(tenant: int, work: Callable[[], R]) -> R:
    with db.tenant_scope(tenant), acting_as(CONNECTOR):
        return db.in_transaction(work)


def _in_directory(work: Callable[[], R]) -> R:
    with db.directory_scope():
        return db.in_transaction(work)
