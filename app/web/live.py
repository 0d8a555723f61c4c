"""The event streams: one per open page, on the same port and origin as the pages.

Each process keeps one Redis subscription for all its streams. A stream holds no database connection while it waits,
sends a beat every three seconds, and ends after ten minutes so that the browser connects anew and is checked anew.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import redis.asyncio as aioredis
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.config import settings
from app.core import live
from app.core.redis import key
from app.kit import clock
from app.tenancy import directory
from app.ui import formats

log = structlog.get_logger()

QUEUE_MAX = 256
BEAT_SECONDS = 3.0
LIFETIME_SECONDS = 600.0
WATCH_SECONDS = 15
STALE_SECONDS = 15.0
FORGOTTEN_SECONDS = 7 * 86_400.0


@dataclass(eq=False)
class Stream:
    """One open page: what it listens to, and what waits to be written to it."""

    tenant: int
    session_id: str
    locale: str
    channels: frozenset[str]
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))

    def give(self, message: bytes | None) -> None:
        """Queue a message; a page that does not keep up is closed, and its browser connects anew."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)


class Hub:
    """The streams of this process and the one subscription that feeds them."""

    def __init__(self, is_alive: Callable[[int, str], bool]) -> None:
        self.is_alive = is_alive
        self.by_channel: dict[str, set[Stream]] = {}
        self.streams: set[Stream] = set()
        self.reader: asyncio.Task[None] | None = None
        self.redis: aioredis.Redis | None = None

    def connection(self) -> aioredis.Redis:
        if self.redis is None:
            self.redis = aioredis.Redis.from_url(settings().redis_url)
        return self.redis

    def add(self, stream: Stream) -> None:
        self.streams.add(stream)
        for channel in stream.channels:
            self.by_channel.setdefault(channel, set()).add(stream)
        if self.reader is None or self.reader.done():
            self.reader = asyncio.create_task(self._read())

    def remove(self, stream: Stream) -> None:
        self.streams.discard(stream)
        for channel in stream.channels:
            listeners = self.by_channel.get(channel)
            if listeners is not None:
                listeners.discard(stream)
                if not listeners:
                    del self.by_channel[channel]

    async def _read(self) -> None:
        """Hand every message to its streams. When Redis goes away, wait and subscribe again."""
        while self.streams:
            try:
                async with self.connection().pubsub() as subscription:
                    await subscription.psubscribe(key("t", "*"))
                    await subscription.subscribe(key("control"))
                    async for message in subscription.listen():
                        if message["type"] in ("message", "pmessage"):
                            self._try_to_hand_out(message["channel"].decode(), message["data"])
            except (aioredis.RedisError, OSError) as error:
                log.warning("live.subscription_lost", error=str(error))
                await asyncio.sleep(0.5)

    def _try_to_hand_out(self, channel: str, data: bytes) -> None:
        """One message that cannot be drawn must not silence the pages of every tenant."""
        try:
            self._hand_out(channel, data)
        except Exception:
            log.exception("live.unreadable", channel=channel)

    def _hand_out(self, channel: str, data: bytes) -> None:
        if channel == key("control"):
            order = json.loads(data)
            for stream in [s for s in self.streams if s.session_id == order.get("end_session")]:
                stream.give(None)
            return
        listeners = self.by_channel.get(channel)
        if not listeners:
            return
        drawn: dict[str, bytes] = {}
        for stream in tuple(listeners):
            if stream.locale not in drawn:
                drawn[stream.locale] = draw(data, stream.locale)
            stream.give(drawn[stream.locale])


@lru_cache(maxsize=1024)
def draw(data: bytes, locale: str) -> bytes:
    """A message as the browser gets it: a fact as a named event, values as parts addressed to their cells."""
    message = json.loads(data)
    if "event" in message:
        return f"event: {message['event']}\ndata: {{}}\n\n".encode()
    parts = "".join(
        f'<hx-partial hx-target="#{cell}" hx-swap="innerHTML">{formats.live_value(value, locale)}</hx-partial>'
        for cell, value in message["values"].items()
    )
    return b"data: " + parts.replace("\n", " ").encode() + b"\n\n"


def oldest_link(links: Mapping[bytes, bytes], receivers: Sequence[str], now: float) -> float | None:
    """How many seconds ago the platforms that a page is about last answered: of several the one that is silent longest.

    A page that is about none in particular looks at all of them. A platform that has been silent for a week is not
    waited for any longer; None when there is none to wait for. An account on which nothing happens is as fresh as its
    platform.
    """
    about = {name.removeprefix("platform:") for name in receivers if name.startswith("platform:")}
    ages = [max(0.0, now - float(seen)) for platform, seen in links.items() if not about or platform.decode() in about]
    awaited = [age for age in ages if age < FORGOTTEN_SECONDS]
    return max(awaited, default=None)


class LiveEndpoint:
    """`GET /events?c=<signed channels>`."""

    def __init__(self, is_alive: Callable[[int, str], bool]) -> None:
        self.hub = Hub(is_alive)

    async def answer(self, request: Request) -> Response:
        """Open a stream, or refuse with 403 when the list, the host or the session is not right."""
        signed = live.read_channels(request.query_params.get("c", ""))
        place = await run_in_threadpool(directory.find_place, request.headers.get("host", ""))
        if signed is None or place is None or signed[0] != place.tenant_id:
            return Response(status_code=403)
        tenant, session_id, locale, receivers = signed
        if not await run_in_threadpool(self.hub.is_alive, tenant, session_id):
            return Response(status_code=403)
        stream = Stream(tenant, session_id, locale, frozenset(live.channel(tenant, name) for name in receivers))
        return StreamingResponse(
            self._write(stream, receivers, is_again=bool(request.headers.get("last-event-id"))),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _write(self, stream: Stream, receivers: list[str], *, is_again: bool) -> AsyncIterator[bytes]:
        self.hub.add(stream)
        ends_at = time.monotonic() + LIFETIME_SECONDS
        try:
            yield b"retry: 1000\nid: 1\n" + (b"event: resync\ndata: {}\n\n" if is_again else b": open\n\n")
            yield await self._beat(stream, receivers)
            next_beat = time.monotonic() + BEAT_SECONDS
            while (now := time.monotonic()) < ends_at:
                try:
                    message = await asyncio.wait_for(stream.queue.get(), max(next_beat - now, 0.01))
                except TimeoutError:
                    next_beat = time.monotonic() + BEAT_SECONDS
                    yield await self._beat(stream, receivers)
                    continue
                if message is None:
                    yield b"event: done\ndata: {}\n\n"
                    return
                yield message
        finally:
            self.hub.remove(stream)

    async def _beat(self, stream: Stream, receivers: list[str]) -> bytes:
        """The beat tells how fresh the link to the platforms is, and notes what this page watches."""
        fresh: dict[str, Any] = {"fresh": True}
        try:
            async with self.hub.connection().pipeline(transaction=False) as pipe:
                for receiver in receivers:
                    pipe.set(key("watch", stream.tenant, receiver), 1, ex=WATCH_SECONDS)
                pipe.hgetall(key("links", stream.tenant))
                links = (await pipe.execute())[-1]
            age = oldest_link(links, receivers, clock.now().timestamp())
            if age is not None:
                fresh = {"fresh": age < STALE_SECONDS, "age": round(age, 1)}
        except (aioredis.RedisError, OSError, ValueError):
            fresh = {"fresh": False}
        return f"event: beat\ndata: {json.dumps(fresh)}\n\n".encode()
