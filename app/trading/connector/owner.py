"""One owned connection: keeps the link, follows the platform, takes in what it pushes. Lives as long as the lease."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import redis
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from app.kit import clock
from app.trading import wire
from app.trading.connector import troubles
from app.trading.connector.codes import Codes
from app.trading.connector.dispatch import Dispatch, end_if_cancelled
from app.trading.connector.inbox import Inbox
from app.trading.connector.making import make_platform
from app.trading.connector.notes import Notes
from app.trading.connector.pace import Pace
from app.trading.connector.sync import Sync
from app.trading.connector.threads import Threads
from app.trading.connector.troubles import Troubles, trouble_of
from app.trading.link_tests.rounds import LinkTests
from app.trading.platforms.base import PlatformError, TradingPlatform, Trouble
from app.trading.queries import platforms as platform_queries
from app.trading.queries.leases import Lease
from app.trading.service import connections, operations
from app.trading.service.connections import ConnectionSettings, NotConfigured
from app.trading.sync_health.models import GapReason, LatencyKind

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")


class _Reconfigured(Exception):
    """The platform's settings or secrets are others than those in use."""


class Owner:
    """The work on one leased connection. `run` returns only when it is cancelled; `drain` comes before that."""

    def __init__(self, lease: Lease, name: str, threads: Threads, messages: Redis, pace: Pace) -> None:
        self.lease = lease
        self._threads = threads
        self._messages = messages
        self._pace = pace
        self._is_up = False
        self._settings: ConnectionSettings | None = None
        self._notes = Notes(lease, threads)
        self._troubles = Troubles(lease, threads)
        self._dispatch = Dispatch(lease, name, threads, messages, self._notes.latencies)
        self._inbox = Inbox(lease, threads, self._troubles, self._notes.latencies)

    @property
    def is_calm(self) -> bool:
        """Whether this is a good moment to hand the connection over."""
        return self._dispatch.is_calm and not self._inbox.rows

    async def drain(self) -> None:
        """Finish what is being sent and begin nothing more. Afterwards the lease may be given back."""
        await self._dispatch.drain()

    async def run(self) -> None:
        """Connect and work. Ends by cancellation, after what is being sent has been answered."""
        log.info(
            "connector.own", tenant=self.lease.tenant_id, platform=str(self.lease.platform_id), epoch=self.lease.epoch
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._dispatch.listen())
                group.create_task(self._repeat(self._pace.due, self._dispatch.do_chores))
                group.create_task(self._inbox.run())
                group.create_task(self._repeat(self._pace.notes, self._keep_notes))
                group.create_task(self._serve())
        finally:
            self._notes.end()

    async def _serve(self) -> None:
        """Work with the platform as it is configured, anew whenever that changes."""
        while True:
            settings, platform = await self._configured()
            self._settings = settings
            self._dispatch.send_within_s = settings.send_within_s
            self._dispatch.at_once = max(2, 2 * settings.connections)
            try:
                await self._work(platform)
            except* _Reconfigured:
                log.info("connector.reconfigured", platform=str(self.lease.platform_id))
            finally:
                self._is_up, self._dispatch.platform = False, None
                await self._dispatch.settle(5)
                await platform.close()

    async def _work(self, platform: TradingPlatform) -> None:
        sync = Sync(self.lease, self._threads, self._messages, platform, self._pace)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_link(platform, sync))
            group.create_task(self._repeat(self._pace.reconfigure, self._compare_settings))
            group.create_task(self._check_groups(platform))
            tests = LinkTests(self.lease, self._threads, platform)
            group.create_task(self._repeat(self._pace.due, tests.test_if_asked))
            if self._settings is not None and self._settings.plant is not None and self._settings.plant.copy_page:
                codes = Codes(self.lease, self._messages, platform)
                group.create_task(self._repeat(0, codes.answer_one))
            if platform.capabilities.has_push:
                group.create_task(self._repeat(self._pace.link, self._take_reports, platform))
            for pause, work in sync.rounds():
                group.create_task(self._repeat(pause, self._if_up, work))

    async def _configured(self) -> tuple[ConnectionSettings, TradingPlatform]:
        """The platform and how it is reached. Waits until it can be known."""
        while True:
            try:
                settings = await self._as_tenant(connections.connection_settings, self.lease.platform_id)
                self._troubles.label = self._dispatch.label = await self._notes.name()
                return settings, _made(settings, self._pace)
            except NotConfigured as error:
                await self._troubles.note(troubles.LINK, error)
                await self._record_link(str(error), None)
            except SQLAlchemyError as error:
                log.warning("connector.no_database", error=type(error).__name__)
            await asyncio.sleep(min(5.0, self._pace.reconfigure))

    async def _compare_settings(self) -> None:
        """End the work when the platform is to be reached in another way. A secret that is gone is no reason: what is
        open stays open."""
        try:
            settings = await self._as_tenant(connections.connection_settings, self.lease.platform_id)
        except NotConfigured:
            return
        if settings != self._settings:
            raise _Reconfigured

    async def _as_tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self.lease.tenant_id, work, *args, **kwargs)

    async def _repeat(self, pause: float, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Do something over and over. A fault is logged and written down, and does not end it."""
        name = _name_of(work, args)
        while True:
            try:
                await work(*args)
                await self._troubles.over(name)
            except _Reconfigured:
                raise
            except (PlatformError, redis.RedisError, SQLAlchemyError) as error:
                log.info("connector.round_failed", work=name, error=_told(error))
                await self._note_round(name, error)
            except Exception as error:
                log.exception("connector.round_failed", work=name)
                await self._note_round(name, error)
            end_if_cancelled()
            await asyncio.sleep(pause)

    async def _note_round(self, name: str, error: Exception) -> None:
        """A round that fails because the link is down says nothing that the link does not say itself."""
        if self._is_up or not isinstance(error, PlatformError):
            await self._troubles.note(name, error)

    async def _if_up(self, work: Callable[[], Awaitable[None]]) -> None:
        if self._is_up:
            await work()

    async def _keep_link(self, platform: TradingPlatform, sync: Sync) -> None:
        """Know whether the platform answers; take over what an earlier owner left when it does for the first time."""
        noted_at = 0.0
        has_begun = False
        while True:
            was_up, latency = self._is_up, None
            failed: Exception | None = None
            try:
                if not self._is_up:
                    await platform.connect()
                started = time.perf_counter()
                await platform.ping()
                latency = (time.perf_counter() - started) * 1000
                self._notes.time(LatencyKind.PING, latency)
                if not self._is_up:
                    await sync.measure_clock()
                if not has_begun:
                    await self._begin(platform, sync)
                    has_begun = True
                self._is_up, self._dispatch.platform = True, platform
                self._dispatch.start_waiting()
                await self._note_fresh()
            except PlatformError as error:
                self._is_up, self._dispatch.platform, failed = False, None, error
            except Exception as error:
                self._is_up, self._dispatch.platform, failed = False, None, error
                log.exception("connector.link_fault")
            if failed is None:
                await self._troubles.over(troubles.LINK)
            else:
                await self._troubles.note(troubles.LINK, failed)
            if self._is_up != was_up or time.monotonic() - noted_at > 15:
                noted_at = time.monotonic()
                await self._record_link(_told(failed) if failed else "", latency)
            end_if_cancelled()
            await asyncio.sleep(self._pace.link if self._is_up else self._pace.reconnect)

    async def _begin(self, platform: TradingPlatform, sync: Sync) -> None:
        await self._as_tenant(operations.take_over, self.lease)
        await sync.read_symbols()
        if platform.capabilities.has_push:  # What was pushed to an earlier owner and not stored is read again.
            await self._as_tenant(connections.want_catch_up, self.lease.platform_id, because=GapReason.MOVED)

    async def _record_link(self, error: str, latency: float | None) -> None:
        self._notes.is_up = self._is_up
        with contextlib.suppress(SQLAlchemyError):
            await self._as_tenant(
                connections.record_link,
                self.lease.platform_id,
                is_up=self._is_up,
                error=error,
                latency_ms=latency,
            )

    async def _note_fresh(self) -> None:
        """Tell open pages that the link to the platform is alive."""
        with contextlib.suppress(redis.RedisError):
            seen = f"{clock.now().timestamp():.1f}"
            await self._messages.hset(wire.link_key(self.lease.tenant_id), str(self.lease.platform_id), seen)

    async def _take_reports(self, platform: TradingPlatform) -> None:
        """Take in what the platform pushes, until the link is lost."""
        if self._is_up:
            async for report in platform.reports():
                self._inbox.put(report)

    async def _check_groups(self, platform: TradingPlatform) -> None:
        """Know whether the groups that the bundle names exist on the platform: in one that does not, nothing can be
        opened, and readings of it are silently empty."""
        while True:
            is_sound = not self._is_up
            try:
                if self._is_up:
                    wanted = await self._as_tenant(platform_queries.groups_in_use, self.lease.platform_id)
                    there = {group.name.lower() for group in await platform.groups()}
                    missing = [name for name in wanted if name.lower() not in there]
                    if missing:
                        await self._troubles.say(troubles.GROUPS, Trouble.UNKNOWN_GROUP, ", ".join(missing))
                    else:
                        await self._troubles.over(troubles.GROUPS)
                        is_sound = True
            except (PlatformError, SQLAlchemyError) as error:
                if self._is_up and trouble_of(error) is Trouble.MISSING_RIGHT:
                    await self._troubles.note(troubles.GROUPS, error)
            except Exception:
                log.exception("connector.round_failed", work=troubles.GROUPS)
            end_if_cancelled()
            is_settled = self._is_up and is_sound
            await asyncio.sleep(self._pace.groups if is_settled else min(self._pace.groups_in_trouble, 30))

    async def _keep_notes(self) -> None:
        await self._notes.write(operations=self._dispatch.waiting, reports=self._inbox.rows)


def _made(settings: ConnectionSettings, pace: Pace) -> TradingPlatform:
    try:
        return make_platform(settings, pace)
    except ssl.SSLError:
        raise NotConfigured("The pinned certificate authority cannot be read.") from None


def _told(error: BaseException) -> str:
    """A failure as it may be shown and logged: what a database says may hold values."""
    return str(error) if isinstance(error, PlatformError) else type(error).__name__


def _name_of(work: Callable[..., object], args: tuple[object, ...]) -> str:
    inner = args[0] if args and callable(args[0]) else work
    return getattr(inner, "__name__", str(inner))
