"""What a client asks of a platform, from the written operation to its outcome, on a real server with real trouble."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core import redis as core_redis
from app.core.db import execute_sql
from app.core.errors import Conflict, Invalid
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.restrictions import service as restrictions
from app.simulators.mt5.faults import FaultKind
from app.trading import permissions
from app.trading.models import AccountStatus, OperationState, TradingAccount
from app.trading.platforms.base import PasswordKind
from app.trading.queries import accounts as queries
from app.trading.service import (
    change_leverage,
    change_password,
    fund,
    open_account,
    resolve,
    trading_locks,
    withdraw_from,
)
from app.trading.service.accounts import SameLeverage
from app.trading.service.funds import DemoMoney, OtherCurrency
from app.trading.service.offers import NoSuchLeverage
from tests.trading.conftest import FAST, SYSTEM, Connector, Desk, wait_until

CONFIRMED, REFUSED, UNKNOWN = OperationState.CONFIRMED, OperationState.REFUSED, OperationState.UNKNOWN


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


@pytest.mark.usefixtures("connector")
def test_an_account_is_opened_and_its_passwords_are_nowhere_in_the_database(desk: Desk) -> None:
    with desk.scope():
        requested = open_account(desk.client_id, "standard", "USD", 200, key="one", by=SYSTEM)
        operation_id, passwords = requested.operation.id, dict(requested.passwords)
        request_key, message = requested.request_key, requested.message
    core_redis.client().lpush(request_key, message)

    assert desk.outcome(operation_id) is CONFIRMED
    with desk.scope():
        account = queries.accounts_of(desk.client_id)[0].account
    assert (account.status, account.leverage, account.currency) == (AccountStatus.ACTIVE, 200, "USD")
    assert account.login is not None
    stored = desk.simulator.call(lambda server: server.passwords[account.login or 0])
    assert (stored.main, stored.investor) == (passwords["main"], passwords["investor"])
    with desk.scope():
        text = execute_sql("SELECT string_agg(o::text, '') FROM platform_operation AS o").scalar_one()
    assert passwords["main"] not in text
    assert passwords["main"] not in message


@pytest.mark.usefixtures("connector")
def test_the_same_key_opens_one_account(desk: Desk) -> None:
    first = desk.ask(open_account, desk.client_id, "standard", "USD", 100, key="same")
    second = desk.ask(open_account, desk.client_id, "standard", "USD", 100, key="same")

    assert first == second
    assert desk.outcome(first) is CONFIRMED
    with desk.scope():
        assert len(queries.accounts_of(desk.client_id)) == 1


def test_one_form_sent_twice_at_once_opens_one_account(desk: Desk) -> None:
    asked: list[UUID] = []

    def send() -> None:
        asked.append(desk.ask(open_account, desk.client_id, "standard", "USD", 100, key="same", handed_over=False))

    presses = [threading.Thread(target=send) for _ in range(4)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()

    assert len(asked) == 4
    assert len(set(asked)) == 1


@pytest.mark.usefixtures("connector")
def test_a_demo_account_is_filled_and_the_books_do_not_know_its_money(desk: Desk) -> None:
    account = desk.open("demo")

    wait_until(lambda: desk.sim_balance(account.login) == 10_000)
    assert desk.on_platform() == 0
    with pytest.raises(DemoMoney):
        desk.ask(fund, account.id, usd("10"))


@pytest.mark.usefixtures("connector")
def test_leverage_changes_when_the_platform_says_so(desk: Desk) -> None:
    account = desk.open()

    assert desk.outcome(desk.ask(change_leverage, account.id, 500)) is CONFIRMED
    with desk.scope():
        assert queries.account(account.id).leverage == 500
    assert desk.simulator.call(lambda server: server.user(account.login or 0).leverage) == 500
    for leverage, refusal in ((333, NoSuchLeverage), (500, SameLeverage)):
        with pytest.raises(refusal):
            desk.ask(change_leverage, account.id, leverage)


@pytest.mark.usefixtures("connector")
def test_money_goes_to_the_account_and_back(desk: Desk) -> None:
    account = desk.open()
    desk.give("1000")

    assert desk.outcome(desk.ask(fund, account.id, usd("400.50"))) is CONFIRMED
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (
        Decimal("599.50"),
        Decimal("400.50"),
        Decimal("400.50"),
    )
    assert desk.outcome(desk.ask(withdraw_from, account.id, usd("100"))) is CONFIRMED
    assert (desk.wallet(), desk.on_platform()) == (Decimal("699.50"), Decimal("300.50"))
    with pytest.raises(OtherCurrency):
        desk.ask(fund, account.id, Money(Decimal(1), "EUR"))


@pytest.mark.usefixtures("connector")
def test_more_than_the_account_has_is_refused_by_the_platform(desk: Desk) -> None:
    account = desk.open()
    desk.give("100")
    desk.outcome(desk.ask(fund, account.id, usd("100")))

    operation_id = desk.ask(withdraw_from, account.id, usd("100.01"))

    assert desk.outcome(operation_id) is REFUSED
    assert desk.operation(operation_id).refusal_reason == "not_enough_money"
    assert (desk.wallet(), desk.on_platform()) == (0, 100)


@pytest.mark.usefixtures("connector")
def test_more_than_the_wallet_has_is_refused_at_once(desk: Desk) -> None:
    account = desk.open()
    desk.give("10")

    with pytest.raises(ledger.InsufficientFunds):
        desk.ask(fund, account.id, usd("10.01"))
    assert desk.wallet() == 10


@pytest.mark.usefixtures("connector")
def test_the_same_key_moves_money_once_and_other_money_is_refused(desk: Desk) -> None:
    account = desk.open()
    desk.give("100")
    first = desk.ask(fund, account.id, usd("30"), key="k")
    again = desk.ask(fund, account.id, usd("30"), key="k")

    assert first == again
    desk.outcome(first)
    assert (desk.wallet(), desk.sim_balance(account.login)) == (70, 30)
    with pytest.raises(ledger.KeyReused):
        desk.ask(fund, account.id, usd("31"), key="k")


@pytest.mark.usefixtures("connector")
def test_passwords_are_changed_and_weak_ones_named(desk: Desk) -> None:
    account = desk.open()

    assert desk.outcome(desk.ask(change_password, account.id, PasswordKind.MAIN, "Qwer567!")) is CONFIRMED
    assert desk.simulator.call(lambda server: server.passwords[account.login or 0].main) == "Qwer567!"
    with pytest.raises(Invalid):
        desk.ask(change_password, account.id, PasswordKind.MAIN, "weak")


@pytest.mark.usefixtures("connector")
def test_locks_are_asked(desk: Desk) -> None:
    account = desk.open()
    desk.give("50")
    client = desk.trader.actor("client")
    with desk.scope():
        for function in (permissions.OPEN_LIVE, permissions.LEVERAGE, permissions.TRANSFER_OWN):
            restrictions.lock(desk.client_id, function, reason_code="aml_review", by=SYSTEM)
    with desk.scope(), pytest.raises(restrictions.Restricted):
        open_account(desk.client_id, "standard", "USD", 100, key="x", by=client)
    with desk.scope(), pytest.raises(restrictions.Restricted):
        change_leverage(account.id, 200, key="x", by=client)
    with desk.scope(), pytest.raises(restrictions.Restricted):
        fund(account.id, usd("1"), key="x", by=client)


@pytest.mark.usefixtures("connector")
def test_an_answer_lost_after_acting_is_found_and_not_repeated(desk: Desk) -> None:
    account = desk.open()
    desk.give("100")
    desk.fault(FaultKind.DROP_AFTER, "trade/balance")

    operation_id = desk.ask(fund, account.id, usd("60"))

    assert desk.outcome(operation_id) in (OperationState.RECONCILED, CONFIRMED)
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (40, 0, 60)
    assert desk.sim_balance(account.login) == 60


def test_a_jump_of_the_platforms_clock_hides_no_movement(desk: Desk) -> None:
    desk.set(send_within_s="1")
    running = Connector(replace(FAST, catch_up=600, catch_up_without_bridge=600))  # Only a look can find it.
    sim_clock, day = desk.simulator.simulator.clock, timedelta(days=1)
    try:
        account = desk.open()
        desk.give("100")
        desk.fault(FaultKind.DROP_AFTER, "trade/balance")
        operation_id = desk.ask(fund, account.id, usd("60"))
        wait_until(lambda: desk.operation(operation_id).state is UNKNOWN)
        desk.simulator.call(lambda _: sim_clock.advance(day))

        assert desk.outcome(operation_id) is OperationState.RECONCILED
        assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (40, 0, 60)
    finally:
        desk.simulator.call(lambda _: sim_clock.advance(-day))
        running.stop()


@pytest.mark.usefixtures("connector")
def test_an_answer_lost_before_acting_is_refused_after_three_looks(desk: Desk) -> None:
    desk.set(send_within_s="1")
    account = desk.open()
    desk.give("100")
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")

    operation_id = desk.ask(fund, account.id, usd("60"))
    wait_until(lambda: desk.operation(operation_id).state is UNKNOWN)
    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (40, 60)

    assert desk.outcome(operation_id) is REFUSED
    assert desk.operation(operation_id).looks == 3
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (100, 0, 0)
    assert desk.sim_balance(account.login) == 0


@pytest.mark.usefixtures("connector")
def test_an_account_opened_without_an_answer_is_found_by_its_reference(desk: Desk) -> None:
    desk.set(send_within_s="0.5")
    desk.fault(FaultKind.DROP_AFTER, "user/add")

    operation_id = desk.ask(open_account, desk.client_id, "standard", "USD", 100)

    assert desk.outcome(operation_id) is OperationState.RECONCILED
    with desk.scope():
        (view,) = queries.accounts_of(desk.client_id)
    assert view.account.login is not None


@pytest.mark.usefixtures("connector")
def test_a_look_that_finds_two_movements_leaves_it_to_a_person(desk: Desk) -> None:
    desk.set(send_within_s="0.5")
    account = desk.open()
    desk.give("100")
    desk.fault(FaultKind.DELAY, "deal/get_batch", count=None, seconds=0.1)
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    operation_id = desk.ask(fund, account.id, usd("60"))
    wait_until(lambda: desk.operation(operation_id).state is UNKNOWN)

    with desk.scope(), pytest.raises(Invalid):
        resolve(operation_id, was_done=False, note="no", by=SYSTEM)
    anna, boris = (replace(SYSTEM, kind="staff", id=new_id(), name=name) for name in ("Anna", "Boris"))
    for by, was_done in ((anna, True), (boris, False), (boris, False)):  # They differ; then one of them says it again.
        with desk.scope():
            resolve(operation_id, was_done=was_done, note="Looked at the platform.", by=by)
        assert desk.operation(operation_id).state is UNKNOWN
        assert (desk.wallet(), desk.wallet(ledger.HELD)) == (40, 60)
    with desk.scope():
        resolve(operation_id, was_done=False, note="Not on the platform.", by=anna)
    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (100, 0)
    with desk.scope(), pytest.raises(Conflict):
        resolve(operation_id, was_done=True, note="It was there.", by=SYSTEM)


def test_what_nobody_sends_in_time_is_refused_and_its_money_returned(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    desk.give("100")
    with desk.scope():
        execute_sql(
            "UPDATE trading_platform SET settings = settings || '{\"operation_expires_s\": 1}'"
            " WHERE tenant_id = :tenant_id"
        )
    operation_id = desk.ask(fund, account.id, usd("60"), handed_over=False)
    assert desk.wallet() == 40

    time.sleep(1.1)
    running = Connector()
    try:
        assert desk.outcome(operation_id) is REFUSED
    finally:
        running.stop()
    assert desk.operation(operation_id).refusal_reason == "expired"
    assert desk.wallet() == 100
    assert desk.sim_balance(account.login) == 0


def test_an_operation_without_a_message_is_found_within_seconds(desk: Desk, connector: Connector) -> None:
    account = desk.open()

    assert desk.outcome(desk.ask(change_leverage, account.id, 200, handed_over=False)) is CONFIRMED


@pytest.mark.usefixtures("connector")
def test_a_lock_on_trading_reaches_the_platform_and_its_lift_too(desk: Desk) -> None:
    account = desk.open()

    def may_trade() -> bool:
        return not desk.simulator.call(lambda server: server.user(account.login or 0).rights) & 4

    with desk.scope():
        lock = restrictions.lock(desk.client_id, permissions.TRADE, reason_code="aml_review", by=SYSTEM)
    wait_until(lambda: not may_trade())
    wait_until(lambda: not _account(desk, account.id).may_trade)
    with desk.scope():
        restrictions.lift(lock.id, reason="Cleared.", by=SYSTEM)
    wait_until(may_trade)
    wait_until(lambda: _account(desk, account.id).may_trade)


@pytest.mark.usefixtures("connector")
def test_a_right_that_the_broker_took_away_on_the_platform_stays_away(desk: Desk) -> None:
    account = desk.open()

    def take(server: Any) -> None:
        user = server.user(account.login)
        user.rights |= 4
        server.user_changed(user)

    desk.simulator.call(take)
    with desk.scope():
        row = queries.account(account.id)
        row.may_trade = False
        assert trading_locks.enforce_on(desk.platform_id) == 0


def _account(desk: Desk, account_id: UUID) -> TradingAccount:
    with desk.scope():
        return queries.account(account_id)
