"""Many open pages' streams, held by one thread, and what one page hears."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CONNECTING_AT_ONCE = 25


class Streams:
    """Connections to a page's stream that read what comes and forget it."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str], count: int) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"GET {path} HTTP/1.1\r\n{lines}Accept: text/event-stream\r\n\r\n".encode()
        self._port = port
        self._count = count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: list[asyncio.Task[None]] = []
        self.open = 0

    def start(self) -> None:
        """Open them all and return when all are open."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        until = time.monotonic() + 180
        while self.open < self._count:
            assert time.monotonic() < until, f"only {self.open} of {self._count} streams are open"
            time.sleep(0.1)

    async def _begin(self) -> None:
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
        self._tasks = [asyncio.create_task(self._hold(gate)) for _ in range(self._count)]

    async def _hold(self, gate: asyncio.Semaphore) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(self._request)
            status = await reader.readline()
            assert b" 200 " in status, status
        self.open += 1
        try:
            while await reader.read(65536):
                pass
        finally:
            self.open -= 1
            writer.close()

    def stop(self) -> None:
        """Close them all."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(10)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._loop.call_later(0.5, self._loop.stop)


@contextmanager
def open_streams(port: int, path: str, headers: Mapping[str, str], count: int) -> Iterator[Streams]:
    """So many open streams for the length of the block. The limit of open files must allow them."""
    streams = Streams(port, path, headers, count)
    streams.start()
    try:
        yield streams
    finally:
        streams.stop()
