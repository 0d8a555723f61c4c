"""The same on cTrader: movements by hand, bookings, corrections, and the comparison with a plant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.ctrader import funds
from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import BalanceType
from app.simulators.ctrader.running import SimServer, running_simulator
from app.simulators.ctrader.state import Plant
from app.trading.models import OperationState, TradingAccount
from app.trading.money import queries
from app.trading.money.models import BookingStatus, House, RunState, Way
from app.trading.money.service import suspense
from app.trading.money.service.suspense import Draft
from app.trading.queries import platforms
from app.trading.service import fund
from tests.support.brands import Brand
from tests.trading.conftest import Connector, wait_until
from tests.trading.ctrader.desk import PlantDesk, make_desk
from tests.trading.money.conftest import People, in_suspense, unmatched
from tests.trading.money.test_reconciliation import compared, differences

REASON = "The client told us so."
CASH = 10**18  # Where the tickets of cash on cTrader begin.


@pytest.fixture(scope="module")
def server() -> Iterator[SimServer]:
    with running_simulator(seed=3, managers=(ManagerConfig(groups=("Standard",)),), heartbeat_seconds=0.5) as running:
        yield running


@pytest.fixture
def desk(server: SimServer, north: Brand) -> Iterator[PlantDesk]:
    """A desk whose books are proven afterwards: internally, and against the platform's own deals."""
    server.simulator.faults.clear()
    made = make_desk(server, north, {"USD": "Standard"}, reconcile_requests_per_s=200)
    made.set(suspense_second_person_from={"USD": "1000"})
    yield made
    wait_until(made.money_agrees)
    with made.scope():
        assert ledger.verify() == []


@pytest.fixture
def connector(desk: PlantDesk) -> Iterator[Connector]:
    running = Connector()
    wait_until(lambda: is_up(desk))
    yield running
    wait_until(desk.money_agrees)
    running.stop()


def is_up(desk: PlantDesk) -> bool:
    with desk.scope():
        status = platforms.status(desk.platform_id)
        return status.link == "up" and not status.catch_up_wanted and status.caught_up_at is not None


@pytest.fixture
def account(desk: PlantDesk, connector: Connector) -> TradingAccount:
    account = desk.open()
    desk.give("500")
    assert desk.outcome(desk.ask(fund, account.id, Money(Decimal(200), "USD"))) is OperationState.CONFIRMED
    return account


def by_hand(desk: PlantDesk, account: TradingAccount, amount: str) -> int:
    """Move money in the manager's program. Answers the ticket under which it stands in suspense."""

    def move(plant: Plant) -> int:
        trader = plant.by_login(int(account.login or 0))
        kind = BalanceType.DEPOSIT if Decimal(amount) > 0 else BalanceType.WITHDRAW
        minor = funds.precise_minor(trader, abs(Decimal(amount)))
        return CASH + funds.change_balance(plant, trader, kind, minor).balance_history_id

    ticket = desk.plant.call(move)
    wait_until(lambda: ticket in unmatched(desk))
    return ticket


def book(desk: PlantDesk, ticket: int, draft: Draft, people: People) -> BookingStatus:
    anna = people.anna.actor()
    with desk.scope(anna):
        return suspense.propose(desk.platform_id, ticket, draft, once=str(new_id()), by=anna).status


def test_movements_by_hand_are_booked_each_way(desk: PlantDesk, account: TradingAccount, people: People) -> None:
    paid_in, taken, wrong = (by_hand(desk, account, amount) for amount in ("50", "-20", "70"))
    assert in_suspense(desk) == 100

    assert book(desk, paid_in, Draft(Way.HOUSE, REASON, house=House.BANK), people) is BookingStatus.BOOKED
    assert book(desk, taken, Draft(Way.CLIENT, REASON), people) is BookingStatus.BOOKED
    assert book(desk, wrong, Draft(Way.UNDO, REASON), people) is BookingStatus.RUNNING

    wait_until(lambda: unmatched(desk) == {})
    assert (in_suspense(desk), desk.wallet(), desk.on_platform()) == (0, 320, 230)
    assert desk.sim_balance(account.login) == 230
    with desk.scope():
        (undone,) = queries.bookings_of(desk.platform_id, wrong)
        assert undone.status is BookingStatus.BOOKED


def test_a_plant_is_compared_like_a_server(desk: PlantDesk, account: TradingAccount) -> None:
    traded = desk.trade(account.login)
    desk.close(account.login, traded.position.position_id)
    wait_until(lambda: len(desk.rows(lambda row: row.login == account.login)) == 3)
    desk.plant.call(lambda _: desk.plant.simulator.clock.advance(timedelta(minutes=1)))  # Deals settle in that time.
    done = compared(desk)
    assert (done.state, done.error, done.differences) == (RunState.DONE, "", 0)
    assert (done.accounts, done.counted, done.wallets) == (1, 1, 1)

    def spoil(plant: Plant) -> None:
        plant.by_login(int(account.login or 0)).balance += 5

    def mend(plant: Plant) -> None:
        plant.by_login(int(account.login or 0)).balance -= 5

    desk.plant.call(spoil)
    compared(desk)
    assert differences(desk)["balance"].by == Decimal("0.05")
    desk.plant.call(mend)
    assert compared(desk).closed == 1
    assert differences(desk) == {}
