"""How many requests a platform may be asked in a second."""

from __future__ import annotations

import asyncio
import time


class TokenBucket:
    """At most `rate` requests a second on average, a second's worth at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = rate
        self._at = time.monotonic()

    async def take(self) -> None:
        """Wait until one more request is allowed."""
        while True:
            instant = time.monotonic()
            self._tokens = min(self._rate, self._tokens + (instant - self._at) * self._rate)
            self._at = instant
            if self._tokens >= 1:
                self._tokens -= 1
                return
            await asyncio.sleep((1 - self._tokens) / self._rate)
