"""Reading the deals of a stretch of time and storing what is new, changed or gone, piece by piece.

The next piece is read while the last one is stored. What is stored is remembered as read, so a reading that breaks off
goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Final, ParamSpec, TypeVar

from app.kit import clock
from app.trading import ingest
from app.trading.connector.threads import Threads
from app.trading.ingest import Batch, Window
from app.trading.platforms.base import Deal, DealChunk, NotPermitted, Refused, TradingPlatform
from app.trading.queries.leases import Lease
from app.trading.service import connections
from app.trading.service.connections import CatchUp

P = ParamSpec("P")
R = TypeVar("R")

DEALS_PER_BATCH: Final = 2_000  # While a batch is written, the tenant's other batches wait.
DAY_MSC: Final = 86_400_000
QUIET_MSC: Final = 5_000  # The newest deals may still be on their way through the access server.


class CatchingUp:
    """One catch-up of one platform, as planned."""

    def __init__(self, lease: Lease, threads: Threads, platform: TradingPlatform, plan: CatchUp) -> None:
        self._lease = lease
        self._threads = threads
        self._platform = platform
        self._plan = plan
        self._set_aside: set[int] = set()  # Logins that lie in no group of ours, or that we may not look at.

    async def run(self, server_msc: int) -> None:
        """Read everything from where the plan begins. `server_msc` is the platform's clock now."""
        read_at = clock.now()
        until = server_msc + DAY_MSC  # Later than now, since clocks and zones err.
        chunks = self._platform.deal_chunks(self._plan.groups, self._plan.from_msc, until)
        async with aclosing(read_ahead(chunks)) as ready:
            async for chunk in ready:
                await self._store_deals(chunk.deals)
                if self._platform.capabilities.deletes_deals:
                    await self._take_away(chunk, server_msc, read_at)
                if chunk.to_msc < server_msc:
                    await self._tenant(connections.record_read_until, self._lease.platform_id, chunk.to_msc)

    async def _store_deals(self, deals: Sequence[Deal]) -> None:
        for begin in range(0, len(deals), DEALS_PER_BATCH):
            batch = Batch(deals=deals[begin : begin + DEALS_PER_BATCH])
            await self._tenant(ingest.store, self._lease.platform_id, batch)

    async def _take_away(self, chunk: DealChunk, server_msc: int, read_at: datetime) -> None:
        """Whatever we hold of this piece of time besides what was read is gone."""
        begin = max(chunk.from_msc, self._plan.from_msc + 1000)
        end = min(chunk.to_msc, server_msc - QUIET_MSC)
        if begin >= end:
            return
        seen = [deal.ticket for deal in chunk.deals]
        window = partial(Window, from_msc=begin, to_msc=end, read_at=read_at)
        doubtful = await self._tenant(
            ingest.vanished_logins, self._lease.platform_id, window(logins=self._judged(), seen=seen)
        )
        if doubtful:
            seen += await self._look_for(doubtful, chunk, server_msc)
            whole = window(logins=self._judged(doubtful), seen=seen)
            await self._tenant(ingest.store, self._lease.platform_id, Batch(window=whole))

    def _judged(self, among: Sequence[int] | None = None) -> list[int]:
        return [login for login in (self._plan.logins if among is None else among) if login not in self._set_aside]

    async def _look_for(self, logins: Sequence[int], chunk: DealChunk, server_msc: int) -> list[int]:
        """Ask for the deals of accounts that may have been moved to a group we did not know of, and answer what was
        found in this piece. A reading by groups does not show them, so before a deal counts as gone, its own account is
        asked."""
        seen: list[int] = []
        for login in logins:
            try:
                account = await self._platform.read_account(login)
                deals = await self._platform.deals_of(login, chunk.from_msc, server_msc + DAY_MSC)
            except NotPermitted:
                self._set_aside.add(login)  # What we may not look at is not gone.
            except Refused:
                continue  # The account is gone, and its deals with it.
            else:
                await self._tenant(ingest.store, self._lease.platform_id, Batch(accounts=[account]))
                await self._store_deals(deals)
                seen += [deal.ticket for deal in deals if deal.server_time_msc < chunk.to_msc + 1000]
                if account.group.lower() not in {group.lower() for group in self._plan.groups}:
                    self._set_aside.add(login)  # All of its later deals have just been read.
        return seen

    async def _tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self._lease.tenant_id, work, *args, **kwargs)


T = TypeVar("T")


async def read_ahead(pieces: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same pieces, each being fetched while the one before is worked on."""
    fetching = asyncio.ensure_future(_next(pieces))
    try:
        while found := await fetching:
            fetching = asyncio.ensure_future(_next(pieces))
            yield found[0]
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


async def _next(pieces: AsyncIterator[T]) -> tuple[T] | None:
    try:
        return (await anext(pieces),)
    except StopAsyncIteration:
        return None
