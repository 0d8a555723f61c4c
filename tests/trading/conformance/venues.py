"""Two platforms behind one port, each with the hands of a trader on its simulator."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal

from app.kit.ids import new_id
from app.simulators.ctrader import execution as ctrader_execution
from app.simulators.ctrader.enums import TradeSide
from app.simulators.ctrader.faults import Fault as CTraderFault
from app.simulators.ctrader.faults import FaultKind as CTraderFaultKind
from app.simulators.ctrader.running import SimServer as Plant
from app.simulators.ctrader.running import running_simulator as running_plant
from app.simulators.mt5 import SimServer, running_simulator
from app.simulators.mt5 import execution as mt5_execution
from app.simulators.mt5.enums import Action
from app.simulators.mt5.faults import Fault as MT5Fault
from app.simulators.mt5.faults import FaultKind as MT5FaultKind
from app.simulators.mt5.state import TradeServer
from app.trading.platforms.base import AccountRecord, NewAccount, Side, TradingPlatform
from app.trading.platforms.ctrader.adapter import CTraderPlatform
from app.trading.platforms.ctrader.link import LinkSettings
from app.trading.platforms.ctrader.session import Endpoint as ManagerEndpoint
from app.trading.platforms.ctrader.webservices import WebEndpoint
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import PoolSettings

PASSWORD = "Correct-Horse1"


class Venue(ABC):
    """A simulated trade server, and what a trader or bad luck does there. Volumes are lots of EURUSD."""

    group: str
    other_group: str
    currency = "USD"

    @abstractmethod
    def platform(self, **changes: str) -> TradingPlatform:
        """A platform that is not connected. `password` makes it another manager's."""

    @abstractmethod
    def open_position(self, login: int, lots: Decimal, side: Side) -> int: ...

    @abstractmethod
    def close_position(self, login: int, position: int, lots: Decimal) -> None: ...

    @abstractmethod
    def lose_answer_to_money(self, *, is_done: bool) -> None:
        """The next movement of money gets no answer."""

    @abstractmethod
    def clear(self) -> None: ...

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[TradingPlatform]:
        platform = self.platform()
        try:
            await platform.connect()
            yield platform
        finally:
            await platform.close()

    def new_account(self, **changes: object) -> NewAccount:
        tag = new_id().hex[-10:]
        known: dict[str, object] = {
            "group": self.group,
            "name": "Mona Osei",
            "email": f"mona-{tag}@example.com",
            "country": "KE",
            "language": "en",
            "leverage": 100,
            "reference": f"A-{tag}",
            "main_password": PASSWORD,
            "investor_password": "Other-Horse2",
            "currency": self.currency,
        }
        return NewAccount(**{**known, **changes})  # type: ignore[arg-type]

    async def funded(self, platform: TradingPlatform, money: str = "10000") -> AccountRecord:
        account = await platform.open_account(self.new_account())
        await platform.move_funds(account.login, Decimal(money), f"D-{new_id().hex[-10:]}")
        return account

    async def traded(self, login: int, lots: str, side: Side = Side.BUY) -> int:
        return await asyncio.to_thread(self.open_position, login, Decimal(lots), side)

    async def closed(self, login: int, position: int, lots: str) -> None:
        await asyncio.to_thread(self.close_position, login, position, Decimal(lots))


class MT5Venue(Venue):
    group = "real\\standard-usd"
    other_group = "real\\raw-usd"

    def __init__(self, server: SimServer) -> None:
        self._server = server

    def platform(self, **changes: str) -> TradingPlatform:
        server = self._server
        endpoint = Endpoint(
            host="127.0.0.1",
            port=server.port,
            login=server.manager_login,
            password=changes.get("password", server.manager_password),
            ca_pem=server.ca_file.read_text(),
            server_name="localhost",
            request_timeout_s=1.5,
        )
        return MT5Platform(endpoint, PoolSettings(requests_per_s=1000, first_pause_s=0.05))

    def open_position(self, login: int, lots: Decimal, side: Side) -> int:
        action = Action.BUY if side is Side.BUY else Action.SELL

        return self._server.call(
            lambda server: (
                mt5_execution.market_order(server, server.user(login), "EURUSD", action, _mt5_volume(lots)).position
            )
        )

    def close_position(self, login: int, position: int, lots: Decimal) -> None:
        def act(server: TradeServer) -> None:
            held = next(each for each in server.positions_of(login) if each.position == position)
            mt5_execution.close_position(server, server.user(login), held, volume_ext=_mt5_volume(lots))

        self._server.call(act)

    def lose_answer_to_money(self, *, is_done: bool) -> None:
        kind = MT5FaultKind.DROP_AFTER if is_done else MT5FaultKind.DROP_BEFORE
        self._server.simulator.faults.add(MT5Fault(kind=kind, command="trade/balance"))

    def clear(self) -> None:
        self._server.simulator.faults.clear()


def _mt5_volume(lots: Decimal) -> int:
    return int(lots * 100_000_000)


class CTraderVenue(Venue):
    group = "Standard"
    other_group = "Raw"

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def platform(self, **changes: str) -> TradingPlatform:
        plant = self._plant
        endpoint = ManagerEndpoint(
            host="127.0.0.1",
            port=plant.manager_port,
            plant=plant.config.plant,
            environment=plant.config.environment,
            login=plant.manager_login,
            password=changes.get("password", plant.manager_password),
            ca_pem=plant.ca_file.read_text(),
            server_name="localhost",
            request_timeout_s=1.5,
        )
        web = WebEndpoint(plant.web_url, endpoint.login, endpoint.password, endpoint.ca_pem, "localhost")
        return CTraderPlatform(endpoint, web, None, LinkSettings(requests_per_s=1000, first_pause_s=0.05))

    def open_position(self, login: int, lots: Decimal, side: Side) -> int:
        return self._plant.call(
            lambda books: (
                ctrader_execution.market_order(
                    books,
                    books.by_login(login),
                    next(symbol for symbol in books.symbols.values() if symbol.name == "EURUSD"),
                    TradeSide.BUY if side is Side.BUY else TradeSide.SELL,
                    _ctrader_volume(lots),
                ).position.position_id
            )
        )

    def close_position(self, login: int, position: int, lots: Decimal) -> None:
        self._plant.call(
            lambda books: ctrader_execution.close_position(
                books, books.by_login(login), books.position(position), _ctrader_volume(lots)
            )
        )

    def lose_answer_to_money(self, *, is_done: bool) -> None:
        kind = CTraderFaultKind.LOSE_AFTER if is_done else CTraderFaultKind.LOSE_BEFORE
        self._plant.simulator.faults.add(CTraderFault(kind=kind, command="519"))

    def clear(self) -> None:
        self._plant.simulator.faults.clear()


def _ctrader_volume(lots: Decimal) -> int:
    return int(lots * 10_000_000)


@contextmanager
def mt5_venue() -> Iterator[Venue]:
    with running_simulator(seed=21) as server:
        yield MT5Venue(server)


@contextmanager
def ctrader_venue() -> Iterator[Venue]:
    with running_plant(seed=21, list_chunk=5) as plant:
        yield CTraderVenue(plant)


VENUES = {"mt5": mt5_venue, "ctrader": ctrader_venue}
