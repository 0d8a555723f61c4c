"""A trade server, two brands with accounts on it, and a connector that can be killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import pytest

from app.core import db
from app.core import redis as core_redis
from app.core.actor import Actor, acting_as, system_actor
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.ledger.service import Line, Owner
from app.simulators.mt5 import SimServer, running_simulator
from app.simulators.mt5.faults import Fault, FaultKind
from app.tenancy import secrets
from app.trading import bridge, bundle
from app.trading.connector import run_connector
from app.trading.connector.pace import Pace
from app.trading.models import OperationState, PlatformOperation, TradingAccount
from app.trading.queries import accounts as account_queries
from app.trading.queries import operations as operation_queries
from app.trading.queries import platforms
from app.trading.service import Requested, open_account, proof
from tests.support.brands import Brand, Person, app, brands, make_trader, north, south

__all__ = ["app", "brands", "north", "south"]

T = TypeVar("T")
SYSTEM = system_actor("test")
FAST = Pace(
    due=0.2,
    link=0.5,
    reconnect=0.1,
    catch_up=0.3,
    catch_up_without_bridge=0.3,
    figures=0.3,
    refresh=0.1,
    settings=600,
    comparison=600,
    settles=0.2,
)
BRIDGE_SECRET = "bridge-secret-of-the-test"


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimServer]:
    with running_simulator(seed=5, heartbeat_seconds=0.5) as running:
        yield running


@dataclass(frozen=True)
class Desk:
    """A brand with a platform, and the hands of a test on it."""

    brand: Brand
    platform_id: UUID
    trader: Person
    simulator: SimServer

    @contextmanager
    def scope(self, by: Actor = SYSTEM) -> Iterator[None]:
        """Work as the brand; what the block did is committed at its end."""
        with db.tenant_scope(self.brand.id), acting_as(by), db.transaction():
            yield

    @property
    def client_id(self) -> UUID:
        assert self.trader.client_id is not None
        return self.trader.client_id

    def ask(self, work: Callable[..., Requested], *args: Any, handed_over: bool = True, **kwargs: Any) -> UUID:
        """Do as a page does: write the operation, commit, hand its message over. Answers the operation's id."""
        with self.scope():
            requested = work(*args, key=kwargs.pop("key", str(new_id())), by=SYSTEM, **kwargs)
            request_key, message, operation_id = requested.request_key, requested.message, requested.operation.id
        if handed_over:
            core_redis.client().lpush(request_key, message)
        return operation_id

    def operation(self, operation_id: UUID) -> PlatformOperation:
        with self.scope():
            return operation_queries.find(operation_id)

    def outcome(self, operation_id: UUID, *, seconds: float = 30) -> OperationState:
        """Wait for the operation's outcome."""
        wait_until(lambda: self.operation(operation_id).state.is_final, seconds=seconds)
        return self.operation(operation_id).state

    def open(self, type_code: str = "standard", currency: str = "USD", leverage: int = 100) -> TradingAccount:
        """An account that the platform has opened."""
        operation_id = self.ask(open_account, self.client_id, type_code, currency, leverage)
        assert self.outcome(operation_id) is OperationState.CONFIRMED, self.operation(operation_id).result
        with self.scope():
            return account_queries.account(self.operation_of(operation_id).account_id)

    def operation_of(self, operation_id: UUID) -> PlatformOperation:
        return operation_queries.find(operation_id)

    def give(self, amount: str, currency: str = "USD") -> None:
        """Put money into the client's wallet."""
        money = Money(Decimal(amount), currency)
        with self.scope():
            bank = ledger.wallet(Owner("house", "bank_wire"), "bank", currency).id
            main = ledger.wallet(Owner("client", self.client_id), ledger.MAIN, currency).id
            ledger.post(f"give:{new_id()}", "deposit", [Line(bank, -money), Line(main, money)], SYSTEM)

    def wallet(self, purpose: str = ledger.MAIN, currency: str = "USD") -> Decimal:
        with self.scope():
            return ledger.wallet(Owner("client", self.client_id), purpose, currency).balance.amount

    def house(self, house: str, purpose: str, currency: str = "USD") -> Decimal:
        with self.scope():
            return ledger.balance(ledger.wallet(Owner("house", house), purpose, currency).id).amount

    def on_platform(self, currency: str = "USD") -> Decimal:
        """Clients' money on the platform, by the books."""
        return self.house("platform", f"platform:{self.platform_id}", currency)

    def sim_balance(self, login: int | None) -> Decimal:
        """The account's balance as the platform has it."""
        return self.simulator.call(lambda server: server.user(int(login or 0)).balance)

    def fault(self, kind: FaultKind, command: str, **more: Any) -> None:
        self.simulator.simulator.faults.add(Fault(kind=kind, command=command, **more))

    def money_agrees(self) -> bool:
        """Whether the books and the platform's own balance deals say the same."""
        with self.scope():
            return proof.verify_platform_money() == []

    def set(self, **settings: Any) -> None:
        """Change the platform's settings."""
        with self.scope():
            row = platforms.platform(self.platform_id)
            row.settings = {**row.settings, **settings}

    def clock_is_known(self) -> bool:
        with self.scope():
            return platforms.server_clock(self.platform_id) is not None


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Return when the condition holds; fail when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "This did not happen in time."
        time.sleep(0.02)


