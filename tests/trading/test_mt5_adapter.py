"""The adapter against the simulator, over TLS, with and without trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from app.simulators.mt5 import SimServer, running_simulator
from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import close_position, market_order
from app.simulators.mt5.faults import Fault, FaultKind
from app.trading.platforms.base import (
    AccountRecord,
    DealKind,
    Entry,
    NewAccount,
    OutcomeUnknown,
    PasswordKind,
    PlatformUnavailable,
    RefusalReason,
    Refused,
)
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import PoolSettings

T = TypeVar("T")
GROUP = "real\\standard-usd"
LOT = 100_000_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimServer]:
    with running_simulator(seed=11) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(simulator: SimServer) -> Iterator[None]:
    yield
    simulator.simulator.faults.clear()


def endpoint(simulator: SimServer, **changes: Any) -> Endpoint:
    known: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": simulator.port,
        "login": simulator.manager_login,
        "password": simulator.manager_password,
        "ca_pem": simulator.ca_file.read_text(),
        "server_name": "localhost",
        "request_timeout_s": 2.0,
    }
    return Endpoint(**{**known, **changes})


@asynccontextmanager
async def connected(simulator: SimServer, **changes: Any) -> AsyncIterator[MT5Platform]:
    settings = PoolSettings(requests_per_s=1000, first_pause_s=0.1)
    platform = MT5Platform(endpoint(simulator, **changes), settings)
    await platform.connect()
    try:
        yield platform
    finally:
        await platform.close()


def run(simulator: SimServer, act: Callable[[MT5Platform], Awaitable[T]], **changes: Any) -> T:
    async def inside() -> T:
        async with connected(simulator, **changes) as platform:
            return await act(platform)

    with ThreadPoolExecutor(1) as thread:  # This thread may hold the loop of a browser that another test drives.
        return thread.submit(asyncio.run, inside()).result()


def new_account(reference: str = "A-TEST", **changes: Any) -> NewAccount:
    known: dict[str, Any] = {
        "group": GROUP,
        "name": "Mona Haddad",
        "email": "mona@example.com",
        "country": "AE",
        "language": "ar",
        "leverage": 100,
        "reference": reference,
        "main_password": "Abcd123!",
        "investor_password": "Wxyz987!",
    }
    return NewAccount(**{**known, **changes})


async def opened(platform: MT5Platform, money: str = "1000", reference: str = "A-TEST") -> AccountRecord:
    account = await platform.open_account(new_account(reference))
    if Decimal(money):
        await platform.move_funds(account.login, Decimal(money), f"D-{reference}")
    return account


def fault(simulator: SimServer, kind: FaultKind, command: str, **more: Any) -> None:
    simulator.simulator.faults.add(Fault(kind=kind, command=command, **more))


def test_an_account_is_opened_funded_read_and_changed(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, reference="A-FIRST")
        changed = await platform.set_leverage(account.login, 200)
        (state,) = await platform.read_states([account.login])
        found = await platform.find_account(GROUP, "A-FIRST")

        assert (account.group, account.leverage) == (GROUP, 100)
        assert changed.leverage == 200
        assert (state.balance, state.equity, state.margin, state.margin_level) == (1000, 1000, 0, None)
        assert found is not None
        assert found.login == account.login
        assert await platform.find_account(GROUP, "A-NOBODY") is None

    run(simulator, act)


def test_passwords_are_checked_and_changed(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "0")
        assert await platform.check_password(account.login, PasswordKind.MAIN, "Abcd123!")
        await platform.change_password(account.login, PasswordKind.MAIN, "Efgh456#")
        assert not await platform.check_password(account.login, PasswordKind.MAIN, "Abcd123!")
        assert await platform.check_password(account.login, PasswordKind.MAIN, "Efgh456#")
        with pytest.raises(Refused) as refusal:
            await platform.change_password(account.login, PasswordKind.MAIN, "weak")
        assert refusal.value.reason is RefusalReason.BAD_PASSWORD

    run(simulator, act)


def test_refusals_are_told_in_our_words(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform)
        with pytest.raises(Refused) as poor:
            await platform.move_funds(account.login, Decimal("-1000.01"), "W-POOR")
        with pytest.raises(Refused) as nowhere:
            await platform.read_account(77)
        with pytest.raises(Refused) as strange:
            await platform.open_account(new_account(group="real\\nowhere"))

        assert poor.value.reason is RefusalReason.NOT_ENOUGH_MONEY
        assert nowhere.value.reason is RefusalReason.NOT_FOUND
        assert strange.value.reason is RefusalReason.PARAMETERS

    run(simulator, act)


def test_trades_come_back_as_deals_and_positions(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "10000")
        before = await platform.server_time_msc()

        def trade(server: Any) -> None:
            user = server.user(account.login)
            market_order(server, user, "EURUSD", Action.BUY, LOT // 10)
            market_order(server, user, "EURUSD", Action.SELL, LOT // 5)
            first = server.positions_of(account.login)[0]
            close_position(server, user, first)

        await asyncio.to_thread(simulator.call, trade)
        deals = await platform.deals_since([GROUP], before - 60_000, before + 86_400_000)
        mine = [deal for deal in deals if deal.login == account.login]
        positions = await platform.positions([account.login])
        (state,) = await platform.read_states([account.login])

        assert [deal.kind for deal in mine] == [DealKind.BALANCE] + [DealKind.TRADE] * 3
        assert [deal.entry for deal in mine[1:]] == [Entry.IN, Entry.IN, Entry.OUT]
        assert mine[3].position_id == mine[1].position_id
        assert mine[3].volume_lots == Decimal("0.1")
        assert mine[1].market_bid is not None
        assert [position.volume_lots for position in positions] == [Decimal("0.2")]
        assert state.margin > 0
        assert await platform.count_deals(account.login, before - 60_000, before + 86_400_000) == 4

    run(simulator, act)


def test_groups_and_symbols_are_read(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        groups = {group.name: group for group in await platform.groups()}
        symbols = {symbol.name: symbol for symbol in await platform.symbols()}

        assert groups[GROUP].currency == "USD"
        assert groups[GROUP].is_hedging
        assert not groups["real\\netting-usd"].is_hedging
        assert (symbols["EURUSD"].symbol_class, symbols["EURUSD"].profit_currency) == ("forex", "USD")
        assert symbols["EURUSD"].contract_size == 100_000

    run(simulator, act)


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE, FaultKind.FORBIDDEN])
def test_a_lost_answer_leaves_the_outcome_unknown_and_nothing_is_sent_twice(
    simulator: SimServer, kind: FaultKind
) -> None:
    async def act(platform: MT5Platform) -> list[Any]:
        account = await opened(platform, "0", reference=f"A-{kind}")
        fault(simulator, kind, "trade/balance")
        with pytest.raises(OutcomeUnknown):
            await platform.move_funds(account.login, Decimal(50), f"D-{kind}")
        since = await platform.server_time_msc() - 3_600_000
        return [move.amount for move in await platform.find_funds_operations(account.login, f"D-{kind}", since)]

    assert run(simulator, act) == ([Decimal(50)] if kind is FaultKind.DROP_AFTER else [])


@pytest.mark.parametrize("retcode", [7, 9, 10, 11, 15])
def test_return_codes_that_say_nothing_are_unknown(simulator: SimServer, retcode: int) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "0")
        fault(simulator, FaultKind.RETCODE_AFTER, "trade/balance", retcode=retcode)
        with pytest.raises(OutcomeUnknown):
            await platform.move_funds(account.login, Decimal(50), "D-CODE")

    run(simulator, act)


@pytest.mark.parametrize("kind", [FaultKind.FORBIDDEN, FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_a_reading_survives_a_lost_session(simulator: SimServer, kind: FaultKind) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform)
        fault(simulator, kind, "user/get")
        assert (await platform.read_account(account.login)).balance == 1000

    run(simulator, act)


def test_a_busy_server_is_asked_again_for_a_reading_only(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform)
        fault(simulator, FaultKind.RETCODE, "user/get", retcode=12)
        assert (await platform.read_account(account.login)).balance == 1000
        fault(simulator, FaultKind.RETCODE, "trade/balance", retcode=12)
        with pytest.raises(Refused) as refusal:
            await platform.move_funds(account.login, Decimal(1), "D-BUSY")
        assert refusal.value.reason is RefusalReason.TOO_FREQUENT

    run(simulator, act)


def test_a_server_that_does_not_know_the_password_is_refused(simulator: SimServer) -> None:
    fault(simulator, FaultKind.BAD_CLIENT_ANSWER, "*", count=None)

    with pytest.raises(PlatformUnavailable, match="does not know"):
        run(simulator, MT5Platform.ping)


def test_a_wrong_password_and_a_strange_certificate_are_refused(simulator: SimServer) -> None:
    with pytest.raises(PlatformUnavailable):
        run(simulator, MT5Platform.ping, password="wrong")
    with pytest.raises(PlatformUnavailable):
        run(simulator, MT5Platform.ping, ca_pem="")
    with pytest.raises(PlatformUnavailable):
        run(simulator, MT5Platform.ping, server_name="mt5.example")


def test_a_change_past_its_time_is_not_sent(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "0", reference="A-LATE")
        with pytest.raises(PlatformUnavailable):
            await platform.set_leverage(account.login, 500, send_by=asyncio.get_running_loop().time())
        assert (await platform.read_account(account.login)).leverage == 100

    run(simulator, act)


def test_the_breaker_opens_after_a_failure_and_closes_again(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        fault(simulator, FaultKind.ANTIFLOOD, "*", seconds=0.4)
        await asyncio.to_thread(simulator.call, lambda _: simulator.simulator.gateway.drop_all())
        with pytest.raises(PlatformUnavailable):
            await platform.read_account(100001)
        assert platform.pool.is_broken
        await asyncio.sleep(1.0)
        await platform.ping()

    run(simulator, act)


def test_parallel_requests_share_the_pool(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform)
        found = await asyncio.gather(*(platform.read_account(account.login) for _ in range(30)))
        assert {each.login for each in found} == {account.login}

    run(simulator, act)
    assert simulator.call(lambda _: len(simulator.simulator.gateway.sessions)) == 0


def test_an_answer_that_comes_twice_is_not_taken_for_the_next_one(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, reference="A-TWICE")
        fault(simulator, FaultKind.TWICE, "trade/balance", count=None)
        for number in range(6):
            moved = await platform.move_funds(account.login, Decimal(-100), f"W-{number}")
            assert simulator.call(lambda server, t=moved.ticket: server.deals.by_ticket[t].comment) == f"W-{number}"
        with pytest.raises(Refused):
            await platform.move_funds(account.login, Decimal(-1000), "W-TOO-MUCH")
        assert (await platform.read_account(account.login)).balance == 400

    run(simulator, act)
