"""When more comes than can be taken in: one tenant's flood is its own, and a slow or absent database loses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from app.core import db
from app.kit import clock
from app.ledger import service as ledger
from app.simulators.mt5 import SimServer
from app.simulators.mt5.faults import FaultKind
from app.trading.connector.inbox import Inbox, batch_of
from app.trading.connector.threads import Threads
from app.trading.connector.troubles import Troubles
from app.trading.models import OperationState
from app.trading.platforms.base import AccountState, Deal, Report
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.queries.leases import Lease
from app.trading.service import change_leverage, fund
from app.trading.sync_health import queries as health
from app.trading.sync_health.models import GapReason, LatencyKind, SyncGap
from app.trading.sync_health.service import Latencies
from tests.support.brands import Brand
from tests.support.loops import in_thread
from tests.support.servers import TestServers
from tests.trading.conftest import Connector, Desk, make_desk, wait_until
from tests.trading.test_connector import usd
from tests.trading.test_intake import closed, content, funded, trade
from tests.trading.test_scale import is_up, process
from tools import roles

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def other(simulator: SimServer, south: Brand) -> Desk:
    return make_desk(simulator, south)


@pytest.fixture
def administrator(servers: TestServers) -> Iterator[psycopg.Connection[Any]]:
    """A session past row security, in the database of this worker."""
    address = roles.libpq(roles.address_for(servers.admin, database=servers.database))
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def test_a_tenant_whose_work_blocks_leaves_threads_to_the_others() -> None:
    """A hundred pieces of one tenant that wait for something, and another tenant's piece is done at once."""
    go_on = threading.Event()

    async def story() -> None:
        threads = Threads(4, share=3, kept_back=1)
        scopes: list[int] = []

        def blocked() -> None:
            assert go_on.wait(30)

        def quick() -> None:
            scopes.append(db.tenant_id())

        flood = [asyncio.create_task(threads.as_tenant(1, blocked)) for _ in range(60)]
        flood += [asyncio.create_task(threads.urgently(1, blocked)) for _ in range(40)]
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(20):
                await asyncio.gather(*(threads.as_tenant(tenant, quick) for tenant in (2, 3, 2)))
                await threads.in_directory(lambda: None)
            assert sorted(scopes) == [2, 2, 3]
            assert threads.waiting(1) > 90
        finally:
            go_on.set()
        await asyncio.gather(*flood)
        assert threads.waiting(1) == 0
        threads.close()

    in_thread(story())


def test_what_somebody_waits_for_passes_what_the_same_tenant_has_in_line() -> None:
    order: list[str] = []

    async def story() -> None:
        threads = Threads(1, share=2, kept_back=0)
        patient = [threads.as_tenant(1, partial(order.append, f"patient {number}")) for number in range(3)]
        urgent = threads.urgently(1, partial(order.append, "urgent"))
        await asyncio.gather(*patient, urgent)
        threads.close()

    in_thread(story())
    assert order == ["patient 0", "urgent", "patient 1", "patient 2"]


def test_a_cancelled_piece_gives_its_thread_back() -> None:
    async def story() -> None:
        threads = Threads(1, share=1, kept_back=0)
        go_on = threading.Event()
        running = asyncio.create_task(threads.as_tenant(1, partial(go_on.wait, 30)))
        waiting = asyncio.create_task(threads.as_tenant(1, lambda: None))
        await asyncio.sleep(0.05)
        waiting.cancel()
        running.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        go_on.set()
        async with asyncio.timeout(20):
            assert await threads.as_tenant(2, lambda: "done") == "done"
        threads.close()

    in_thread(story())


def test_one_brands_blocked_rows_and_flood_of_commands_do_not_hold_up_another(
    desk: Desk, other: Desk, administrator: psycopg.Connection[Any]
) -> None:
    running = Connector()
    try:
        flooding, calm = desk.open(), other.open()
        with administrator.transaction():
            # Whatever is to be written about the first brand's platform and account waits from here on.
            administrator.execute(
                "SELECT FROM platform_status WHERE tenant_id = %s FOR NO KEY UPDATE", (desk.brand.id,)
            )
            administrator.execute(
                "SELECT FROM trading_account WHERE tenant_id = %s FOR NO KEY UPDATE", (desk.brand.id,)
            )
            flood = [_ask_unlocked(desk, flooding.id, number) for number in range(30)]
            wait_until(lambda: _sent(desk) > 0)

            for leverage in (200, 50, 500):
                assert other.outcome(other.ask(change_leverage, calm.id, leverage)) is OperationState.CONFIRMED
            assert not any(desk.operation(operation_id).state.is_final for operation_id in flood)
        for operation_id in flood:
            assert desk.outcome(operation_id, seconds=60).is_done
    finally:
        running.stop()


def _ask_unlocked(desk: Desk, account_id: UUID, number: int) -> UUID:
    """A command as a bulk change writes it: found by its row."""
    from app.trading.models import OperationKind, TradingAccount
    from app.trading.service import operations
    from tests.trading.conftest import SYSTEM

    with desk.scope():
        account = db.get(TradingAccount, account_id)
        assert account is not None
        row = operations.request(
            OperationKind.SET_LEVERAGE,
            account,
            key=f"flood:{number}",
            reference=f"FLOOD-{number}",
            by=SYSTEM,
            expires_s=600,
            payload={"leverage": (50, 100, 200)[number % 3]},
        )
        return row.id


