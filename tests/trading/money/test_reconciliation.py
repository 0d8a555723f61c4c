"""Comparing everything with the platform: what differs is found, owned, explained, and closes itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.db import execute_sql
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.ledger.service import Line, Owner
from app.simulators.mt5.enums import Action
from app.simulators.mt5.faults import FaultKind
from app.simulators.mt5.money import change_balance
from app.trading.models import SyncDifference, TradingAccount
from app.trading.money.models import Category, ReconciliationRun, RunState
from app.trading.money.queries import runs as run_queries
from app.trading.money.service import reconciliation
from app.trading.queries import platforms
from app.trading.service import fund, outcomes, proof
from tests.support.brands import Brand, acting, make_staff
from tests.trading.conftest import SYSTEM, Connector, Desk, slower, wait_until

ANNA = "Anna looked into it."


@pytest.fixture
def account(desk: Desk, connector: Connector) -> TradingAccount:
    """An account with money on it."""
    desk.set(reconcile_requests_per_s="200")
    account = desk.open()
    desk.give("100")
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(60), "USD")))
    wait_until(desk.money_agrees)
    return account


def compared(desk: Desk) -> ReconciliationRun:
    """Ask for a comparison and wait for its end."""
    with desk.scope():
        run_id = reconciliation.ask(desk.platform_id, by=SYSTEM).id
    wait_until(lambda: run(desk, run_id).state in (RunState.DONE, RunState.FAILED))
    return run(desk, run_id)


def run(desk: Desk, run_id: Any) -> ReconciliationRun:
    with desk.scope():
        return run_queries.run(run_id)


def differences(desk: Desk) -> dict[str, SyncDifference]:
    with desk.scope():
        return {row.kind: row for row in platforms.open_differences(desk.platform_id)}


def on_platform(desk: Desk, account: TradingAccount, change: Callable[[Any], None]) -> None:
    """Change an account's record behind everybody's back."""
    desk.simulator.call(lambda server: change(server.user(account.login)))


def test_where_all_agree_nothing_is_found(desk: Desk, account: TradingAccount) -> None:
    desk.open("demo")
    wait_until(lambda: compared(desk).accounts == 2)

    done = compared(desk)

    assert (done.state, done.differences, done.opened, done.closed) == (RunState.DONE, 0, 0, 0)
    assert (done.accounts, done.wallets) == (2, 1)
    assert done.requests > 0
    assert done.duration is not None


def test_balance_and_credit_that_differ_stand_until_they_agree(desk: Desk, account: TradingAccount) -> None:
    def spoil(user: Any) -> None:
        user.balance += Decimal("0.01")
        user.credit += 7

    on_platform(desk, account, spoil)

    first = compared(desk)
    found = differences(desk)
    assert (first.differences, first.opened) == (2, 2)
    assert (found["balance"].ours, found["balance"].theirs) == (60, Decimal("60.01"))
    assert (found["credit"].by, found["credit"].account_id) == (7, account.id)
    again = compared(desk)
    assert (again.differences, again.opened, again.closed) == (2, 0, 0)

    def mend(user: Any) -> None:
        user.balance -= Decimal("0.01")
        user.credit -= 7

    on_platform(desk, account, mend)

    last = compared(desk)
    assert (last.differences, last.closed) == (0, 2)
    assert differences(desk) == {}


def test_an_account_that_is_gone_differs_by_its_balance(desk: Desk, account: TradingAccount) -> None:
    kept = desk.simulator.call(lambda server: server.users.pop(account.login or 0))
    try:
        compared(desk)
        assert differences(desk)["balance"].theirs == 0
    finally:
        desk.simulator.call(lambda server: server.users.__setitem__(account.login or 0, kept))


def test_a_deal_that_we_have_missed_is_counted(desk: Desk, account: TradingAccount, connector: Connector) -> None:
    connector.stop()
    sim_clock, hour = desk.simulator.simulator.clock, timedelta(hours=1)
    try:
        desk.simulator.call(lambda _: sim_clock.advance(hour))
        blind = Connector(slower(catch_up_without_bridge=600, catch_up=600))
        wait_until(lambda: compared(desk).differences == 0)
        _missed(desk, account)
        desk.simulator.call(lambda _: sim_clock.advance(timedelta(minutes=1)))  # No deal is that long on its way.

        compared(desk)

        found = differences(desk)
        assert (found["deal_count"].by, found["balance"].by) == (1, 3)
        with desk.scope():
            assert not proof.completeness(desk.platform_id, clock.now() - timedelta(days=1)).is_complete
        blind.stop()
        seeing = Connector()
        try:
            with desk.scope():
                execute_sql("UPDATE platform_status SET catch_up_wanted = 'gap' WHERE tenant_id = :tenant_id")
            wait_until(lambda: compared(desk).differences == 0)
        finally:
            seeing.stop()
        assert differences(desk) == {}
    finally:
        desk.simulator.call(lambda _: sim_clock.advance(-hour - timedelta(minutes=1)))


def _missed(desk: Desk, account: TradingAccount) -> None:
    desk.simulator.call(
        lambda server: change_balance(
            server, server.user(account.login or 0), Action.BALANCE, Decimal(3), "unseen", dealer=1
        )
    )


def test_the_house_wallet_is_compared_with_the_platforms_deals(desk: Desk, account: TradingAccount) -> None:
    with desk.scope():
        bank = ledger.wallet(Owner("house", "bank_wire"), "bank", "USD").id
        wallet = outcomes.platform_wallet(desk.platform_id, "USD")
        five = Money(Decimal(5), "USD")
        entry = ledger.post("wrong", "deposit", [Line(bank, -five), Line(wallet, five)], SYSTEM)

    compared(desk)

    found = differences(desk)["house_wallet"]
    assert (found.ours, found.theirs, found.currency, found.account_id) == (65, 60, "USD", None)
    with desk.scope():
        ledger.reverse(entry.id, "right", SYSTEM, "It was wrong.")
    assert compared(desk).closed == 1


def test_a_difference_is_explained_and_asked_about_anew_when_it_changes(desk: Desk, account: TradingAccount) -> None:
    finance = make_staff(desk.brand, "finance").actor()

    def add(user: Any) -> None:
        user.balance += 1

    on_platform(desk, account, add)
    compared(desk)
    row = differences(desk)["balance"]
    with desk.scope(finance), pytest.raises(Invalid):
        reconciliation.explain(row.id, Category.BY_HAND, "no", by=finance)
    with desk.scope(finance):
        reconciliation.explain(row.id, Category.BY_HAND, ANNA, by=finance)

    compared(desk)
    same = differences(desk)["balance"]
    assert (same.id, same.category, same.explained_by) == (row.id, "by_hand", finance.name)
    on_platform(desk, account, add)
    compared(desk)
    other = differences(desk)["balance"]
    assert (other.id, other.category, other.note, other.by) == (row.id, None, ANNA, 2)

    def mend(user: Any) -> None:
        user.balance -= 2

    on_platform(desk, account, mend)
    compared(desk)
    with desk.scope(finance), pytest.raises(reconciliation.DifferenceGone):
        reconciliation.explain(row.id, Category.OTHER, ANNA, by=finance)


def test_one_run_at_a_time(desk: Desk, connector: Connector) -> None:
    connector.stop()
    with desk.scope():
        reconciliation.ask(desk.platform_id, by=SYSTEM)
    with desk.scope(), pytest.raises(reconciliation.RunUnderWay):
        reconciliation.ask(desk.platform_id, by=SYSTEM)


def test_a_run_that_was_broken_off_is_closed_by_the_next_owner(desk: Desk, connector: Connector) -> None:
    connector.stop()
    with desk.scope():
        asked = reconciliation.ask(desk.platform_id, by=SYSTEM)
        assert reconciliation.begin(desk.platform_id) is not None
    with desk.scope():
        assert reconciliation.begin(desk.platform_id) is None

    assert run(desk, asked.id).state is RunState.FAILED


def test_a_night_that_was_broken_off_is_made_up_for(desk: Desk, connector: Connector) -> None:
    connector.stop()
    with desk.scope():
        platforms.platform(desk.platform_id).created_at = clock.now() - timedelta(days=2)
    with desk.scope():
        night = reconciliation.begin(desk.platform_id)
    assert night is not None
    with desk.scope():
        assert reconciliation.begin(desk.platform_id) is None  # Not at once: what broke it off may do so again.
    with desk.scope():
        broken = run_queries.run(night.run_id)
        assert broken.finished_at is not None
        broken.finished_at -= reconciliation.AGAIN_AFTER

    with desk.scope():
        again = reconciliation.begin(desk.platform_id)
        assert again is not None
        reconciliation.finish(again.run_id, 0)
    with desk.scope():
        assert reconciliation.begin(desk.platform_id) is None


def test_trouble_on_the_way_ends_the_run_and_another_may_begin(desk: Desk, account: TradingAccount) -> None:
    desk.fault(FaultKind.RETCODE, "user/get_batch", count=None, retcode=10)
    broken = compared(desk)
    desk.simulator.simulator.faults.clear()

    assert broken.state is RunState.FAILED
    assert broken.error
    assert compared(desk).state is RunState.DONE


def test_every_night_by_itself_and_once(desk: Desk, connector: Connector) -> None:
    with desk.scope():
        platform = platforms.platform(desk.platform_id)
        platform.created_at = clock.now() - timedelta(days=2)

    def nights() -> list[ReconciliationRun]:
        with desk.scope():
            return [row for row in run_queries.runs(None, limit=9, offset=0)[0] if row.state is RunState.DONE]

    wait_until(nights)
    assert compared(desk).cause == "asked"
    assert [row.cause for row in nights()] == ["asked", "night"]


def test_another_brand_sees_no_run_and_explains_nothing(desk: Desk, account: TradingAccount, south: Brand) -> None:
    def spoil(user: Any) -> None:
        user.balance += 1

    on_platform(desk, account, spoil)
    compared(desk)
    row = differences(desk)["balance"]

    with acting(south):
        assert run_queries.runs(None, limit=9, offset=0) == ([], 0)
    with acting(south), pytest.raises(NotFound):
        reconciliation.explain(row.id, Category.OTHER, ANNA, by=SYSTEM)
    with acting(south), pytest.raises(NotFound):
        reconciliation.ask(desk.platform_id, by=SYSTEM)
