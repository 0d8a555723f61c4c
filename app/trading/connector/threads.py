"""The small thread pool in which a connector's database work happens: each piece in its own scope and transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from app.core import db
from app.core.actor import acting_as
from app.trading.service.outcomes import CONNECTOR

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """Runs functions as a tenant, or in the directory, and commits what they did."""

    def __init__(self, size: int = 6) -> None:
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix="connector")

    async def as_tenant(self, tenant: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in the tenant's scope, commit, and answer what it answered."""
        return await self._run(partial(_as_tenant, tenant, partial(work, *args, **kwargs)))

    async def in_directory(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` where only global tables are seen, commit, and answer what it answered."""
        return await self._run(partial(_in_directory, partial(work, *args, **kwargs)))

    async def _run(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for what is running."""
        self._pool.shutdown(wait=True)


def _as_tenant(tenant: int, work: Callable[[], R]) -> R:
    with db.tenant_scope(tenant), acting_as(CONNECTOR):
        return db.in_transaction(work)


def _in_directory(work: Callable[[], R]) -> R:
    with db.directory_scope():
        return db.in_transaction(work)
