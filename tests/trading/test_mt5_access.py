"""Rights, groups, credit, archive and the connection test of the MT5 adapter, against the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.simulators.mt5 import ManagerConfig, SimServer, running_simulator
from app.simulators.mt5.faults import Fault, FaultKind
from app.trading.platforms.base import Access, Finding, OutcomeUnknown, RefusalReason, Refused
from app.trading.platforms.mt5 import codec
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.pool import PoolSettings
from tests.support.loops import in_thread
from tests.trading.test_mt5_adapter import GROUP, endpoint, opened, run

TWIN = "close\\standard-usd"
ALL_RIGHTS = tuple(range(120))


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimServer]:
    with running_simulator(seed=12) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(simulator: SimServer) -> Iterator[None]:
    yield
    simulator.simulator.faults.clear()


def with_twins(platform: MT5Platform) -> MT5Platform:
    """The same connection with a close-only twin for the group."""
    other = MT5Platform(platform.pool.endpoint, close_only_groups={GROUP: TWIN})
    other.pool = platform.pool
    return other


def test_only_our_bits_change(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        login = (await opened(platform, "0", "A-BITS")).login
        await asyncio.to_thread(simulator.call, lambda server: setattr(server.user(login), "rights", 0x20D63))
        taken = await platform.set_access(login, Access(False, False, True, False, False))
        given = await platform.set_access(login, Access())

        assert taken.rights == (0x20D63 & ~0x43) | 0x4
        assert taken.access == Access(False, False, False, False, False)
        assert given.rights == 0x20D63
        assert given.access == Access()

    run(simulator, act)


def test_rights_that_the_platform_kept_are_a_refusal(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        login = (await opened(platform, "0", "A-KEPT")).login
        simulator.simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER, command="user/update"))
        with pytest.raises(OutcomeUnknown):
            await platform.set_access(login, Access(can_trade=False))
        assert not (await platform.read_account(login)).access.can_trade

    run(simulator, act)


def test_two_changes_of_rights_do_not_pass_each_other(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        login = (await opened(platform, "0", "A-BOTH")).login
        wanted = [Access(can_trade=False), Access(can_use_robots=False), Access(can_sign_in=False)]
        records = await asyncio.gather(*(platform.set_access(login, access) for access in wanted))

        assert [record.access.can_trade for record in records] == [False, True, True]
        assert (await platform.read_account(login)).rights in {record.rights for record in records}

    run(simulator, act)


def test_close_only_is_the_twin_group(simulator: SimServer) -> None:
    async def act(plain: MT5Platform) -> None:
        platform = with_twins(plain)
        login = (await opened(platform, "0", "A-TWIN")).login
        closes = await platform.set_access(login, Access(can_open=False))
        stays = await platform.set_access(login, Access(can_trade=False, can_open=False))
        back = await platform.set_access(login, Access())

        assert (closes.group, closes.access.can_open, closes.access.can_trade) == (TWIN, False, True)
        assert (stays.group, stays.access.can_trade) == (TWIN, False)
        assert (back.group, back.access) == (GROUP, Access())
        with pytest.raises(Refused) as refusal:
            await plain.set_access(login, Access(can_open=False))
        assert refusal.value.reason is RefusalReason.GROUP
        assert not plain.capabilities.has_close_only
        assert platform.capabilities.has_close_only

    run(simulator, act)


def test_credit_is_apart_from_the_balance(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "100", "A-CREDIT")
        given = await platform.move_credit(account.login, Decimal("50.25"), "C-1")
        record = await platform.read_account(account.login)
        with pytest.raises(Refused) as refusal:
            await platform.move_credit(account.login, Decimal("-60"), "C-2")
        since = await platform.server_time_msc() - 3_600_000
        (found,) = await platform.find_funds_operations(account.login, "C-1", since)

        assert (record.balance, record.credit) == (Decimal(100), Decimal("50.25"))
        assert refusal.value.reason is RefusalReason.NOT_ENOUGH_MONEY
        assert (found.ticket, found.amount, found.is_credit) == (given.ticket, Decimal("50.25"), True)

    run(simulator, act)


def test_an_account_goes_to_the_archive_and_comes_back_as_it_was(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> None:
        account = await opened(platform, "0", "A-ARCHIVE")
        await platform.set_leverage(account.login, 200)
        assert not await platform.is_archived(account.login)
        await platform.archive_account(account.login)
        assert await platform.is_archived(account.login)
        with pytest.raises(Refused) as gone:
            await platform.read_account(account.login)
        back = await platform.restore_account(account.login)

        assert gone.value.reason is RefusalReason.NOT_FOUND
        assert (back.leverage, back.comment, back.name) == (200, "A-ARCHIVE", "Mona Haddad")
        assert not await platform.is_archived(account.login)

    run(simulator, act)


def test_nothing_is_pushed(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> list[Any]:
        return [report async for report in platform.reports()]

    assert run(simulator, act) == []


def findings(simulator: SimServer, account: int | None = None, **changes: Any) -> dict[str, Finding]:
    async def inside() -> list[Finding]:
        platform = MT5Platform(endpoint(simulator, **changes), PoolSettings(requests_per_s=1000, first_pause_s=0.1))
        try:
            return await platform.test(account)
        finally:
            await platform.close()

    return {finding.check: finding for finding in in_thread(inside())}


def test_a_connection_test_finds_all_well(simulator: SimServer) -> None:
    async def act(platform: MT5Platform) -> int:
        return (await opened(platform, "5", "A-TESTED")).login

    login = run(simulator, act)
    found = findings(simulator, login)
    without = findings(simulator)

    assert {check: each.is_ok for check, each in found.items()} == dict.fromkeys(
        ("sign_in", "clock", "groups", "symbols", "accounts", "personal_data", "trades", "change_accounts", "money"),
        True,
    )
    assert (without["money"].is_ok, without["change_accounts"].is_ok) == (None, None)
    assert simulator.call(lambda server: server.user(login).balance) == 5


@pytest.mark.parametrize(
    ("right", "check", "name"),
    [
        (24, "money", "RIGHT_ACCOUNTANT (24)"),
        (25, "accounts", "RIGHT_ACC_READ (25)"),
        (26, "personal_data", "RIGHT_ACC_DETAILS_NAME (26)"),
        (27, "change_accounts", "RIGHT_ACC_MANAGER (27)"),
        (29, "trades", "RIGHT_TRADES_READ (29)"),
    ],
)
def test_a_missing_right_is_named(right: int, check: str, name: str) -> None:
    rights = tuple(number for number in ALL_RIGHTS if number != right)
    managers = (ManagerConfig(), ManagerConfig(login=1001, rights=rights))
    with running_simulator(seed=13, managers=managers) as lame:

        async def act(platform: MT5Platform) -> int:
            return (await opened(platform, "5", "A-LAME")).login

        login = run(lame, act)
        found = findings(lame, login, login=1001)

    assert (found[check].is_ok, found[check].right) == (False, name)
    assert found["sign_in"].is_ok


def test_a_wrong_password_ends_the_test_at_once(simulator: SimServer) -> None:
    found = findings(simulator, password="wrong")

    assert list(found) == ["sign_in"]
    assert found["sign_in"].is_ok is False
    assert "password" in found["sign_in"].detail


def test_rights_of_an_account_are_read_from_its_mask() -> None:
    record = {"Login": "7", "Group": TWIN, "Rights": "355"}

    assert codec.account_record(record).access == Access()
    assert codec.account_record(record, [TWIN]).access == replace(Access(), can_open=False)
    assert codec.access_of(0) == Access(False, True, True, False, False)
