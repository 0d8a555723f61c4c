"""What the product may rely on, whichever platform lies behind the port: the same assertions for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TypeVar

import pytest

from app.trading import rules
from app.trading.platforms.base import (
    Access,
    AccountRecord,
    Deal,
    DealKind,
    Entry,
    FundsOperation,
    NotPermitted,
    OutcomeUnknown,
    PasswordKind,
    PlatformUnavailable,
    RefusalReason,
    Refused,
    ServerClock,
    Side,
    TradingPlatform,
)
from tests.trading.conformance.venues import PASSWORD, VENUES, Venue

T = TypeVar("T")
DAY_MSC = 86_400_000
EVER = (DAY_MSC * 365, 4_000_000_000_000)


@pytest.fixture(scope="module", params=sorted(VENUES))
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    with VENUES[request.param]() as made:
        yield made


@pytest.fixture(autouse=True)
def no_faults(venue: Venue) -> Iterator[None]:
    yield
    venue.clear()


def run(venue: Venue, act: Callable[[TradingPlatform], Awaitable[T]]) -> T:
    """Do something with a connected platform. In a thread: this one may hold the loop of another test's browser."""

    async def inside() -> T:
        async with venue.connected() as platform:
            return await act(platform)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, inside()).result()


async def deals_of_all(platform: TradingPlatform, venue: Venue, login: int) -> list[Deal]:
    now = await platform.server_time_msc()
    deals = await platform.deals_since([venue.group, venue.other_group], now - DAY_MSC, now + DAY_MSC)
    return [deal for deal in deals if deal.login == login]


