"""What a platform pushes, on its way into the database: in order, in bounded memory, and never lost.

While the database is slow or away, reports wait here. When there is no more room, those that come are let go and the
platform is asked again for everything since, once the database takes what was kept. So a flood or a long stop of the
database costs time, not deals; and it costs other tenants nothing, since each connection has an inbox of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.kit import clock
from app.trading import ingest
from app.trading.connector import troubles
from app.trading.connector.threads import Threads
from app.trading.connector.troubles import Troubles
from app.trading.ingest import Batch, NoServerClock
from app.trading.platforms.base import AccountRecord, AccountState, Deal, Position, Report
from app.trading.queries.leases import Lease
from app.trading.service import connections
from app.trading.sync_health import metrics
from app.trading.sync_health.models import GapReason, LatencyKind
from app.trading.sync_health.service import Latencies

log = structlog.get_logger()

ROWS_MAX: Final = 20_000
ROWS_PER_BATCH: Final = 500
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0


def size_of(report: Report) -> int:
    """How much of the room a report takes."""
    return 1 + len(report.deals) + len(report.positions) + len(report.accounts) + len(report.states)


class Inbox:
    """The pushed reports of one connection. Belongs to one event loop; `run` stores what `put` has brought."""

    def __init__(
        self,
        lease: Lease,
        threads: Threads,
        known: Troubles,
        latencies: Latencies,
        *,
        rows_max: int = ROWS_MAX,
    ) -> None:
        self._lease = lease
        self._threads = threads
        self._troubles = known
        self._latencies = latencies
        self._rows_max = rows_max
        self._reports: deque[Report] = deque()
        self._rows = 0
        self._missed = 0
        self._news = asyncio.Event()
        self._label = known.label

    @property
    def rows(self) -> int:
        """How much waits."""
        return self._rows

    @property
    def has_missed(self) -> bool:
        """Whether something was let go that the platform must still be asked for again."""
        return self._missed > 0

    def put(self, report: Report) -> None:
        """Take a report in, or let it go and remember to ask again."""
        size = size_of(report)
        if self._reports and self._rows + size > self._rows_max:
            if not self._missed:
                log.warning("connector.overflow", platform=str(self._lease.platform_id), rows=self._rows)
                metrics.OVERFLOWS.labels(*self._troubles.label).inc()
            self._missed += 1
        else:
            self._reports.append(report)
            self._rows += size
        self._news.set()

    async def run(self) -> None:
        """Store what comes, for ever. What cannot be stored now stays first in line and is tried again."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._news.wait()
            some = self._first()
            try:
                if some:
                    await self._store(some)
                elif self._missed:
                    await self._ask_again()
                else:
                    self._news.clear()
                await self._troubles.over(troubles.REPORTS)
                pause = _FIRST_PAUSE_S
            except (SQLAlchemyError, NoServerClock) as error:
                await self._troubles.note(troubles.REPORTS, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            except Exception as error:
                # What can never be stored must not stand in the way of what can: the platform is asked for it instead.
                log.exception("connector.report_fault", platform=str(self._lease.platform_id))
                await self._troubles.note(troubles.REPORTS, error)
                self._drop(some)
                self._missed += 1
                await asyncio.sleep(pause)

    def _first(self) -> list[Report]:
        """The oldest reports, as many as one transaction takes. They stay in line until they are stored."""
        some: list[Report] = []
        rows = 0
        for report in self._reports:
            rows += size_of(report)
            if some and rows > ROWS_PER_BATCH:
                break
            some.append(report)
        return some

    def _drop(self, some: list[Report]) -> None:
        for report in some:
            assert self._reports[0] is report, "Reports leave in the order in which they came."
            self._reports.popleft()
            self._rows -= size_of(report)

    async def _store(self, some: list[Report]) -> None:
        await self._threads.as_tenant(self._lease.tenant_id, _store, self._lease.platform_id, some)
        committed_at = clock.now()
        for report in some:
            took = (committed_at - report.received_at).total_seconds()
            self._latencies.note(LatencyKind.EVENT, took * 1000)
            metrics.LATENCY.labels(*self._troubles.label, LatencyKind.EVENT.value).observe(max(took, 0))
        self._drop(some)

    async def _ask_again(self) -> None:
        missed = self._missed
        await self._threads.as_tenant(
            self._lease.tenant_id, connections.want_catch_up, self._lease.platform_id, because=GapReason.OVERFLOW
        )
        self._missed -= missed  # What was let go meanwhile is asked for in the next turn.


def _store(platform_id: UUID, reports: list[Report]) -> None:
    ingest.store(platform_id, batch_of(reports))
    ingest.want_refresh(platform_id, {deal.login for report in reports for deal in report.deals if deal.position_id})
    if any(report.gaps for report in reports):
        connections.want_catch_up(platform_id, because=GapReason.PLATFORM)


def batch_of(reports: list[Report]) -> Batch:
    """Reports as one batch: of each thing its last state."""
    deals: dict[int, Deal] = {}
    positions: dict[int, Position] = {}
    closed: dict[int, None] = {}
    accounts: dict[int, AccountRecord] = {}
    states: dict[int, AccountState] = {}
    for report in reports:
        deals.update((deal.ticket, deal) for deal in report.deals)
        for position in report.positions:
            positions[position.ticket] = position
            closed.pop(position.ticket, None)
        for ticket in report.closed_positions:
            closed[ticket] = None
            positions.pop(ticket, None)
        for account in report.accounts:
            accounts[account.login] = account
            states.pop(account.login, None)  # What it says of money is newer.
        states.update((state.login, state) for state in report.states)
    return Batch(
        deals=list(deals.values()),
        positions=list(positions.values()),
        closed_positions=list(closed),
        accounts=list(accounts.values()),
        states=list(states.values()),
    )
