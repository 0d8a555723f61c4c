"""The same on cTrader, through the same port."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.ctrader import funds
from app.simulators.ctrader.accounts import open_account
from app.simulators.ctrader.enums import BalanceType
from app.simulators.ctrader.running import SimServer, running_simulator
from app.simulators.ctrader.state import Plant
from app.trading.adoption.models import History
from app.trading.queries import accounts, platforms
from app.trading.service import proof, withdraw_from
from tests.support.brands import Brand
from tests.trading.adoption.conftest import Adopter
from tests.trading.conftest import Connector, wait_until
from tests.trading.ctrader.desk import PlantDesk, make_desk


@pytest.fixture(scope="module")
def plant() -> Iterator[SimServer]:
    with running_simulator(seed=9, list_chunk=5, heartbeat_seconds=0.5) as running:
        yield running


def open_old(books: Plant, name: str, email: str, amount: str) -> int:
    group = next(group for group in books.groups.values() if group.name == "Standard")
    dollar = next(asset for asset in books.assets.values() if asset.name == "USD")
    trader = open_account(
        books,
        {
            "group_id": group.id,
            "deposit_asset_id": dollar.id,
            "name": name,
            "email": email,
            "leverage_cents": 10_000,
        },
    )
    funds.change_balance(books, trader, BalanceType.DEPOSIT, funds.precise_minor(trader, Decimal(amount)))
    return trader.login


@pytest.fixture
def desk(plant: SimServer, north: Brand) -> PlantDesk:
    return make_desk(plant, north, {"USD": "Standard"})


def test_accounts_of_a_plant_are_taken_over_with_their_past(plant: SimServer, desk: PlantDesk) -> None:
    adopter = Adopter(desk)
    login = plant.call(lambda books: open_old(books, "Mona", "mona@north.example", "1500"))
    other = plant.call(lambda books: open_old(books, "Omar", "omar@old.example", "70"))
    opened = desk.trade(login)
    desk.close(login, opened.position.position_id)
    adopter.starts_now()
    connector = Connector()
    try:
        wait_until(desk.clock_is_known)
        run = adopter.start("Stand*", creates_clients=True, history=History.NOW)
        adopter.until_matched(run)
        adopter.until_adopted(login, other)
        adopter.until_past_read(run)
        account, balance = adopter.account(login), desk.sim_balance(login)
        assert (account.client_id, account.currency, account.opening_balance) == (desk.client_id, "USD", balance)
        assert desk.on_platform() == balance + 70
        with desk.scope():
            assert len(accounts.closed_trades_of(account.id)) == 1
            assert platforms.unmatched_deals() == []

        assert desk.outcome(desk.ask(withdraw_from, account.id, Money(Decimal(100), "USD"))).is_done
        wait_until(lambda: desk.sim_balance(login) == balance - 100)
        wait_until(desk.money_agrees)
        with desk.scope():
            by_deals = platforms.balances_by_deals(desk.platform_id)
            assert by_deals == {login: balance - 100, other: Decimal(70)}
            assert proof.verify_platform_money() == []
            assert ledger.verify() == []
    finally:
        connector.stop()
