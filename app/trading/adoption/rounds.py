"""What the owner of a connection reads for an adoption: accounts, the balance at which each begins, and the past.

One request at a time. Everything read is stored before the next is asked for, so a connector that dies loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from app.trading import ingest
from app.trading.adoption import rules
from app.trading.adoption.rules import Opening
from app.trading.adoption.service import logins, runs
from app.trading.adoption.service.runs import Past, Reading
from app.trading.ingest import Batch
from app.trading.platforms.base import AccountRecord, Deal, PlatformError, Refused, TradingPlatform
from app.trading.queries.leases import Lease

if TYPE_CHECKING:
    from app.trading.connector.threads import Threads

P = ParamSpec("P")
R = TypeVar("R")

PAUSE_S: Final = 1.0
RECORDS_PER_BATCH: Final = 500
DEALS_PER_BATCH: Final = 500
ACCOUNTS_PER_BATCH: Final = 50  # Taking one over writes a dozen rows, and holds the numbering of intake meanwhile.
ASKED_SINGLY_MAX: Final = 5  # So few logins of a group are asked one by one; for more, the group is read.
_DAY_MSC: Final = 86_400_000
_HOUR_MSC: Final = 3_600_000


class AdoptionRound:
    """The adoption work of one owned connection. `work` does what is wanted now and returns."""

    def __init__(self, lease: Lease, threads: Threads, platform: TradingPlatform) -> None:
        self._lease = lease
        self._threads = threads
        self._platform = platform

    async def work(self) -> None:
        """Read accounts that a run wants, take over logins that have their client, and read a piece of the past."""
        wanted = await self._tenant(runs.wanted, self._lease.platform_id)
        if wanted.reading is not None:
            await self._read(wanted.reading)
        for group, members in wanted.matched.items():
            await self._take_over(group, members)
        if wanted.past is not None:
            await self._read_past(wanted.past)

    async def _read(self, reading: Reading) -> None:
        try:
            known = {group.name: group for group in await self._platform.groups()}
            if not reading.is_resolved:
                await self._tenant(runs.record_groups, reading.run_id, sorted(known))
                return  # The next round begins with the first of them.
            for name in reading.groups:
                if name in known:
                    records = await self._platform.read_accounts(name)
                    for begin in range(0, len(records), RECORDS_PER_BATCH):
                        some = records[begin : begin + RECORDS_PER_BATCH]
                        await self._tenant(runs.store_accounts, reading.run_id, known[name], some)
                await self._tenant(runs.record_group_read, reading.run_id, name)
            await self._tenant(runs.record_all_read, reading.run_id, await self._platform.server_time_msc())
        except PlatformError as error:
            await self._tenant(runs.note_error, reading.run_id, str(error))
            raise

    async def _take_over(self, group: str, members: Sequence[int]) -> None:
        """Find the balance at which each of these logins begins, and make them accounts of ours.

        A login that is trading at this very moment is left for the next round.
        """
        at_msc = (await self._platform.server_time_msc() - rules.SETTLED_MSC) // 1000 * 1000
        is_few = len(members) <= ASKED_SINGLY_MAX
        before = await self._records(group, members, is_few)
        deals = await self._deals(group, members, is_few, at_msc)
        after = await self._records(group, members, is_few)
        gone = [login for login in members if login not in before or login not in after]
        if gone and not is_few:  # Somebody may have moved them to another group since they were read.
            for login in gone[:ASKED_SINGLY_MAX]:
                await self._take_over(group, [login])
        elif gone:
            await self._tenant(logins.record_gone, self._lease.platform_id, gone)
        found = [
            opening
            for login in members
            if login in before
            and login in after
            and (opening := rules.opening(before[login], after[login], deals, at_msc)) is not None
        ]
        await self._fill(group, [opening.record.login for opening in found], at_msc, is_few)
        for begin in range(0, len(found), ACCOUNTS_PER_BATCH):
            await self._adopt(found[begin : begin + ACCOUNTS_PER_BATCH])

    async def _adopt(self, openings: Sequence[Opening]) -> None:
        await self._tenant(logins.adopt, self._lease.platform_id, openings)

    async def _records(self, group: str, members: Sequence[int], is_few: bool) -> dict[int, AccountRecord]:
        if not is_few:
            wanted = set(members)
            return {r.login: r for r in await self._platform.read_accounts(group) if r.login in wanted}
        found = {}
        for login in members:
            try:
                found[login] = await self._platform.read_account(login)
            except Refused:
                continue
        return found

    async def _deals(self, group: str, members: Sequence[int], is_few: bool, at_msc: int) -> list[Deal]:
        until = at_msc + _DAY_MSC
        if not is_few:
            return await self._platform.deals_since([group], at_msc, until)
        deals: list[Deal] = []
        for login in members:
            deals += await self._platform.deals_of(login, at_msc, until)
        return deals

    async def _fill(self, group: str, members: Sequence[int], at_msc: int, is_few: bool) -> None:
        """The deals between the end of the past that was read and now, of logins that got their client late."""
        if not members:
            return
        since = await self._tenant(logins.late_from, self._lease.platform_id, members)
        if since is None:
            return
        begin, wanted = since - _HOUR_MSC, set(members)
        while begin < at_msc:
            _, until = rules.history_slice(begin, at_msc)
            if is_few:
                deals = [deal for login in members for deal in await self._platform.deals_of(login, begin, until)]
            else:
                deals = await self._platform.deals_since([group], begin, until)
            await self._store([deal for deal in deals if deal.login in wanted])
            begin = until

    async def _read_past(self, past: Past) -> None:
        """One stretch of the past, group after group; read again after a crash, it changes nothing."""
        count = 0
        started = time.monotonic()
        try:
            for group in past.groups:
                deals = await self._platform.deals_since([group], past.from_msc, past.to_msc)
                kept = [deal for deal in deals if deal.login not in past.ignored]
                await self._store(kept)
                count += len(kept)
        except PlatformError as error:
            text = f"{error} ({time.monotonic() - started:.0f} s)"
            await self._tenant(runs.note_error, past.run_id, text)
            raise
        await self._tenant(runs.record_past_read, past.run_id, past.from_msc, past.to_msc, count)

    async def _store(self, deals: Sequence[Deal]) -> None:
        for begin in range(0, len(deals), DEALS_PER_BATCH):
            await self._tenant(
                ingest.store, self._lease.platform_id, Batch(deals=deals[begin : begin + DEALS_PER_BATCH])
            )

    async def _tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self._lease.tenant_id, work, *args, **kwargs)