def test_an_opened_account_is_found_by_its_reference(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[AccountRecord, AccountRecord | None, list[AccountRecord]]:
        wanted = venue.new_account()
        opened = await platform.open_account(wanted)
        assert opened.comment == wanted.reference
        assert await platform.find_account(venue.group, "A-NOBODY") is None
        found = await platform.find_account(venue.group, wanted.reference)
        return opened, found, [each for each in await platform.read_accounts(venue.group) if each.login == opened.login]

    opened, found, listed = run(venue, act)

    assert opened.login > 0
    assert (opened.group, opened.leverage, opened.balance, opened.credit) == (venue.group, 100, 0, 0)
    assert opened.access.can_trade
    assert found is not None
    assert found.login == opened.login
    assert len(listed) == 1


def test_settings_are_what_the_platform_says_afterwards(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> list[AccountRecord]:
        account = await platform.open_account(venue.new_account())
        return [
            await platform.set_leverage(account.login, 50),
            await platform.set_group(account.login, venue.other_group),
            await platform.read_account(account.login),
        ]

    levered, moved, read = run(venue, act)

    assert levered.leverage == 50
    assert moved.group == venue.other_group
    assert (read.leverage, read.group) == (50, venue.other_group)


def test_a_group_that_is_not_there_changes_nothing(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[RefusalReason, str]:
        account = await platform.open_account(venue.new_account())
        with pytest.raises(Refused) as refusal:
            await platform.set_group(account.login, "no\\such\\group")
        return refusal.value.reason, (await platform.read_account(account.login)).group

    reason, group = run(venue, act)

    assert reason in (RefusalReason.GROUP, RefusalReason.PARAMETERS)
    assert group == venue.group


def test_a_lock_on_trading_and_on_signing_in_hold_until_they_are_lifted(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> list[Access]:
        account = await platform.open_account(venue.new_account())
        steps = [Access(can_trade=False), Access(can_sign_in=False), Access()]
        answered = [(await platform.set_access(account.login, step)).access for step in steps]
        return [*answered, (await platform.read_account(account.login)).access]

    locked, shut_out, lifted, read = run(venue, act)

    assert not locked.can_trade
    assert locked.can_sign_in
    assert not shut_out.can_sign_in
    assert (lifted.can_sign_in, lifted.can_trade, lifted.can_open) == (True, True, True)
    assert read == lifted


def test_passwords_are_changed_and_checked(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> list[bool]:
        account = await platform.open_account(venue.new_account())
        answers = [await platform.check_password(account.login, PasswordKind.MAIN, PASSWORD)]
        await platform.change_password(account.login, PasswordKind.MAIN, "Better-Horse3")
        for password in ("Better-Horse3", PASSWORD):
            answers.append(await platform.check_password(account.login, PasswordKind.MAIN, password))
        return answers

    assert run(venue, act) == [True, True, False]


def test_money_is_moved_once_and_found_by_its_reference(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[list[FundsOperation], list[FundsOperation], Decimal]:
        account = await platform.open_account(venue.new_account())
        since = await platform.server_time_msc() - 60_000
        moved = [
            await platform.move_funds(account.login, Decimal("100.10"), "D-CONF1"),
            await platform.move_funds(account.login, Decimal("-40.05"), "W-CONF1"),
        ]
        found = [
            each
            for reference in ("D-CONF1", "W-CONF1", "D-CONF2")
            for each in await platform.find_funds_operations(account.login, reference, since)
        ]
        return moved, found, (await platform.read_account(account.login)).balance

    moved, found, balance = run(venue, act)

    assert found == moved
    assert [each.amount for each in found] == [Decimal("100.10"), Decimal("-40.05")]
    assert balance == Decimal("60.05")


def test_credit_is_kept_apart_from_balance(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[AccountRecord, list[FundsOperation], list[Deal]]:
        account = await venue.funded(platform, "10")
        since = await platform.server_time_msc() - 60_000
        await platform.move_credit(account.login, Decimal(30), "C-CONF1")
        await platform.move_credit(account.login, Decimal(-5), "C-CONF2")
        found = await platform.find_funds_operations(account.login, "C-CONF1", since)
        return await platform.read_account(account.login), found, await deals_of_all(platform, venue, account.login)

    record, found, deals = run(venue, act)

    assert (record.balance, record.credit) == (10, 25)
    assert [(each.amount, each.is_credit) for each in found] == [(Decimal(30), True)]
    assert sorted(deal.profit for deal in deals if deal.kind is DealKind.CREDIT) == [-5, 30]


def test_more_than_there_is_cannot_be_taken(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[RefusalReason, Decimal]:
        account = await venue.funded(platform, "10")
        with pytest.raises(Refused) as refusal:
            await platform.move_funds(account.login, Decimal("-10.01"), "W-CONF9")
        return refusal.value.reason, (await platform.read_account(account.login)).balance

    assert run(venue, act) == (RefusalReason.NOT_ENOUGH_MONEY, Decimal(10))


@pytest.mark.parametrize("is_done", [True, False])
def test_money_without_an_answer_is_unknown_and_the_history_knows(venue: Venue, is_done: bool) -> None:
    async def act(platform: TradingPlatform) -> list[Decimal]:
        account = await platform.open_account(venue.new_account())
        since = await platform.server_time_msc() - 60_000
        venue.lose_answer_to_money(is_done=is_done)
        with pytest.raises(OutcomeUnknown):
            await platform.move_funds(account.login, Decimal(7), "D-LOST")
        return [each.amount for each in await platform.find_funds_operations(account.login, "D-LOST", since)]

    assert run(venue, act) == ([Decimal(7)] if is_done else [])


def test_what_may_no_longer_be_sent_is_not_sent(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> Decimal:
        account = await platform.open_account(venue.new_account())
        late = asyncio.get_running_loop().time() - 0.001
        for work in (
            platform.move_funds(account.login, Decimal(1), "D-LATE", send_by=late),
            platform.set_leverage(account.login, 50, send_by=late),
            platform.open_account(venue.new_account(), send_by=late),
        ):
            with pytest.raises(PlatformUnavailable):
                await work
        read = await platform.read_account(account.login)
        assert read.leverage == 100
        return read.balance

    assert run(venue, act) == 0


def test_deals_say_the_same_however_often_they_are_read(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[list[Deal], list[Deal], list[Deal], int]:
        account = await venue.funded(platform)
        position = await venue.traded(account.login, "0.30")
        await venue.closed(account.login, position, "0.10")
        await venue.closed(account.login, position, "0.20")
        now = await platform.server_time_msc()
        window = (now - DAY_MSC, now + DAY_MSC)
        return (
            await deals_of_all(platform, venue, account.login),
            await deals_of_all(platform, venue, account.login),
            await platform.deals_of(account.login, *window),
            await platform.count_deals(account.login, *window),
        )

    first, second, own, count = run(venue, act)

    assert first == second
    assert {deal.ticket: deal for deal in first} == {deal.ticket: deal for deal in own}
    assert len({deal.ticket for deal in first}) == len(first) == count == 4


def test_deals_become_the_same_closed_trades(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[list[Deal], Decimal]:
        account = await venue.funded(platform)
        position = await venue.traded(account.login, "0.30", Side.SELL)
        await venue.closed(account.login, position, "0.10")
        await venue.closed(account.login, position, "0.20")
        deals = await deals_of_all(platform, venue, account.login)
        return deals, (await platform.read_account(account.login)).balance

    deals, balance = run(venue, act)

    trades = [deal for deal in deals if deal.kind is DealKind.TRADE]
    assert [deal.entry for deal in trades] == [Entry.IN, Entry.OUT, Entry.OUT]
    assert {(deal.symbol, deal.contract_size) for deal in trades} == {("EURUSD", Decimal(100_000))}
    history = rules.derive_legs(fill(deal) for deal in trades)
    assert [leg.volume_lots for leg in history.legs] == [Decimal("0.1"), Decimal("0.2")]
    assert [leg.side for leg in history.legs] == [Side.SELL, Side.SELL]
    assert history.open_lots == 0
    assert all(leg.open_price == trades[0].price for leg in history.legs)
    assert all(leg.holding is not None for leg in history.legs)
    assert sum(deal.profit + deal.swap + deal.commission + deal.fee for deal in deals) == balance
    legs = sum(leg.profit + leg.swap + leg.commission + leg.fee for leg in history.legs)
    assert legs == balance - 10_000


def fill(deal: Deal) -> rules.Fill:
    utc = ServerClock(((0, 0),)).utc
    return rules.Fill(
        ticket=deal.ticket,
        kind=deal.kind,
        side=deal.side,
        entry=deal.entry,
        is_service=deal.is_service,
        at=utc(deal.server_time_msc),
        server_time_msc=deal.server_time_msc,
        volume_lots=deal.volume_lots,
        volume_closed_lots=deal.volume_closed_lots,
        price=deal.price,
        profit=deal.profit,
        swap=deal.swap,
        commission=deal.commission,
        fee=deal.fee,
        entry_price=deal.entry_price,
        opened_at=utc(deal.opened_server_msc) if deal.opened_server_msc else None,
    )


def test_what_is_open_and_what_it_is_worth(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> None:
        account = await venue.funded(platform)
        idle = await platform.open_account(venue.new_account())
        position = await venue.traded(account.login, "0.10")
        (held,) = await platform.positions([account.login, idle.login])
        states = {state.login: state for state in await platform.read_states([account.login, idle.login])}

        assert (held.ticket, held.login, held.symbol, held.side) == (position, account.login, "EURUSD", Side.BUY)
        assert held.volume_lots == Decimal("0.1")
        assert held.open_price > 0
        assert states[account.login].margin > 0
        assert states[account.login].margin_level is not None
        assert states[account.login].free_margin == states[account.login].equity - states[account.login].margin
        assert (states[idle.login].equity, states[idle.login].margin_level) == (0, None)
        await venue.closed(account.login, position, "0.10")

    run(venue, act)


def test_the_environment_is_described(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> None:
        groups = {group.name for group in await platform.groups()}
        symbols = {symbol.name: symbol for symbol in await platform.symbols()}

        assert {venue.group, venue.other_group} <= groups
        assert (symbols["EURUSD"].digits, symbols["EURUSD"].contract_size) == (5, 100_000)
        assert (symbols["EURUSD"].margin_currency, symbols["EURUSD"].profit_currency) == ("EUR", "USD")
        assert symbols["EURUSD"].symbol_class == "forex"

    run(venue, act)


def test_nobody_is_found_where_nobody_is(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> list[RefusalReason]:
        reasons = []
        for work in (platform.read_account(987_654_321), platform.move_funds(987_654_321, Decimal(1), "D-NOBODY")):
            with pytest.raises(Refused) as refusal:
                await work
            reasons.append(refusal.value.reason)
        return reasons

    assert run(venue, act) == [RefusalReason.NOT_FOUND] * 2


def test_the_connection_test_passes_and_changes_nothing(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[dict[str, bool | None], Decimal]:
        account = await venue.funded(platform, "5")
        found = {finding.check: finding.is_ok for finding in await platform.test(account.login)}
        return found, (await platform.read_account(account.login)).balance

    found, balance = run(venue, act)

    assert {"sign_in", "clock", "groups", "symbols", "accounts", "trades", "change_accounts", "money"} <= found.keys()
    assert all(is_ok is not False for is_ok in found.values())
    assert balance == 5


def test_a_wrong_manager_password_is_no_crash(venue: Venue) -> None:
    async def inside() -> None:
        platform = venue.platform(password="not-the-Password1")
        try:
            with pytest.raises((PlatformUnavailable, NotPermitted)):
                await platform.connect()
            with pytest.raises((PlatformUnavailable, NotPermitted)):
                await platform.ping()
            assert [found.is_ok for found in await platform.test()][-1] is False
        finally:
            await platform.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, inside()).result()


def test_archived_accounts_are_known_as_such(venue: Venue) -> None:
    async def act(platform: TradingPlatform) -> tuple[bool, bool, bool]:
        account = await platform.open_account(venue.new_account())
        before = await platform.is_archived(account.login)
        await platform.archive_account(account.login)
        archived = await platform.is_archived(account.login)
        restored = await platform.restore_account(account.login)
        return before, archived, restored.access.can_sign_in

    assert run(venue, act) == (False, True, True)
