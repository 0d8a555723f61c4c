"""cTrader through the product: operations, events that become rows, and what two brands see of each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from app.kit.money import Money
from app.ledger import service as ledger
from app.restrictions import service as restrictions
from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.faults import FaultKind
from app.simulators.ctrader.running import SimServer, running_simulator
from app.tenancy.bundles.schema import Refused as BundleRefused
from app.trading import permissions
from app.trading.models import DealRow, OperationState
from app.trading.platforms.base import PasswordKind
from app.trading.queries import accounts as account_queries
from app.trading.queries import platforms
from app.trading.service import change_leverage, change_password, fund, trading_locks, withdraw_from
from app.trading.service.account_changes import change_group
from tests.support.brands import Brand
from tests.trading.conftest import SYSTEM, Connector, slower, wait_until
from tests.trading.ctrader.desk import LOT, PlantDesk, make_desk, section

CONFIRMED, RECONCILED, REFUSED = OperationState.CONFIRMED, OperationState.RECONCILED, OperationState.REFUSED
NORTHERN, SOUTHERN = {"USD": "Standard", "JPY": "Standard"}, {"USD": "VIP"}
SOUTH_LOGIN, SOUTH_PASSWORD = 778, "southpass"


@pytest.fixture(scope="module")
def server() -> Iterator[SimServer]:
    managers = (
        ManagerConfig(groups=("Standard", "Raw")),
        ManagerConfig(login=SOUTH_LOGIN, password=SOUTH_PASSWORD, groups=("VIP",)),
    )
    with running_simulator(seed=3, list_chunk=5, managers=managers, heartbeat_seconds=0.5) as running:
        yield running


@pytest.fixture
def desk(server: SimServer, north: Brand) -> Iterator[PlantDesk]:
    """A desk whose books are proven afterwards: internally, and against the platform's own deals."""
    server.simulator.faults.clear()
    made = make_desk(server, north, NORTHERN)
    yield made
    server.simulator.faults.clear()
    if not made.money_agrees():
        last = Connector()
        wait_until(made.money_agrees)
        last.stop()
    with made.scope():
        assert ledger.verify() == []


@pytest.fixture
def connector(desk: PlantDesk) -> Iterator[Connector]:
    running = Connector()
    wait_until(lambda: is_up(desk))
    yield running
    running.stop()


def is_up(desk: PlantDesk) -> bool:
    with desk.scope():
        status = platforms.status(desk.platform_id)
        return status.link == "up" and not status.catch_up_wanted and status.caught_up_at is not None


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def rows_of(desk: PlantDesk, login: int | None) -> list[DealRow]:
    return desk.rows(lambda row: row.login == login)


