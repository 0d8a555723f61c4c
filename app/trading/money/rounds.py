"""The comparison with a platform, as the owner of its connection carries it out: slowly, and twice where it differs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from app.trading.money.queries import runs as run_queries
from app.trading.money.queries.runs import Held
from app.trading.money.service import reconciliation
from app.trading.money.service.reconciliation import Task
from app.trading.platforms.base import AccountRecord, NotPermitted, PlatformError, Refused, TradingPlatform
from app.trading.queries import platforms as platform_queries
from app.trading.queries.leases import Lease

if TYPE_CHECKING:
    from app.trading.connector.threads import Threads

P = ParamSpec("P")
R = TypeVar("R")

PAUSE_S: Final = 5.0
_DAY_MSC: Final = 86_400_000
_QUIET_MSC: Final = 5_000  # The newest deals may still be on their way through the access server.

Figures = dict[int, Decimal]


class ReconciliationRound:
    """The comparisons of one owned connection. `work` carries out the run that is due, if one is, and returns."""

    def __init__(self, lease: Lease, threads: Threads, platform: TradingPlatform, settles_s: float) -> None:
        self._lease = lease
        self._threads = threads
        self._platform = platform
        self._settles_s = settles_s
        self._pause_s = 0.0
        self._requests = 0

    async def work(self) -> None:
        """Compare balances, credit, numbers of deals and house wallets, when it is time or somebody asked."""
        task = await self._tenant(reconciliation.begin, self._lease.platform_id)
        if task is None:
            return
        self._pause_s, self._requests = 1 / task.requests_per_s, 0
        try:
            await self._compare(task)
        except PlatformError as error:
            await self._tenant(reconciliation.fail, task.run_id, str(error), self._requests)
            raise
        await self._tenant(reconciliation.finish, task.run_id, self._requests)

    async def _compare(self, task: Task) -> None:
        doubtful = await self._compare_money(task)
        await self._compare_counts(task, doubtful)

    async def _compare_money(self, task: Task) -> set[int]:
        """Compare balance and credit of every account; answers the logins that differ."""
        theirs, ours = await self._accounts()
        if _differing(theirs, ours):
            await asyncio.sleep(self._settles_s)
            again, ours_again = await self._accounts()
            for login, record in again.items():
                if _figures(theirs, ours, login) != _figures(again, ours_again, login):
                    ours_again[login] = _agreeing(ours_again[login], record)  # It moves: the next run sees it at rest.
            theirs, ours = again, ours_again
        balances = {login: record.balance for login, record in theirs.items()}
        await self._record(task, "balance", balances, {login: held.balance for login, held in ours.items()})
        known = {login: record.credit for login, record in theirs.items() if ours[login].is_credit_known}
        await self._record(task, "credit", known, {login: held.credit for login, held in ours.items()})
        return _differing(theirs, ours)

    async def _accounts(self) -> tuple[dict[int, AccountRecord], dict[int, Held]]:
        """(what the platform says, what we hold) of every account in use."""
        theirs: dict[int, AccountRecord] = {}
        for group in await self._tenant(platform_queries.groups_in_use, self._lease.platform_id):
            try:
                records = await self._ask(partial(self._platform.read_accounts, group))
            except (Refused, NotPermitted):
                continue  # A type of account names a group that is not there; the status page says so.
            theirs |= {record.login: record for record in records}
        ours = await self._tenant(run_queries.held, self._lease.platform_id)
        for login in sorted(ours.keys() - theirs.keys()):  # They lie in a group that is none of ours.
            try:
                theirs[login] = await self._ask(partial(self._platform.read_account, login))
            except NotPermitted:
                continue  # What we may not look at does not differ.
            except Refused:
                theirs[login] = _gone(login)
        return {login: record for login, record in theirs.items() if login in ours}, ours

    async def _compare_counts(self, task: Task, doubtful: set[int]) -> None:
        """Compare how many deals each account has that had any in the last day, that differs, or that differed when it
        was last counted."""
        until = await self._ask(self._platform.server_time_msc) - _QUIET_MSC
        begin = until - _DAY_MSC
        active = await self._tenant(run_queries.active_logins, self._lease.platform_id, begin, until)
        since = dict.fromkeys([*active, *doubtful], begin)
        for login, age_msc in (await self._tenant(run_queries.counts_in_doubt, self._lease.platform_id)).items():
            since[login] = min(begin, until - age_msc - 2 * _DAY_MSC)
        theirs: Figures = {}
        ours: Figures = {}
        differing = []
        for login in sorted(since):
            theirs[login], ours[login] = await self._count(login, since[login], until)
            if theirs[login] != ours[login]:
                differing.append(login)
        if differing:
            await asyncio.sleep(self._settles_s)
        for login in differing:
            theirs[login], ours[login] = await self._count(login, since[login], until)
        await self._record(task, "deal_count", theirs, ours)

    async def _count(self, login: int, begin: int, until: int) -> tuple[Decimal, Decimal]:
        try:
            theirs = await self._ask(lambda: self._platform.count_deals(login, begin, until))
        except (Refused, NotPermitted):
            return Decimal(0), Decimal(0)  # An account that is not there differs by its balance.
        return Decimal(theirs), Decimal(
            await self._tenant(run_queries.count_of, self._lease.platform_id, login, begin, until)
        )

    async def _record(self, task: Task, kind: str, theirs: Mapping[int, Decimal], ours: Mapping[int, Decimal]) -> None:
        await self._tenant(reconciliation.record, task.run_id, kind, theirs, ours)

    async def _ask(self, question: Callable[[], Awaitable[R]]) -> R:
        """Ask the platform, no oftener than the brand allows."""
        await asyncio.sleep(self._pause_s)
        self._requests += 1
        return await question()

    async def _tenant(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.as_tenant(self._lease.tenant_id, work, *args, **kwargs)


def _differing(theirs: Mapping[int, AccountRecord], ours: Mapping[int, Held]) -> set[int]:
    return {
        login
        for login, record in theirs.items()
        if record.balance != ours[login].balance
        or (ours[login].is_credit_known and record.credit != ours[login].credit)
    }


def _figures(theirs: Mapping[int, AccountRecord], ours: Mapping[int, Held], login: int) -> tuple[object, ...]:
    record, held = theirs.get(login), ours.get(login)
    return (record.balance, record.credit, held.balance, held.credit) if record and held else ()


def _agreeing(held: Held, record: AccountRecord) -> Held:
    return Held(held.login, record.balance, record.credit, held.is_credit_known)


def _gone(login: int) -> AccountRecord:
    nothing = Decimal(0)
    return AccountRecord(
        login=login, group="", name="", leverage=0, rights=0, balance=nothing, credit=nothing, comment=""
    )