def section(simulator: SimServer, brand: Brand, **changes: Any) -> bundle.TradingSection:
    """The trading part of a test brand's bundle."""
    platform = {
        "code": "mt5",
        "name": "MT5",
        "server_name": "Test-Live",
        "address": f"127.0.0.1:{simulator.port}",
        "login": simulator.manager_login,
        "password_secret": "mt5.password",
        "bridge_key": f"{brand.slug}-mt5",
        "bridge_secret": "mt5.bridge",
        "ca_file": str(simulator.ca_file),
        "tls_name": "localhost",
        "requests_per_s": 500,
        "look_after_s": [0.2, 0.4, 0.6],
        "quick_looks": True,
        **changes,
    }
    types = [
        {
            "code": "standard",
            "platform": "mt5",
            "label": {"en": "Standard"},
            "groups": {"USD": "real\\standard-usd", "EUR": "real\\standard-eur"},
            "leverages": [50, 100, 200, 500],
            "default_leverage": 100,
        },
        {
            "code": "netting",
            "platform": "mt5",
            "label": {"en": "Netting"},
            "groups": {"USD": "real\\netting-usd"},
            "leverages": [100],
            "default_leverage": 100,
            "hedging": False,
        },
        {
            "code": "demo",
            "platform": "mt5",
            "label": {"en": "Demo"},
            "groups": {"USD": "demo\\standard-usd"},
            "leverages": [100],
            "default_leverage": 100,
            "demo": True,
        },
    ]
    return msgspec.convert({"platforms": [platform], "account_types": types}, bundle.TradingSection, strict=False)


def make_desk(simulator: SimServer, brand: Brand, **changes: Any) -> Desk:
    trader = make_trader(brand, f"mona@{brand.slug}.example")
    with db.tenant_scope(brand.id), db.transaction():
        secrets.put("mt5.password", simulator.manager_password)
        secrets.put("mt5.bridge", BRIDGE_SECRET)
        bundle.apply(section(simulator, brand, **changes))
        platform_id = platforms.platforms()[0].id
    return Desk(brand, platform_id, trader, simulator)


@pytest.fixture
def platform_settings() -> dict[str, Any]:
    """What the platform of a test's brand says besides; files of tests put their own here."""
    return {}


@pytest.fixture
def desk(simulator: SimServer, north: Brand, platform_settings: dict[str, Any]) -> Iterator[Desk]:
    """A desk whose books are proven afterwards: internally, and against the platform's own deals."""
    simulator.simulator.faults.clear()
    bridge.forget()
    made = make_desk(simulator, north, **platform_settings)
    yield made
    simulator.simulator.faults.clear()
    if not made.money_agrees():
        last = Connector()  # What happened at the end of the test has not been read yet.
        wait_until(made.money_agrees)
        last.stop()
    with made.scope():
        assert ledger.verify() == []


class Connector:
    """A connector in a thread."""

    def __init__(self, pace: Pace = FAST) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=run_connector, args=(self._stop, pace), name="connector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def connector(desk: Desk) -> Iterator[Connector]:
    """A running connector that knows the platform's clock."""
    running = Connector()
    wait_until(desk.clock_is_known)
    yield running
    running.stop()


def slower(**pauses: float) -> Pace:
    return replace(FAST, **pauses)
