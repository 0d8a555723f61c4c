"""How hard one platform may be asked: the vendor warns that a careless manager can bring a server down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from app.trading.platforms.buckets import TokenBucket


class Limits:
    """At most so many requests a second on average and so many on their way at once; long lists one at a time."""

    def __init__(self, requests_per_s: float, in_flight: int) -> None:
        self._bucket = TokenBucket(requests_per_s)
        self._slots = asyncio.Semaphore(in_flight)
        self._lists = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, *, is_list: bool) -> AsyncIterator[None]:
        """Wait until one more request may be sent; it counts as on its way until the block ends."""
        async with AsyncExitStack() as stack:
            if is_list:
                await stack.enter_async_context(self._lists)
            await stack.enter_async_context(self._slots)
            await self._bucket.take()
            yield
