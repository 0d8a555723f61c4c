"""A connection's operations on their way: sent at once by their message, within a second by their row, and each once.

So many at a time and no more: what is claimed must be written within seconds, so it is claimed only when its turn has
come. The rest waits where it can be neither lost nor forgotten: in its row, and with its password in Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import redis
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.trading import wire
from app.trading.connector import sending
from app.trading.connector.threads import Threads
from app.trading.models import OperationState
from app.trading.platforms.base import (
    NotPermitted,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    Refused,
    TradingPlatform,
)
from app.trading.queries.leases import Lease
from app.trading.service import operations
from app.trading.service.operations import Command
from app.trading.sync_health import metrics
from app.trading.sync_health.models import LatencyKind
from app.trading.sync_health.service import Latencies

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

SECRETS_KEPT_S: Final = 180  # A password is kept no longer than its operation may still be looked for.
WAITING_MAX: Final = 200  # Messages taken in; more stay in Redis.
AT_ONCE: Final = 6  # Until the platform's own number of connections is known.
RECORD_FOR_S: Final = 90.0  # An answer is at hand only here: it is kept so long while the database is away.
DRAIN_WITHIN_S: Final = 15.0
_WAKE: Final = "{}"  # A message that means nothing: who waits for one notices that it is to stop.


class Dispatch:
    """The operations of one owned connection. `platform` is None while there is none to send to."""

    def __init__(self, lease: Lease, name: str, threads: Threads, messages: Redis, latencies: Latencies) -> None:
        self.platform: TradingPlatform | None = None
        self.send_within_s = float(operations.SEND_WITHIN_S)
        self.at_once = AT_ONCE
        self.label = ("", "")
        self._lease = lease
        self._name = name
        self._threads = threads
        self._messages = messages
        self._latencies = latencies
        self._asked: dict[UUID, wire.Request] = {}  # Came by message: somebody waits for it.
        self._due: dict[UUID, wire.Request] = {}  # Found by its row.
        self._secrets: dict[UUID, tuple[float, Mapping[str, str]]] = {}
        self._sending: dict[UUID, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._is_draining = False
        self._has_stopped_listening = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_calm(self) -> bool:
        """Whether nothing is being sent or waits for it."""
        return not (self._sending or self._asked or self._due)

    @property
    def waiting(self) -> int:
        """How many operations wait here or are on their way."""
        return len(self._asked) + len(self._due) + len(self._sending)

    async def listen(self) -> None:
        """Send what arrives by message at once. Without Redis the rows are found within a second."""
        key = wire.requests_key(self._lease.tenant_id, self._lease.platform_id)
        try:
            while not self._is_draining:
                await self._has_room.wait()
                try:
                    found = await self._messages.brpop([key], timeout=2)
                except redis.RedisError:
                    end_if_cancelled()
                    await asyncio.sleep(0.5)
                    continue
                request = wire.decode_request(self._lease.tenant_id, _raw(found[1])) if found else None
                if request is not None:
                    self._asked.setdefault(request.operation_id, request)
                    self._keep_secrets(request)
                    self.start_waiting()
        finally:
            self._has_stopped_listening.set()

    def _keep_secrets(self, request: wire.Request) -> None:
        if request.secrets:
            self._secrets[request.operation_id] = (time.monotonic() + SECRETS_KEPT_S, request.secrets)

    def start_waiting(self) -> None:
        """Send as many as may be on their way at once; those that somebody waits for go first."""
        while self.platform is not None and not self._is_draining and len(self._sending) < self.at_once:
            line = self._asked or self._due
            if not line:
                break
            operation_id = next(iter(line))
            request = line.pop(operation_id)
            if operation_id not in self._sending:
                task = asyncio.create_task(self._execute(self.platform, request))
                self._sending[operation_id] = task
                task.add_done_callback(partial(self._sent, operation_id))
        if len(self._asked) < WAITING_MAX:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _sent(self, operation_id: UUID, _: asyncio.Task[None]) -> None:
        self._sending.pop(operation_id, None)
        self.start_waiting()

    async def do_chores(self) -> None:
        """What came by no message, what waited for the link, what nobody sent in time, and what is to be looked for."""
        now = time.monotonic()
        self._secrets = {key: kept for key, kept in self._secrets.items() if kept[0] > now}
        platform = self.platform
        chores = await self._threads.urgently(
            self._lease.tenant_id, operations.chores, self._lease, is_up=platform is not None and not self._is_draining
        )
        for operation_id in chores.expired:
            self._asked.pop(operation_id, None)
            self._due.pop(operation_id, None)
            await self._answer(operation_id, OperationState.REFUSED)
        for operation_id in chores.due:
            if operation_id not in self._asked:
                self._due.setdefault(operation_id, wire.Request(operation_id))
        self.start_waiting()
        if platform is not None and chores.looks and (self._looking is None or self._looking.done()):
            # Beside the sending: a platform that answers slowly must not hold up what is due.
            self._looking = asyncio.create_task(self._look_all(platform, chores.looks))

    async def _look_all(self, platform: TradingPlatform, commands: Sequence[Command]) -> None:
        for command in commands:
            try:
                await self._look(platform, command)
            except SQLAlchemyError as error:
                log.warning("connector.look_not_noted", error=type(error).__name__)
                return
            except Exception:
                log.exception("connector.look_fault", operation=str(command.operation_id))

    async def settle(self, seconds: float) -> None:
        """Wait for the answers to what is being sent, and give up those that do not come: they are looked for."""
        if self._looking is not None:
            self._looking.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*self._sending.values(), return_exceptions=True)
        for task in list(self._sending.values()):
            task.cancel()

    async def drain(self) -> None:
        """Begin nothing more, finish what is being sent, and put back what waits, for the connection's next owner."""
        self._is_draining = True
        self._has_room.set()
        key = wire.requests_key(self._lease.tenant_id, self._lease.platform_id)
        with contextlib.suppress(redis.RedisError, TimeoutError):
            await self._messages.lpush(key, _WAKE)
            async with asyncio.timeout(3):
                await self._has_stopped_listening.wait()
        await self.settle(DRAIN_WITHIN_S)
        kept = {key: wire.Request(key, secrets) for key, (_, secrets) in self._secrets.items()}
        back = [wire.encode_request(self._lease.tenant_id, request) for request in {**kept, **self._asked}.values()]
        if back:
            with contextlib.suppress(redis.RedisError):  # Then those without a password are found by their rows.
                await self._messages.rpush(key, *back)

    async def _execute(self, platform: TradingPlatform, request: wire.Request) -> None:
        """Send one operation and write down what became of it. Whatever fails on the way leaves it `sent`, to be
        looked for."""
        began = time.perf_counter()
        send_by = asyncio.get_running_loop().time() + self.send_within_s
        tenant, operation_id = self._lease.tenant_id, request.operation_id
        try:
            command = await self._threads.urgently(tenant, operations.claim, operation_id, self._lease, self._name)
            if command is None:
                return
            try:
                result = await sending.send(platform, command, request.secrets, send_by)
            except (Refused, PlatformUnavailable, NotPermitted) as error:
                code, reason = sending.refusal(error)
                state = await self._record(operations.record_refused, operation_id, code, reason)
            except OutcomeUnknown as error:
                state = await self._record(operations.record_unknown, operation_id, str(error))
            else:
                state = await self._record(operations.record_confirmed, operation_id, result)
                self._time(time.perf_counter() - began)
            await self._answer(operation_id, state)
        except redis.RedisError:
            log.warning("connector.no_redis", operation=str(operation_id))
        except Exception:
            log.exception("connector.operation_fault", operation=str(operation_id))

    def _time(self, seconds: float) -> None:
        self._latencies.note(LatencyKind.COMMAND, seconds * 1000)
        metrics.LATENCY.labels(*self.label, LatencyKind.COMMAND.value).observe(seconds)

    async def _record(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Write an outcome down, again and again while the database is away."""
        until = time.monotonic() + RECORD_FOR_S
        pause = 0.2
        while True:
            try:
                return await self._threads.urgently(self._lease.tenant_id, work, *args, **kwargs)
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                if time.monotonic() > until:
                    raise
                log.warning("connector.outcome_not_noted", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 3.0)

    async def _answer(self, operation_id: UUID, state: OperationState) -> None:
        """Wake the page that waits, if one still does."""
        key = wire.answer_key(operation_id)
        with contextlib.suppress(redis.RedisError):
            async with self._messages.pipeline(transaction=False) as pipe:
                pipe.lpush(key, wire.encode_answer(state.value, None))
                pipe.expire(key, wire.ANSWER_EXPIRES_S)
                await pipe.execute()

    async def _look(self, platform: TradingPlatform, command: Command) -> None:
        """Look for an operation whose outcome is unknown. Only a look with the link up counts."""
        operation_id = command.operation_id
        _, secrets = self._secrets.get(operation_id, (0.0, {}))
        try:
            sight = await sending.look(platform, command, secrets)
        except PlatformError as error:
            needs_person = isinstance(error, OutcomeUnknown)
            await self._note(operations.record_look_failed, operation_id, str(error), needs_person=needs_person)
            return
        if sight.needs_person:
            await self._note(operations.record_look_failed, operation_id, sight.needs_person, needs_person=True)
        elif sight.result is not None:
            await self._note(operations.record_confirmed, operation_id, sight.result, looked=True)
        else:
            await self._note(operations.record_absent, operation_id)

    async def _note(self, work: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        await self._threads.as_tenant(self._lease.tenant_id, work, *args, **kwargs)


def end_if_cancelled() -> None:
    """Go on being cancelled: a library that turns a cancellation into an error of its own would keep the task alive."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _raw(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