def _sent(desk: Desk) -> int:
    with desk.scope():
        return health.operations_by_state(desk.platform_id).get("sent", 0)


def gaps_of(desk: Desk) -> list[SyncGap]:
    with desk.scope():
        return list(health.gaps(desk.platform_id, 50))


def stored(desk: Desk) -> int:
    with desk.scope():
        return int(db.execute_sql("SELECT count(*) FROM deal WHERE tenant_id = :tenant_id").scalar_one())


def deals_of(desk: Desk, login: int) -> list[Deal]:
    """The account's deals, as the adapter reads them."""

    async def read() -> list[Deal]:
        simulator = desk.simulator
        ca_pem = simulator.ca_file.read_text()
        endpoint = Endpoint(
            "localhost", simulator.port, simulator.manager_login, simulator.manager_password, ca_pem, "localhost"
        )
        platform = MT5Platform(endpoint)
        try:
            return await platform.deals_of(login, 0, 4_000_000_000_000)
        finally:
            await platform.close()

    return in_thread(read())


def test_a_locked_table_fills_the_inbox_and_what_does_not_fit_is_asked_again(
    desk: Desk, administrator: psycopg.Connection[Any]
) -> None:
    running = Connector()
    account = funded(desk)
    wait_until(lambda: all(gap.closed_at for gap in gaps_of(desk)) and stored(desk) == 1)
    running.stop()
    trade(desk, account, "0.05", parts=30)  # Nobody reads them: they come by push alone.
    pushed = [deal for deal in deals_of(desk, account.login or 0) if deal.position_id]
    assert len(pushed) == 31

    async def story() -> None:
        threads, latencies = Threads(), Latencies()
        lease = Lease(desk.brand.id, desk.platform_id, 1)
        inbox = Inbox(lease, threads, Troubles(lease, threads), latencies, rows_max=20)
        storing = asyncio.create_task(inbox.run())
        with administrator.transaction():
            administrator.execute("LOCK TABLE deal IN ACCESS EXCLUSIVE MODE")
            for deal in pushed:
                inbox.put(Report(received_at=clock.now(), deals=[deal]))
                await asyncio.sleep(0)
            assert inbox.has_missed
            assert inbox.rows <= 20  # Memory stays bounded however much comes.
        async with asyncio.timeout(30):
            while inbox.rows or inbox.has_missed:
                await asyncio.sleep(0.02)
        gathered = latencies.take()
        assert sum(gathered[LatencyKind.EVENT][0]) == 10  # Each report of one deal takes two places.
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
        threads.close()

    in_thread(story())
    (gap,) = [gap for gap in gaps_of(desk) if gap.reason is GapReason.OVERFLOW]
    assert gap.closed_at is None
    assert len(closed(desk)) < 30

    running = Connector()
    try:
        wait_until(lambda: len(closed(desk)) == 30)
        wait_until(lambda: all(gap.closed_at for gap in gaps_of(desk)))
    finally:
        running.stop()
    (gap,) = [gap for gap in gaps_of(desk) if gap.reason is GapReason.OVERFLOW]
    assert gap.deals == 21  # What had not fitted.
    assert len(content(closed(desk))) == 30


@contextmanager
def without_database(servers: TestServers) -> Iterator[None]:
    """As when the server is restarted: every connection of the product breaks, and new ones are refused."""
    name = sql.Identifier(servers.database)
    with psycopg.connect(roles.libpq(servers.admin), autocommit=True) as outside:
        outside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = ANY(%s)",
                (servers.database, [roles.APP, roles.BATCH]),
            )
            yield
        finally:
            outside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
            db.dispose_engines()


def test_a_database_that_goes_away_and_returns_loses_no_deal_and_no_answer(desk: Desk, servers: TestServers) -> None:
    with process():
        wait_until(lambda: is_up(desk), seconds=60)
        account = desk.open()
        desk.give("1000")
        desk.fault(FaultKind.DELAY_AFTER, "trade/balance", seconds=1)
        operation_id = desk.ask(fund, account.id, usd("400"))
        wait_until(lambda: desk.sim_balance(account.login) == 400)
        with without_database(servers):
            trade(desk, account, "0.01", parts=2)
            wait_until(lambda: desk.simulator.simulator.faults.listed() == [])
        # The answer came while nobody could write it down: it was kept until somebody could.
        assert desk.outcome(operation_id) is OperationState.CONFIRMED
        wait_until(lambda: len(closed(desk)) == 2)
        assert desk.outcome(desk.ask(fund, account.id, usd("50"))) is OperationState.CONFIRMED
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (550, 0, 450)


def test_of_each_thing_the_last_report_counts() -> None:
    def state(equity: int) -> AccountState:
        money = Decimal(equity)
        return AccountState(7, money, Decimal(0), money, Decimal(0), money, None, Decimal(0))

    batch = batch_of([Report(clock.now(), states=[state(1)]), Report(clock.now(), states=[state(2)])])

    assert [each.equity for each in batch.states] == [2]
