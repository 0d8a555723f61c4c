"""One owned connection: sends operations, looks for lost ones, and watches the link. Lives as long as the lease."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

import redis
import structlog
from redis.asyncio import Redis

from app.kit import clock
from app.trading import wire
from app.trading.connector import sending
from app.trading.connector.pace import Pace
from app.trading.connector.sync import Sync
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
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import PoolSettings
from app.trading.queries.leases import Lease
from app.trading.service import connections, operations
from app.trading.service.connections import ConnectionSettings, NotConfigured
from app.trading.service.operations import Command

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

SECRETS_KEPT_S: Final = 180  # A password is kept no longer than its operation may still be looked for.


def make_platform(settings: ConnectionSettings, pace: Pace) -> MT5Platform:
    """The adapter for a platform's kind."""
    endpoint = Endpoint(
        host=settings.host,
        port=settings.port,
        login=settings.login,
        password=settings.password,
        ca_pem=settings.ca_pem,
        server_name=settings.tls_name,
        request_timeout_s=settings.answer_within_s,
    )
    pool = PoolSettings(size=settings.connections, requests_per_s=settings.requests_per_s, first_pause_s=pace.reconnect)
    return MT5Platform(endpoint, pool, settings.close_only_groups)


class Owner:
    """The work on one leased connection. `run` returns only when it is cancelled."""

    def __init__(self, lease: Lease, name: str, threads: Threads, messages: Redis, pace: Pace) -> None:
        self.lease = lease
        self._name = name
        self._threads = threads
        self._messages = messages
        self._pace = pace
        self._is_up = False
        self._send_within_s = float(operations.SEND_WITHIN_S)
        self._waiting: dict[UUID, wire.Request] = {}  # Came by message; not sent yet.
        self._secrets: dict[UUID, tuple[float, Mapping[str, str]]] = {}
        self._sending: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Connect and work. Ends by cancellation, after what is being sent has been answered."""
        log.info(
            "connector.own", tenant=self.lease.tenant_id, platform=str(self.lease.platform_id), epoch=self.lease.epoch
        )
        platform = await self._configured()
        sync = Sync(self.lease, self._threads, self._messages, platform, self._pace)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_link(platform, sync))
                group.create_task(self._listen(platform))
                group.create_task(self._repeat(self._pace.due, self._do_chores, platform))
                for pause, work in sync.rounds():
                    group.create_task(self._repeat(pause, self._if_up, work))
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.gather(*self._sending.values(), return_exceptions=True)
            for task in self._sending.values():
                task.cancel()
            await platform.close()

    async def _configured(self) -> MT5Platform:
        while True:
            try:
                settings = await self._as_tenant(connections.connection_settings, self.lease.platform_id)
                self._send_within_s = settings.send_within_s
                return make_platform(settings, self._pace)
            except NotConfigured as error:
                await self._as_tenant(connections.record_link, self.lease.platform_id, is_up=False, error=str(error))
            await asyncio.sleep(5)

    async def _as_tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self.lease.tenant_id, work, *args, **kwargs)

    async def _repeat(self, pause: float, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Do something over and over. A fault is logged and does not end it."""
        while True:
            try:
                await work(*args)
            except (PlatformError, redis.RedisError) as error:
                log.info("connector.round_failed", work=_name_of(work, args), error=str(error))
            except Exception:
                log.exception("connector.round_failed", work=_name_of(work, args))
            _end_if_cancelled()
            await asyncio.sleep(pause)

    async def _if_up(self, work: Callable[[], Awaitable[None]]) -> None:
        if self._is_up:
            await work()

    async def _keep_link(self, platform: MT5Platform, sync: Sync) -> None:
        """Know whether the platform answers; take over what an earlier owner left when it does for the first time."""
        noted_at = 0.0
        has_begun = False
        while True:
            was_up, error, latency = self._is_up, "", None
            try:
                if not self._is_up:
                    await platform.connect()
                started = time.perf_counter()
                await platform.ping()
                latency = (time.perf_counter() - started) * 1000
                if not self._is_up:
                    await sync.measure_clock()
                if not has_begun:
                    await self._as_tenant(operations.take_over, self.lease)
                    await sync.read_symbols()
                    has_begun = True
                self._is_up = True
                await self._note_fresh()
            except PlatformError as failure:
                self._is_up, error = False, str(failure)
            except Exception as failure:
                self._is_up, error = False, type(failure).__name__
                log.exception("connector.link_fault")
            if self._is_up != was_up or time.monotonic() - noted_at > 15:
                noted_at = time.monotonic()
                with contextlib.suppress(Exception):
                    await self._as_tenant(
                        connections.record_link,
                        self.lease.platform_id,
                        is_up=self._is_up,
                        error=error,
                        latency_ms=latency,
                    )
            _end_if_cancelled()
            await asyncio.sleep(self._pace.link if self._is_up else self._pace.reconnect)

    async def _note_fresh(self) -> None:
        """Tell open pages that the link to the platform is alive."""
        with contextlib.suppress(redis.RedisError):
            await self._messages.set(wire.link_key(self.lease.tenant_id), f"{clock.now().timestamp():.1f}")

    async def _listen(self, platform: TradingPlatform) -> None:
        """Send what arrives by message at once. Without Redis the rows are found within a second."""
        key = wire.requests_key(self.lease.tenant_id, self.lease.platform_id)
        while True:
            try:
                found = await self._messages.brpop([key], timeout=2)
            except redis.RedisError:
                _end_if_cancelled()
                await asyncio.sleep(0.5)
                continue
            request = wire.decode_request(self.lease.tenant_id, _raw(found[1])) if found else None
            if request is not None:
                self._receive(request)
                self._start_waiting(platform)

    def _receive(self, request: wire.Request) -> None:
        self._waiting.setdefault(request.operation_id, request)
        if request.secrets:
            self._secrets[request.operation_id] = (time.monotonic() + SECRETS_KEPT_S, request.secrets)

    def _start_waiting(self, platform: TradingPlatform) -> None:
        if not self._is_up:
            return
        for operation_id in list(self._waiting):
            request = self._waiting.pop(operation_id)
            if operation_id not in self._sending:
                task = asyncio.create_task(self._execute(platform, request))
                self._sending[operation_id] = task
                task.add_done_callback(partial(self._sent, operation_id))

    def _sent(self, operation_id: UUID, _: asyncio.Task[None]) -> None:
        self._sending.pop(operation_id, None)

    async def _do_chores(self, platform: TradingPlatform) -> None:
        """What came by no message, what waited for the link, what nobody sent in time, and what is to be looked for."""
        now = time.monotonic()
        self._secrets = {key: kept for key, kept in self._secrets.items() if kept[0] > now}
        chores = await self._as_tenant(operations.chores, self.lease, is_up=self._is_up)
        for operation_id in chores.expired:
            self._waiting.pop(operation_id, None)
            await self._answer(operation_id, OperationState.REFUSED)
        for operation_id in chores.due:
            self._receive(wire.Request(operation_id))
        self._start_waiting(platform)
        for command in chores.looks:
            await self._look(platform, command)

    async def _execute(self, platform: TradingPlatform, request: wire.Request) -> None:
        """Send one operation and write down what became of it. Whatever fails on the way leaves it `sent`, to be
        looked for."""
        loop = asyncio.get_running_loop()
        send_by = loop.time() + self._send_within_s
        tenant, operation_id = self.lease.tenant_id, request.operation_id
        try:
            command = await self._as_tenant(operations.claim, operation_id, self.lease, self._name)
            if command is None:
                return
            try:
                result = await sending.send(platform, command, request.secrets, send_by)
            except (Refused, PlatformUnavailable, NotPermitted) as error:
                code, reason = sending.refusal(error)
                state = await self._as_tenant(operations.record_refused, operation_id, code, reason)
            except OutcomeUnknown as error:
                state = await self._as_tenant(operations.record_unknown, operation_id, str(error))
            else:
                state = await self._as_tenant(operations.record_confirmed, operation_id, result)
            await self._answer(operation_id, state)
            if state.is_done and command.kind.moves_money:
                await self._messages.sadd(wire.refresh_key(tenant, self.lease.platform_id), str(command.login))
        except redis.RedisError:
            log.warning("connector.no_redis", operation=str(operation_id))
        except Exception:
            log.exception("connector.operation_fault", operation=str(operation_id))

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
            await self._as_tenant(operations.record_look_failed, operation_id, str(error), needs_person=needs_person)
            return
        if sight.needs_person:
            await self._as_tenant(operations.record_look_failed, operation_id, sight.needs_person, needs_person=True)
        elif sight.result is not None:
            await self._as_tenant(operations.record_confirmed, operation_id, sight.result, looked=True)
        else:
            await self._as_tenant(operations.record_absent, operation_id)


def _end_if_cancelled() -> None:
    """Go on being cancelled: a library that turns a cancellation into an error of its own would keep the task alive."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _name_of(work: Callable[..., object], args: tuple[object, ...]) -> str:
    inner = args[0] if args and callable(args[0]) else work
    return getattr(inner, "__name__", str(inner))


def _raw(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