@pytest.mark.usefixtures("connector")
def test_an_account_is_opened_funded_and_emptied(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("1000")

    assert desk.outcome(desk.ask(fund, account.id, usd("400.50"))) is CONFIRMED
    assert desk.outcome(desk.ask(withdraw_from, account.id, usd("100"))) is CONFIRMED
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (
        Decimal("699.50"),
        Decimal("300.50"),
        Decimal("300.50"),
    )
    refused = desk.ask(withdraw_from, account.id, usd("300.51"))
    assert desk.outcome(refused) is REFUSED
    assert desk.operation(refused).refusal_reason == "not_enough_money"
    wait_until(lambda: [row.profit for row in rows_of(desk, account.login)] == [Decimal("400.50"), Decimal(-100)])
    with desk.scope():
        assert platforms.unmatched_deals() == []


@pytest.mark.usefixtures("connector")
def test_an_account_keeps_its_money_in_its_own_currency(desk: PlantDesk) -> None:
    account = desk.open(currency="JPY")

    assert account.currency == "JPY"
    assert desk.plant.call(lambda books: books.asset_of(books.by_login(account.login or 0)).name) == "JPY"


@pytest.mark.usefixtures("connector")
def test_leverage_group_and_password_change_when_the_platform_says_so(desk: PlantDesk) -> None:
    account = desk.open()

    assert desk.outcome(desk.ask(change_leverage, account.id, 200)) is CONFIRMED
    assert desk.outcome(desk.ask(change_group, account.id, "Raw", reason="A better offer.")) is CONFIRMED
    password = desk.ask(change_password, account.id, PasswordKind.MAIN, "Better-Horse2")
    assert desk.outcome(password) is CONFIRMED
    there = desk.plant.call(
        lambda books: (
            books.by_login(account.login or 0).leverage_cents,
            books.groups[books.by_login(account.login or 0).group_id].name,
        )
    )
    assert there == (20_000, "Raw")


@pytest.mark.parametrize("kind", [FaultKind.LOSE_AFTER, FaultKind.DROP_AFTER, FaultKind.HALF_FRAME])
@pytest.mark.usefixtures("connector")
def test_money_whose_answer_is_lost_is_booked_once(desk: PlantDesk, kind: FaultKind) -> None:
    account = desk.open()
    desk.give("100")
    desk.arm(kind, "519")

    state = desk.outcome(desk.ask(fund, account.id, usd("60")))

    assert state in (CONFIRMED, RECONCILED)
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (40, 60, 60)


@pytest.mark.usefixtures("connector")
def test_money_that_was_never_moved_comes_back(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("100")
    desk.arm(FaultKind.LOSE_BEFORE, "519")

    operation_id = desk.ask(fund, account.id, usd("60"))

    assert desk.outcome(operation_id) is REFUSED
    assert desk.operation(operation_id).refusal_reason == "absent"
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (100, 0, 0)


@pytest.mark.usefixtures("connector")
def test_a_pushed_trade_becomes_a_closed_trade_with_its_markup(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, usd("1000")))
    opened = desk.trade(account.login, LOT * 3 // 10)
    desk.close(account.login, opened.position.position_id, LOT // 10)
    desk.close(account.login, opened.position.position_id)

    wait_until(lambda: len(desk.closed()) == 2)

    first, second = desk.closed()
    assert [each.volume_lots for each in (first, second)] == [Decimal("0.1"), Decimal("0.2")]
    assert [each.is_partial for each in (first, second)] == [True, False]
    assert (first.side, first.symbol, first.symbol_class, first.contract_size) == ("buy", "EURUSD", "forex", 100_000)
    assert first.opening_deal == second.opening_deal == opened.deals[0].deal_id
    assert first.markup_usd is not None
    assert first.markup_usd > 0
    assert second.holding_ms is not None
    with desk.scope():
        ours = platforms.balances_by_deals(desk.platform_id)[int(account.login or 0)]
    assert ours == desk.sim_balance(account.login)


@pytest.mark.usefixtures("connector")
def test_what_happens_while_the_link_is_down_is_read_when_it_is_back(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, usd("1000")))
    desk.arm(FaultKind.LOSE_EVENT, "300", count=None)
    for _ in range(4):
        opened = desk.trade(account.login)
        desk.close(account.login, opened.position.position_id)
    desk.plant.simulator.faults.clear()
    desk.plant.restart(0.5)

    wait_until(lambda: len(desk.closed()) == 4)
    assert len(desk.rows(lambda row: row.kind == "trade" and row.login == account.login)) == 8


@pytest.mark.usefixtures("connector")
def test_a_missed_movement_is_read_when_the_next_one_shows_the_hole(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, usd("1000")))
    wait_until(lambda: len(rows_of(desk, account.login)) == 1)
    opened = desk.trade(account.login)
    desk.arm(FaultKind.LOSE_EVENT, "300", count=2)  # Accepted and filled.
    desk.close(account.login, opened.position.position_id)
    desk.outcome(desk.ask(withdraw_from, account.id, usd("5")))

    wait_until(lambda: len(desk.closed()) == 1)


@pytest.mark.usefixtures("connector")
def test_a_movement_by_somebody_elses_hand_goes_to_suspense(desk: PlantDesk) -> None:
    from app.simulators.ctrader.enums import BalanceType
    from app.simulators.ctrader.funds import Notes, change_balance

    account = desk.open()
    desk.plant.call(
        lambda books: change_balance(
            books, books.by_login(account.login or 0), BalanceType.DEPOSIT, 2500, Notes(comment="gift")
        )
    )

    wait_until(lambda: desk.house("suspense", "suspense") == -25)
    with desk.scope():
        (row,) = platforms.unmatched_deals()
        assert (row.reason, row.amount, row.comment) == ("unmatched", 25, "gift")


@pytest.mark.usefixtures("connector")
def test_a_lock_on_trading_leaves_closing_while_something_is_open(desk: PlantDesk) -> None:
    account = desk.open()
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, usd("1000")))
    opened = desk.trade(account.login)

    def rights() -> int:
        return desk.plant.call(lambda books: int(books.by_login(account.login or 0).access_rights))

    with desk.scope():
        lock = restrictions.lock(
            desk.client_id, permissions.TRADE, reason_code="court_order", internal_note="", by=SYSTEM
        )
    wait_until(lambda: rights() == 1)
    wait_until(lambda: is_settled(desk, account.id))
    desk.close(account.login, opened.position.position_id)
    with desk.scope():
        restrictions.lift(lock.id, reason="Cleared.", by=SYSTEM)
    wait_until(lambda: rights() == 0)


