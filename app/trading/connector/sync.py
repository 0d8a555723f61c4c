"""Keeping rows and platform in step: clock, deals, figures of watched accounts, settings, and the comparison."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import redis
from redis.asyncio import Redis

from app.kit import clock
from app.trading import ingest, wire
from app.trading.adoption import rounds as adoption
from app.trading.connector.catching_up import DAY_MSC, QUIET_MSC, CatchingUp
from app.trading.connector.pace import Pace
from app.trading.connector.threads import Threads
from app.trading.copies import rounds as copies
from app.trading.ingest import Batch
from app.trading.money import rounds as reconciliation
from app.trading.platforms.base import NotPermitted, Refused, TradingPlatform
from app.trading.queries import platforms as platform_queries
from app.trading.queries.leases import Lease
from app.trading.service import connections, proof, trading_locks

P = ParamSpec("P")
R = TypeVar("R")

LOGINS_PER_BATCH: Final = 200
_CLOCK_EVERY_S: Final = 60.0


class Sync:
    """The rounds of one owned connection."""

    def __init__(self, lease: Lease, threads: Threads, messages: Redis, platform: TradingPlatform, pace: Pace) -> None:
        self._lease = lease
        self._threads = threads
        self._messages = messages
        self._platform = platform
        self._pace = pace
        self._clock_read_at = 0.0
        self._compared_at = 0.0

    def rounds(self) -> Sequence[tuple[float, Callable[[], Awaitable[None]]]]:
        """What is done over and over while the link is up, and the pause between."""
        return (
            (min(1.0, self._pace.catch_up_without_bridge), self.catch_up),
            (self._pace.figures, self.read_watched),
            (self._pace.refresh, self.read_refreshed),
            (self._pace.refresh, self.read_asked),
            (self._pace.settings, self.read_settings),
            (self._pace.locks, self.enforce_locks),
            (min(60.0, self._pace.comparison), self.compare),
            (
                min(reconciliation.PAUSE_S, self._pace.catch_up),
                reconciliation.ReconciliationRound(self._lease, self._threads, self._platform, self._pace.settles).work,
            ),
            (adoption.PAUSE_S, adoption.AdoptionRound(self._lease, self._threads, self._platform).work),
            (
                min(copies.PAUSE_S, self._pace.settings),
                copies.CopiesRound(self._lease, self._threads, self._platform).work,
            ),
        )

    async def measure_clock(self) -> int | None:
        """Read the platform's clock and keep its offset. Answers its time, or None when it cannot be believed."""
        before = clock.now()
        server_msc = await self._platform.server_time_msc()
        measured_at = before + (clock.now() - before) / 2
        is_right = await self._tenant(connections.record_server_time, self._lease.platform_id, server_msc, measured_at)
        self._clock_read_at = time.monotonic()
        return server_msc if is_right else None

    async def catch_up(self) -> None:
        """Read the deals of an overlapping window and store what is new, changed or gone."""
        plan = await self._tenant(
            connections.plan_catch_up,
            self._lease.platform_id,
            every_s=self._pace.catch_up,
            without_bridge_s=self._pace.catch_up_without_bridge,
            is_told=self._platform.capabilities.has_push,
        )
        if plan is None:
            if time.monotonic() - self._clock_read_at > _CLOCK_EVERY_S:
                await self.measure_clock()
            return
        server_msc = await self.measure_clock()
        if server_msc is None:
            return
        await CatchingUp(self._lease, self._threads, self._platform, plan).run(server_msc)
        await self._tenant(connections.record_caught_up, self._lease.platform_id, server_msc, plan.reason)

    async def read_watched(self) -> None:
        """The figures of accounts on open pages."""
        try:
            clients = await self._watched_clients()
        except redis.RedisError:
            return
        if clients:
            await self._read_figures(
                await self._tenant(platform_queries.logins_of_clients, self._lease.platform_id, clients)
            )

    async def _watched_clients(self) -> list[UUID]:
        """Clients whose page has an open stream, or was opened a moment ago. The others are forgotten."""
        tenant = self._lease.tenant_id
        key = wire.watch_key(tenant)
        rows: list[Any] = await self._messages.zrange(key, 0, -1, withscores=True)
        noted = [(_text(name), float(at)) for name, at in rows]
        if not noted:
            return []
        open_pages = await self._messages.mget([wire.page_key(tenant, name) for name, _ in noted])
        newest = clock.now().timestamp() - wire.PAGE_OPENS_WITHIN_S
        watched = [name for (name, at), page in zip(noted, open_pages, strict=True) if page or at > newest]
        gone = {name for name, _ in noted} - set(watched)
        if gone:
            await self._messages.zrem(key, *gone)
        return [UUID(name) for name in watched]

    async def read_refreshed(self) -> None:
        """The figures of accounts that have just traded: their deal is stored before their state is."""
        key = wire.refresh_key(self._lease.tenant_id, self._lease.platform_id)
        try:
            members = await self._messages.spop(key, LOGINS_PER_BATCH)
        except redis.RedisError:
            return
        if members:
            await asyncio.sleep(self._pace.refresh)
            await self._read_figures([int(member) for member in members])

    async def read_asked(self) -> None:
        """Accounts that somebody wants to see as they are now."""
        try:
            members = await self._messages.spop(wire.reading_key(self._lease.tenant_id, self._lease.platform_id), 20)
        except redis.RedisError:
            return
        for member in members or ():
            try:
                record = await self._platform.read_account(int(member))
            except (Refused, NotPermitted):
                continue
            await self._tenant(ingest.store, self._lease.platform_id, Batch(accounts=[record]))
            await self._read_figures([int(member)])

    async def _read_figures(self, logins: Sequence[int]) -> None:
        for begin in range(0, len(logins), LOGINS_PER_BATCH):
            some = logins[begin : begin + LOGINS_PER_BATCH]
            states, positions = await asyncio.gather(self._platform.read_states(some), self._platform.positions(some))
            batch = Batch(states=states, positions=positions, whole_positions_of=some)
            await self._tenant(ingest.store, self._lease.platform_id, batch)

    async def read_settings(self) -> None:
        """Leverage, group, rights and balance of every account, and the figures that follow from them."""
        unseen = set(await self._tenant(platform_queries.logins_of, self._lease.platform_id))
        for group in await self._tenant(platform_queries.groups_in_use, self._lease.platform_id):
            accounts = await self._platform.read_accounts(group)
            unseen -= {account.login for account in accounts}
            for begin in range(0, len(accounts), LOGINS_PER_BATCH):
                batch = Batch(accounts=accounts[begin : begin + LOGINS_PER_BATCH])
                await self._tenant(ingest.store, self._lease.platform_id, batch)
        await self._find_moved(random.sample(sorted(unseen), min(len(unseen), LOGINS_PER_BATCH)))
        await self.read_symbols()

    async def _find_moved(self, logins: Sequence[int]) -> None:
        """Accounts of ours that lie in none of our groups: where they were moved, so that their deals are read there.
        What they did there before we knew is read again."""
        moved = []
        for login in logins:
            try:
                moved.append(await self._platform.read_account(login))
            except (Refused, NotPermitted):
                continue
        if moved:
            await self._tenant(ingest.store, self._lease.platform_id, Batch(accounts=moved))
            await self._tenant(connections.want_catch_up, self._lease.platform_id)

    async def enforce_locks(self) -> None:
        """Rights that somebody changed on the platform, and locks that began or ended by the clock."""
        for login in await self._tenant(trading_locks.drifted_logins, self._lease.platform_id):
            read_at = clock.now()
            try:
                record = await self._platform.read_account(login)
            except (Refused, NotPermitted):
                continue
            await self._tenant(trading_locks.note_reading, self._lease.platform_id, record, read_at)
        await self._tenant(trading_locks.enforce_on, self._lease.platform_id)

    async def read_symbols(self) -> None:
        """The platform's instruments."""
        symbols = await self._platform.symbols()
        await self._tenant(ingest.store_symbols, self._lease.platform_id, symbols)

    async def compare(self) -> None:
        """Compare balances by the platform with balances by our deals. A difference counts when it is there twice."""
        if time.monotonic() - self._compared_at < self._pace.comparison:
            return
        theirs, ours = await self._balances()
        if any(balance != ours.get(login, Decimal(0)) for login, balance in theirs.items()):
            await asyncio.sleep(self._pace.settles)
            theirs_again, ours_again = await self._balances()
            for login, balance in theirs_again.items():  # What moved meanwhile was only on its way.
                if (theirs.get(login), ours.get(login)) != (balance, ours_again.get(login)):
                    ours_again[login] = balance
            theirs, ours = theirs_again, ours_again
        await self._tenant(proof.compare, self._lease.platform_id, "balance", theirs, ours)
        await self._compare_counts()
        self._compared_at = time.monotonic()

    async def _compare_counts(self) -> None:
        """Compare how many deals accounts with activity have in the last day, by the platform and by our rows."""
        first = await self._counts()
        if first[0] != first[1]:
            await asyncio.sleep(self._pace.settles)
            second = await self._counts()
            for login, count in second[0].items():
                if first[0].get(login) == first[1].get(login):
                    second[1][login] = count  # It agreed a moment ago: what is new is only on its way.
            first = second
        await self._tenant(proof.compare, self._lease.platform_id, "deal_count", *first)

    async def _counts(self) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
        until = await self._platform.server_time_msc() - QUIET_MSC
        begin = until - DAY_MSC
        ours = await self._tenant(platform_queries.deal_counts, self._lease.platform_id, begin, until, LOGINS_PER_BATCH)
        theirs = {login: Decimal(await self._platform.count_deals(login, begin, until)) for login in ours}
        return theirs, ours

    async def _balances(self) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
        """(theirs, ours) of our logins."""
        theirs: dict[int, Decimal] = {}
        for group in await self._tenant(platform_queries.groups_in_use, self._lease.platform_id):
            theirs |= {account.login: account.balance for account in await self._platform.read_accounts(group)}
        ours = await self._tenant(platform_queries.balances_by_deals, self._lease.platform_id)
        known = set(await self._tenant(platform_queries.logins_of, self._lease.platform_id))
        return {login: balance for login, balance in theirs.items() if login in known}, ours

    async def _tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self._lease.tenant_id, work, *args, **kwargs)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
