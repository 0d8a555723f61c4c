"""A few warm connections to one access server, the speed limit that all of them share, and the circuit breaker.

A command waits for a free connection, not for a handshake. Connections that idle are kept alive; lost ones are
opened again after a pause
that doubles. The pool repeats readings; it never repeats a change.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.trading.platforms.base import NotPermitted, OutcomeUnknown, PlatformUnavailable, Refused, Trouble
from app.trading.platforms.buckets import TokenBucket
from app.trading.platforms.mt5 import retcodes
from app.trading.platforms.mt5.codec import Answer
from app.trading.platforms.mt5.connection import Connection, Endpoint, SessionLost, SignInRefused, open_connection


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How hard a platform may be asked. The defaults are careful: access servers block addresses that knock too
    often."""

    size: int = 3
    requests_per_s: float = 20.0
    keep_alive_s: float = 20.0
    first_pause_s: float = 5.0
    longest_pause_s: float = 120.0
    sign_in_attempts: int = 5
    sign_in_pause_s: float = 900.0
    acquire_timeout_s: float = 10.0


class Pool:
    """The connections of one platform. Belongs to one event loop."""

    def __init__(self, endpoint: Endpoint, settings: PoolSettings | None = None) -> None:
        self.endpoint = endpoint
        self.settings = settings or PoolSettings()
        self._tls: ssl.SSLContext = endpoint.tls()
        self._bucket = TokenBucket(self.settings.requests_per_s)
        self._idle: list[Connection] = []  # The last one used is taken first, so that the others can be seen to idle.
        self._slots = asyncio.Semaphore(self.settings.size)
        self._pause_s = self.settings.first_pause_s
        self._open_after = 0.0
        self._refused_sign_ins = 0
        self._keeper: asyncio.Task[None] | None = None
        self.last_error = ""
        self.last_trouble = Trouble.NETWORK

    @property
    def is_broken(self) -> bool:
        """Whether the breaker is open: nothing is tried until the pause is over."""
        return time.monotonic() < self._open_after

    async def warm_up(self) -> None:
        """Open every connection and keep it alive from now on. Raises what the first failure raises."""
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(self.settings.size):
                await stack.enter_async_context(self._connection())
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_alive(), name="mt5-keep-alive")

    async def close(self) -> None:
        """Sign out everywhere."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in idle))

    async def read(
        self, command: str, params: Mapping[str, object] | None = None, body: Mapping[str, object] | None = None
    ) -> Answer:
        """Ask something that changes nothing. A lost session, a lost answer or a busy server is asked once more.

        Raises PlatformUnavailable, NotPermitted, or Refused for the platform's other answers (13, not found, among
        them).
        """
        failure: Exception = PlatformUnavailable(command)
        for attempt in range(2):
            if attempt:
                await asyncio.sleep(0.05 * random.uniform(0.8, 1.2))
            try:
                async with self._connection() as connection:
                    await self._bucket.take()
                    answer = await connection.call(command, params, body)
            except SessionLost:
                failure = NotPermitted(f"{command} was answered twice with 403.")
                continue
            except (OutcomeUnknown, PlatformUnavailable) as error:
                failure = PlatformUnavailable(str(error), trouble=error.trouble)
                if self.is_broken:
                    break
                continue
            if answer.code in retcodes.DONE or answer.code == retcodes.PARTIAL:
                return answer
            if answer.code == retcodes.NO_PERMISSION:
                raise NotPermitted(f"{command} was answered with 8.")
            if answer.code not in retcodes.RETRY_READ:
                raise Refused(answer.code, retcodes.refusal_reason(answer.code), answer.text)
            trouble = retcodes.trouble(answer.code)
            failure = PlatformUnavailable(f"{command} was answered with {answer.code}.", trouble=trouble)
            await asyncio.sleep(0.5 if answer.code == retcodes.TOO_FREQUENT else 0.1)
        raise failure

    async def change(
        self,
        command: str,
        params: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        *,
        send_by: float | None = None,
    ) -> Answer:
        """Ask for a change, once. Raises PlatformUnavailable (surely not sent), Refused (surely not done) or
        OutcomeUnknown."""
        async with self._connection() as connection:
            await self._bucket.take()
            try:
                answer = await connection.call(command, params, body, send_by=send_by)
            except SessionLost:
                raise OutcomeUnknown(f"{command} was answered with 403.") from None
        if answer.code in retcodes.DONE:
            return answer
        if answer.code in retcodes.UNCERTAIN:
            raise OutcomeUnknown(f"{command} was answered with {answer.code}.")
        raise Refused(answer.code, retcodes.refusal_reason(answer.code), answer.text)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with asyncio.timeout(self.settings.acquire_timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise PlatformUnavailable("Every connection is busy.", trouble=Trouble.SLOW) from None
        try:
            connection = self._take_idle() or await self._open()
            try:
                yield connection
            finally:
                if connection.is_open:
                    self._idle.append(connection)
        finally:
            self._slots.release()

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_alive:
                return connection
            connection.abort()
        return None

    async def _open(self) -> Connection:
        if self.is_broken:
            raise PlatformUnavailable(self.last_error or "The platform is not tried now.", trouble=self.last_trouble)
        try:
            connection = await open_connection(self.endpoint, self._tls)
        except SignInRefused as error:
            self._refused_sign_ins += 1
            is_final = self._refused_sign_ins >= self.settings.sign_in_attempts
            self._trip(error, Trouble.SIGN_IN_STOPPED if is_final else error.trouble)
            raise PlatformUnavailable(str(error), trouble=self.last_trouble) from None
        except PlatformUnavailable as error:
            self._trip(error, error.trouble)
            raise
        self._pause_s, self._refused_sign_ins, self.last_error = self.settings.first_pause_s, 0, ""
        return connection

    def _trip(self, error: Exception, trouble: Trouble) -> None:
        """Wait before the next attempt; after too many refused sign-ins wait long, or the server blocks our address."""
        pause = self.settings.sign_in_pause_s if trouble is Trouble.SIGN_IN_STOPPED else self._pause_s
        self._open_after = time.monotonic() + pause * random.uniform(0.8, 1.2)
        self._pause_s = min(self._pause_s * 2, self.settings.longest_pause_s)
        self.last_error, self.last_trouble = str(error), trouble

    async def _keep_alive(self) -> None:
        """Ask something small on each connection that idles, and open those that were lost."""
        while True:
            await asyncio.sleep(self.settings.keep_alive_s / 4)
            due = time.monotonic() - self.settings.keep_alive_s
            idle = [connection for connection in self._idle if connection.used_at < due or not connection.is_alive]
            for connection in idle:
                if connection in self._idle:
                    self._idle.remove(connection)
                    try:
                        await self._ping(connection)
                    except PlatformUnavailable:
                        break

    async def _ping(self, connection: Connection) -> None:
        """The connection is out of the pool while it is asked; what is lost is replaced, so that nobody waits for a
        handshake."""
        async with self._slots:
            if connection.is_alive:
                with contextlib.suppress(SessionLost, OutcomeUnknown, PlatformUnavailable):
                    await connection.call("test/access")
            if not connection.is_alive:
                connection.abort()
                connection = await self._open()
            self._idle.append(connection)
