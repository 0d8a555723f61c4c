"""The adapter against the simulator, over TLS, with and without trouble."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import TradeSide
from app.simulators.ctrader.execution import Execution, Terms, close_position, market_order
from app.simulators.ctrader.faults import Fault, FaultKind
from app.simulators.ctrader.running import SimServer, running_simulator
from app.trading.platforms.base import (
    Access,
    AccountRecord,
    AccountState,
    DealKind,
    Entry,
    NotPermitted,
    OutcomeUnknown,
    PasswordKind,
    PlatformUnavailable,
    Position,
    RefusalReason,
    Refused,
    Report,
)
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.adapter import CTraderPlatform, Options
from tests.support.loops import in_thread
from tests.trading.ctrader.conftest import connected, listening, make, open_one, reports_until, run

DAY_MSC = 86_400_000
LOT = 10_000_000
BY_MANAGER = Options(write_path="manager")


def arm(plant: SimServer, kind: FaultKind, command: str, **more: Any) -> None:
    plant.simulator.faults.add(Fault(kind=kind, command=command, **more))


def trade(plant: SimServer, login: int, volume: int = LOT // 10, side: TradeSide = TradeSide.BUY) -> Execution:
    """A client's market order in EURUSD."""
    return plant.call(
        lambda books: market_order(
            books,
            books.by_login(login),
            next(symbol for symbol in books.symbols.values() if symbol.name == "EURUSD"),
            side,
            volume,
        )
    )


def close(plant: SimServer, login: int, position: int, volume: int | None = None) -> Execution:
    return plant.call(
        lambda books: close_position(books, books.by_login(login), books.position(position), volume, Terms())
    )


async def now_msc(platform: CTraderPlatform) -> int:
    return await platform.server_time_msc()


@pytest.mark.parametrize("path", ["web", "manager"])
def test_an_account_is_opened_and_changed_by_either_interface(plant: SimServer, path: str) -> None:
    async def act(platform: CTraderPlatform) -> list[AccountRecord]:
        account = await open_one(platform)
        steps = [account, await platform.find_account("Standard", account.comment)]
        steps.append(await platform.set_leverage(account.login, 200))
        steps.append(await platform.set_group(account.login, "Raw"))
        steps.append(await platform.set_access(account.login, Access(can_open=False)))
        steps.append(await platform.set_access(account.login, Access(can_trade=False)))
        steps.append(await platform.set_access(account.login, Access(can_sign_in=False)))
        steps.append(await platform.set_access(account.login, Access()))
        assert await platform.check_password(account.login, PasswordKind.MAIN, "Correct-Horse1")
        return [step for step in steps if step is not None]

    opened, found, levered, moved, closing, locked, shut_out, free = run(plant, act, options=Options(write_path=path))

    assert opened == found
    assert (opened.group, opened.currency, opened.leverage, opened.name) == ("Standard", "USD", 100, "Mona Osei")
    assert (levered.leverage, moved.group, moved.leverage) == (200, "Raw", 200)
    assert closing.access == Access(can_open=False)
    assert locked.access == Access(can_trade=False, can_open=False)
    assert shut_out.access == Access(can_sign_in=False, can_trade=False, can_open=False)
    assert free.access == Access()
    assert [step.rights for step in (closing, locked, shut_out, free)] == [1, 2, 3, 0]