def is_settled(desk: PlantDesk, account_id: object) -> bool:
    with desk.scope():
        account = account_queries.account(account_id)  # type: ignore[arg-type]
        return not trading_locks.unsettled(account) and not trading_locks.is_being_applied(account)


@pytest.mark.usefixtures("connector")
def test_a_demo_account_is_filled_and_the_books_do_not_know_its_money(desk: PlantDesk) -> None:
    account = desk.open("demo")

    wait_until(lambda: desk.sim_balance(account.login) == 10_000)
    assert desk.on_platform() == 0


def test_two_brands_on_one_plant_see_their_own_accounts_alone(desk: PlantDesk, server: SimServer, south: Brand) -> None:
    other = make_desk(server, south, SOUTHERN, login=SOUTH_LOGIN, password=SOUTH_PASSWORD)
    running = Connector()
    try:
        ours, theirs = desk.open(), other.open()
        for each, account in ((desk, ours), (other, theirs)):
            each.give("500")
            assert each.outcome(each.ask(fund, account.id, usd("500"))) is CONFIRMED
            opened = each.trade(account.login)
            each.close(account.login, opened.position.position_id)
        wait_until(lambda: len(desk.closed()) == 1 and len(other.closed()) == 1)

        assert ours.login in {row.login for row in desk.rows()}
        assert theirs.login not in {row.login for row in desk.rows()}
        assert {row.login for row in other.rows()} == {theirs.login}
        assert (desk.on_platform(), other.on_platform()) == (500, 500)
    finally:
        running.stop()


def test_a_wrong_password_is_a_clear_state_that_ends_by_itself(desk: PlantDesk) -> None:
    from app.tenancy import secrets
    from tests.trading.ctrader.desk import PASSWORD

    with desk.scope():
        secrets.put(PASSWORD, "not-the-password")
    running = Connector(slower(reconfigure=0.3))
    try:

        def error() -> str:
            with desk.scope():
                return platforms.status(desk.platform_id).last_error

        wait_until(lambda: "AUTHENTICATION_FAILED" in error())
        with desk.scope():
            secrets.put(PASSWORD, desk.plant.manager_password)
        wait_until(lambda: is_up(desk), seconds=60)
    finally:
        running.stop()


def test_a_bundle_says_what_is_missing(desk: PlantDesk, server: SimServer) -> None:
    for change in (
        {"plant": ""},
        {"bridge_key": "some-bridge"},
        {"web_services": "http://plain.example"},
        {"web_services": "", "write_path": "web"},
    ):
        with pytest.raises((BundleRefused, msgspec.ValidationError)):
            section(server, NORTHERN, **change)