def test_an_account_is_given_to_its_owner_in_the_identity_service(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[int, int]:
        account = await open_one(platform)
        return account.login, platform._people.links[account.login]

    login, link = run(plant, act)

    assert link > 0
    assert (
        plant.call(lambda books: [each.trader_id for each in books.links.values()].count(books.trader_ids[login])) == 1
    )


def test_an_account_whose_owner_could_not_be_linked_is_kept_and_linked_later(
    plant: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.trading.platforms.ctrader.people._PAUSES_S", (0.1, 0.1, 0.1))
    arm(plant, FaultKind.REFUSE, "create", face="web")

    async def act(platform: CTraderPlatform) -> bool:
        account = await open_one(platform)
        was_waiting = account.login in platform._people.waiting
        async with asyncio.timeout(30):
            while account.login not in platform._people.links:
                await asyncio.sleep(0.02)
        return was_waiting

    assert run(plant, act)


def test_a_stop_loss_is_never_switched_off_by_a_lock(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[AccountRecord]:
        account = await open_one(platform, money="5000")
        done = await asyncio.to_thread(trade, plant, account.login)
        with_position = await platform.set_access(account.login, Access(can_trade=False))
        await asyncio.to_thread(close, plant, account.login, done.position.position_id)
        return [with_position, await platform.set_access(account.login, Access(can_trade=False))]

    with_position, without = run(plant, act)

    assert (with_position.rights, without.rights) == (1, 2)


def test_passwords(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[bool]:
        account = await open_one(platform)
        await platform.change_password(account.login, PasswordKind.MAIN, "Better-Horse2")
        passwords = ("Better-Horse2", "Correct-Horse1")
        answers = [await platform.check_password(account.login, PasswordKind.MAIN, each) for each in passwords]
        with pytest.raises(Refused):
            await platform.change_password(account.login, PasswordKind.INVESTOR, "Better-Horse2")
        return answers

    assert run(plant, act) == [True, False]


@pytest.mark.parametrize(("currency", "amount"), [("USD", "10.01"), ("JPY", "1500"), ("BTC", "0.00000001")])
def test_money_is_counted_in_the_unit_of_its_currency(plant: SimServer, currency: str, amount: str) -> None:
    async def act(platform: CTraderPlatform) -> tuple[Decimal, list[Decimal]]:
        account = await open_one(platform, currency=currency)
        await platform.move_funds(account.login, Decimal(amount), "D-1")
        found = await platform.find_funds_operations(account.login, "D-1", 0)
        return (await platform.read_account(account.login)).balance, [each.amount for each in found]

    assert run(plant, act) == (Decimal(amount), [Decimal(amount)])


def test_money_finer_than_its_currency_is_not_sent(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> RefusalReason:
        account = await open_one(platform, currency="JPY")
        with pytest.raises(Refused) as refusal:
            await platform.move_funds(account.login, Decimal("0.5"), "D-2")
        return refusal.value.reason

    assert run(plant, act) is RefusalReason.PARAMETERS


def test_money_goes_in_and_out_and_never_below_what_is_there(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[list[Decimal], list[bool], Decimal, Decimal]:
        account = await open_one(platform)
        for amount, reference in ((Decimal(100), "D-1"), (Decimal(-40), "W-1")):
            await platform.move_funds(account.login, amount, reference)
        with pytest.raises(Refused) as refusal:
            await platform.move_funds(account.login, Decimal(-61), "W-2")
        assert refusal.value.reason is RefusalReason.NOT_ENOUGH_MONEY
        await platform.move_credit(account.login, Decimal(25), "C-1")
        await platform.move_credit(account.login, Decimal(-5), "C-2")
        found = [
            each
            for reference in ("D-1", "W-1", "W-2", "C-1", "C-2")
            for each in await platform.find_funds_operations(account.login, reference, 0)
        ]
        record = await platform.read_account(account.login)
        return [each.amount for each in found], [each.is_credit for each in found], record.balance, record.credit

    amounts, are_credit, balance, credit = run(plant, act)

    assert amounts == [100, -40, 25, -5]
    assert are_credit == [False, False, True, True]
    assert (balance, credit) == (60, 20)


@pytest.mark.parametrize(
    ("kind", "is_done"),
    [
        (FaultKind.LOSE_AFTER, True),
        (FaultKind.DROP_AFTER, True),
        (FaultKind.HALF_FRAME, True),
        (FaultKind.LOSE_BEFORE, False),
        (FaultKind.DROP_BEFORE, False),
    ],
)
def test_money_whose_answer_was_lost_is_found_by_its_reference(
    plant: SimServer, kind: FaultKind, is_done: bool
) -> None:
    reference = f"D-{kind}"

    async def act(platform: CTraderPlatform) -> list[Decimal]:
        account = await open_one(platform)
        arm(plant, kind, "519")
        with pytest.raises(OutcomeUnknown):
            await platform.move_funds(account.login, Decimal(7), reference)
        await again(platform)
        found = await platform.find_funds_operations(account.login, reference, await now_msc(platform) - DAY_MSC)
        return [each.amount for each in found]

    assert run(plant, act, request_timeout_s=1.0) == ([Decimal(7)] if is_done else [])


async def again(platform: CTraderPlatform) -> None:
    """Connect, however often it takes."""
    async with asyncio.timeout(30):
        while True:
            try:
                await platform.connect()
                return
            except PlatformUnavailable:
                await asyncio.sleep(0.02)


def test_an_opening_whose_answer_was_lost_is_found_and_linked(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[AccountRecord | None, bool]:
        arm(plant, FaultKind.LOSE_AFTER, "501")
        with pytest.raises(OutcomeUnknown):
            await open_one(platform, reference="A-LOST")
        found = await platform.find_account("Standard", "A-LOST")
        assert found is not None
        return found, found.login in platform._people.links

    found, is_linked = run(plant, act, request_timeout_s=1.0)

    assert found is not None
    assert is_linked


def test_a_change_that_somebody_else_overtook_is_made_on_what_they_left(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> AccountRecord:
        account = await open_one(platform)
        arm(plant, FaultKind.REFUSE, "501", code="CONCURRENT_MODIFICATION", count=2)
        return await platform.set_leverage(account.login, 50)

    assert run(plant, act, options=BY_MANAGER).leverage == 50


def test_what_is_pushed_is_what_the_lists_say(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[list[Report], list[Any]]:
        account = await open_one(platform, money="5000")
        since = await now_msc(platform) - DAY_MSC
        opened = await asyncio.to_thread(trade, plant, account.login, LOT * 3 // 10)
        await asyncio.to_thread(close, plant, account.login, opened.position.position_id, LOT // 10)
        await asyncio.to_thread(close, plant, account.login, opened.position.position_id)
        await platform.move_credit(account.login, Decimal(5), "C-1")
        told = await reports_until(
            platform, lambda reports: sum(deal.login == account.login for r in reports for deal in r.deals) >= 5
        )
        return told, await platform.deals_of(account.login, since, since + 2 * DAY_MSC)

    told, listed = run(plant, act)

    pushed = {deal.ticket: deal for report in told for deal in report.deals if deal.login == listed[0].login}
    assert pushed == {deal.ticket: deal for deal in listed}
    trades = [deal for deal in listed if deal.kind is DealKind.TRADE]
    assert sorted(deal.kind for deal in listed if deal.kind is not DealKind.TRADE) == ["balance", "credit"]
    assert [deal.entry for deal in trades] == [Entry.IN, Entry.OUT, Entry.OUT]
    assert [deal.volume_lots for deal in trades] == [Decimal("0.3"), Decimal("0.1"), Decimal("0.2")]
    assert all(deal.entry_price and deal.opened_server_msc for deal in trades[1:])
    assert not any(deal.is_sign_unverified for deal in listed)
    moved = [deal for deal in listed if deal.kind is not DealKind.CREDIT]
    assert sum(deal.profit + deal.swap + deal.commission + deal.fee for deal in moved) == trades[2].balance_after
    assert {ticket for report in told for ticket in report.closed_positions} == {trades[0].position_id}
    assert not [login for report in told for login in report.gaps]


def test_a_new_account_and_its_changes_are_told(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[Report]:
        account = await open_one(platform)
        await platform.set_leverage(account.login, 200)
        return await reports_until(
            platform, lambda reports: any(a.leverage == 200 for r in reports for a in r.accounts)
        )

    assert run(plant, act)


def test_a_movement_that_was_not_told_is_noticed_at_the_next_one(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[int, set[int]]:
        account = await open_one(platform, money="100")
        arm(plant, FaultKind.LOSE_EVENT, "300")
        await platform.move_funds(account.login, Decimal(1), "D-MISSED")
        await platform.move_funds(account.login, Decimal(1), "D-SEEN")
        told = await reports_until(
            platform, lambda reports: any(deal.comment == "D-SEEN" for r in reports for deal in r.deals)
        )
        return account.login, {login for report in told for login in report.gaps}

    login, gaps = run(plant, act)

    assert gaps == {login}


def test_what_was_told_of_an_account_that_could_not_be_read_is_read_after_a_new_sign_in(plant: SimServer) -> None:
    """An event is told once. When it cannot be understood now, the session that told it is given up."""

    async def act(platform: CTraderPlatform) -> bool:
        account = await open_one(platform, money="5000")
        await reports_until(platform, lambda reports: any(r.deals for r in reports))
        trader = await platform.trader(account.login)
        platform.world.traders.forget(trader.number)
        arm(plant, FaultKind.LOSE_BEFORE, "703", count=None)
        trade(plant, account.login)
        async with asyncio.timeout(30):
            async for _ in platform.reports():
                pass
        return platform.link.is_up

    assert not run(plant, act)


def test_an_event_that_comes_twice_or_before_its_answer_is_one_deal(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[Report]:
        account = await open_one(platform)
        arm(plant, FaultKind.REPEAT_EVENT, "300")
        arm(plant, FaultKind.EVENT_FIRST, "519")
        moved = await platform.move_funds(account.login, Decimal(3), "D-TWICE")
        await platform.move_funds(account.login, Decimal(4), "D-LAST")
        told = await reports_until(
            platform, lambda reports: any(deal.comment == "D-LAST" for r in reports for deal in r.deals)
        )
        tickets = {deal.ticket for r in told for deal in r.deals if deal.comment == "D-TWICE"}
        assert tickets == {moved.ticket}
        return told

    assert not [login for report in run(plant, act) for login in report.gaps]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_long_lists_are_read_to_their_end_in_either_order(plant: SimServer, order: Any) -> None:
    plant.call(lambda books: setattr(books.switches, "deal_order", order))

    async def act(platform: CTraderPlatform) -> tuple[int, int, int]:
        account = await open_one(platform, money="10000")
        for _ in range(9):
            opened = await asyncio.to_thread(trade, plant, account.login)
            await asyncio.to_thread(close, plant, account.login, opened.position.position_id)
            await platform.move_funds(account.login, Decimal(1), "D-MANY")
        for _ in range(7):
            await asyncio.to_thread(trade, plant, account.login)
        since = await now_msc(platform) - DAY_MSC
        deals = await platform.deals_of(account.login, since, since + 2 * DAY_MSC)
        held = await platform._reading.positions(platform.world.traders.by_login(account.login).number)  # type: ignore[union-attr]
        return sum(d.kind == "trade" for d in deals), sum(d.comment == "D-MANY" for d in deals), len(held)

    try:
        assert run(plant, act) == (25, 9, 7)
    finally:
        plant.call(lambda books: setattr(books.switches, "deal_order", "newest"))


def test_deals_of_groups_hold_every_account_of_theirs_and_no_other(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[int, int, set[int]]:
        since = await now_msc(platform)
        inside = await open_one(platform, group="VIP", money="5")
        outside = await open_one(platform, group="Islamic", money="5")
        deals = await platform.deals_since(["VIP", "No such group"], since, since + DAY_MSC)
        return inside.login, outside.login, {deal.login for deal in deals}

    inside, outside, found = run(plant, act)

    assert inside in found
    assert outside not in found


def test_figures_agree_with_the_platform(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> None:
        async with listening(platform):
            account = await open_one(platform, money="5000")
            await platform.move_credit(account.login, Decimal(50), "C-1")
            await asyncio.to_thread(trade, plant, account.login)
            position, state = await priced(platform, account.login)
        assert state.equity == state.balance + state.credit + state.floating_profit
        assert (state.balance, state.credit) == (5000, 50)
        assert state.margin > 0
        assert state.margin_level == (state.equity / state.margin * 100).quantize(Decimal("0.01"))
        assert abs(position.profit) < 100

    run(plant, act)


async def priced(platform: CTraderPlatform, login: int) -> tuple[Position, AccountState]:
    """The account's only position and its figures, once its price is known."""
    async with asyncio.timeout(30):
        while True:
            positions = await platform.positions([login])
            if positions and positions[0].profit:
                (state,) = await platform.read_states([login])
                return positions[0], state
            await asyncio.sleep(0.1)


def test_without_web_services_figures_are_computed(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> None:
        async with listening(platform):
            account = await open_one(platform, money="5000")
            platform._figures._web = None
            await asyncio.to_thread(trade, plant, account.login)
            _, state = await priced(platform, account.login)
        assert state.equity == state.balance + state.floating_profit
        assert (state.balance, state.credit) == (5000, 0)
        assert state.margin > 0

    run(plant, act)


def test_a_reversed_position_is_seen_at_once(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[tuple[str, Decimal]]:
        async with listening(platform) as told:
            account = await open_one(platform, money="5000", is_hedging=False)
            await asyncio.to_thread(trade, plant, account.login, LOT // 10)
            await platform.positions([account.login])
            await asyncio.to_thread(trade, plant, account.login, LOT * 3 // 10, TradeSide.SELL)
            async with asyncio.timeout(30):
                while not any(deal.entry is Entry.INOUT for report in told for deal in report.deals):
                    await asyncio.sleep(0.02)
            return [(row.side.value, row.volume_lots) for row in await platform.positions([account.login])]

    assert run(plant, act) == [("sell", Decimal("0.2"))]


def test_while_the_manager_api_is_away_only_what_the_web_can_do_is_done(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> None:
        account = await open_one(platform, money="70")
        platform.link.session.fail("Cut by the test.", platform.link.last_trouble)

        record = await platform.read_account(account.login)
        changed = await platform.set_leverage(account.login, 50)
        (state,) = await platform.read_states([account.login])

        assert (record.balance, record.group, changed.leverage, state.balance) == (70, "Standard", 50, 70)
        for work in (
            platform.move_funds(account.login, Decimal(1), "D-AWAY"),
            platform.ping(),
            platform.deals_of(account.login, 0, 1),
            platform.change_password(account.login, PasswordKind.MAIN, "Better-Horse2"),
        ):
            with pytest.raises(PlatformUnavailable):
                await work

    run(plant, act)


def test_archive_and_restore(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[bool, bool, Access]:
        account = await open_one(platform, money="5000")
        opened = await asyncio.to_thread(trade, plant, account.login)
        with pytest.raises(Refused) as refusal:
            await platform.archive_account(account.login)
        assert refusal.value.reason is RefusalReason.OPEN_POSITIONS
        await asyncio.to_thread(close, plant, account.login, opened.position.position_id)
        await platform.archive_account(account.login)
        is_archived = await platform.is_archived(account.login)
        restored = await platform.restore_account(account.login)
        return is_archived, await platform.is_archived(account.login), restored.access

    assert run(plant, act) == (True, False, Access())


def test_who_is_not_there_is_refused_by_name(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[RefusalReason]:
        reasons = []
        for work in (platform.read_account(999), platform.move_funds(999, Decimal(1), "D-1")):
            with pytest.raises(Refused) as refusal:
                await work
            reasons.append(refusal.value.reason)
        account = await open_one(platform)
        for work in (platform.set_group(account.login, "No such group"), open_one(platform, group="No such group")):
            with pytest.raises(Refused) as refusal:
                await work
            reasons.append(refusal.value.reason)
        with pytest.raises(Refused) as refusal:
            await open_one(platform, currency="XAU")
        return [*reasons, refusal.value.reason]

    assert run(plant, act) == [
        RefusalReason.NOT_FOUND,
        RefusalReason.NOT_FOUND,
        RefusalReason.GROUP,
        RefusalReason.GROUP,
        RefusalReason.OTHER_CURRENCY,
    ]


def test_what_a_manager_login_lacks_is_named_and_nothing_is_tried(plant: SimServer) -> None:
    reader = ManagerConfig(permissions=(1, 20, 130, 140, 150))
    with running_simulator(managers=(reader,)) as poor:

        async def act(platform: CTraderPlatform) -> dict[str, tuple[bool | None, str]]:
            with pytest.raises(NotPermitted, match="ROLE_TRADER_CREATE"):
                await open_one(platform)
            return {found.check: (found.is_ok, found.right) for found in await platform.test()}

        found = run(poor, act)

    assert found["sign_in"] == (True, "")
    assert found["trades"] == (True, "")
    assert found["accounts"] == (False, "ROLE_TRADER_CREATE")
    assert found["money"] == (False, "ROLE_TRADER_CASHIER")
    assert found["credit"] == (False, "ROLE_TRADER_BONUS_CASHIER")
    assert found["passwords"] == (False, "ROLE_TRADER_CHANGE_PASSWORD")
    assert found["change_accounts"] == (False, "ROLE_TRADER_EDIT")


def test_the_connection_test_tries_a_hundredth_on_a_test_account(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> tuple[list[bool | None], Decimal]:
        account = await open_one(platform, money="1")
        found = await platform.test(account.login)
        return [finding.is_ok for finding in found], (await platform.read_account(account.login)).balance

    answers, balance = run(plant, act)

    assert all(answers)
    assert balance == 1


def test_a_wrong_password_of_the_manager_is_told(plant: SimServer) -> None:
    async def act() -> list[tuple[str, bool | None]]:
        platform = make(plant, password="not-the-password")
        try:
            return [(found.check, found.is_ok) for found in await platform.test()]
        finally:
            await platform.close()

    assert in_thread(act()) == [("sign_in", False)]


@pytest.mark.parametrize("kind", ["expired", "other_name", "untrusted"])
def test_a_certificate_that_does_not_fit_is_not_believed(plant: SimServer, kind: str) -> None:
    async def act() -> str:
        platform = make(plant)
        try:
            with pytest.raises(PlatformUnavailable) as error:
                await platform.connect()
            return error.value.trouble
        finally:
            await platform.close()

    plant.simulator.show_certificate(kind)
    try:
        trouble = in_thread(act())
    finally:
        plant.simulator.show_certificate("valid")

    assert trouble == ("certificate_expired" if kind == "expired" else "certificate")


def test_two_platforms_on_one_plant_hear_the_same(plant: SimServer) -> None:
    async def act() -> None:
        async with connected(plant) as one, connected(plant) as other:
            account = await open_one(one)
            told = await reports_until(other, lambda reports: any(r.accounts for r in reports))
            assert account.login in {each.login for report in told for each in report.accounts}
            await one.move_funds(account.login, Decimal(2), "D-OTHER")
            assert (await other.read_account(account.login)).balance == 2
            with pytest.raises(Refused):
                await other.move_funds(account.login, Decimal(-3), "W-OTHER")

    in_thread(act())


def test_a_server_that_tells_nothing_unasked_is_asked(plant: SimServer) -> None:
    async def act(platform: CTraderPlatform) -> list[Report]:
        await open_one(platform)
        return await reports_until(platform, lambda reports: any(r.accounts for r in reports))

    plant.call(lambda books: setattr(books.switches, "needs_subscription", True))
    try:
        assert run(plant, act, options=Options(subscribes=True))
    finally:
        plant.call(lambda books: setattr(books.switches, "needs_subscription", False))


def test_tickets_of_deals_cash_credit_and_bonus_never_meet(plant: SimServer) -> None:
    assert units.CASH_TICKETS + 10**12 < units.CREDIT_TICKETS < units.BONUS_TICKETS < 2**63 - 10**12
