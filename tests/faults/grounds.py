"""Platforms to be troubled: each is a simulator, how a brand is connected to it, and how trouble is made there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from app.simulators.ctrader import funds
from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import BalanceType
from app.simulators.ctrader.faults import Fault as PlantFault
from app.simulators.ctrader.faults import FaultKind as PlantFaultKind
from app.simulators.ctrader.running import SimServer as PlantServer
from app.simulators.ctrader.running import running_simulator as running_plant
from app.simulators.ctrader.state import Plant
from app.simulators.mt5 import SimServer, running_simulator
from app.simulators.mt5.enums import Action
from app.simulators.mt5.faults import Fault, FaultKind
from app.simulators.mt5.money import change_balance

CHANGE_BALANCE = "519"
MOVES = (Action.BALANCE, Action.CREDIT, Action.BONUS)


class Trouble(StrEnum):
    """What happens to one movement of money."""

    NONE = "none"
    LOST_AFTER = "answer_lost_after_acting"
    LOST_BEFORE = "answer_lost_before_acting"
    TWICE = "answered_twice"
    CUT = "disconnected_in_mid_frame"
    HELD_BACK = "answered_late"  # Done at once, answered after `seconds`.


@dataclass(frozen=True)
class Movement:
    """One movement of money as the platform's own books have it."""

    amount: Decimal
    reference: str
    is_credit: bool


class Ground(Protocol):
    """A running simulator of one kind of platform."""

    name: str
    has_one_link: bool  # All requests share a connection, and break with it.

    def platform(self, slug: str, *, is_outsider: bool) -> dict[str, object]:
        """The platform's part of a brand's bundle."""
        ...

    def groups(self, *, is_outsider: bool) -> tuple[str, str]:
        """The group of a brand's real accounts in US dollars, and that of its demo accounts."""
        ...

    def secret(self, *, is_outsider: bool) -> str:
        """The manager's password."""
        ...

    def arm(self, trouble: Trouble, login: int, seconds: float = 0) -> None:
        """Trouble the next movement of money of this account."""
        ...

    def restart(self, seconds: float) -> None:
        """Break every connection, take none for a while, go on."""
        ...

    def movements(self, login: int) -> list[Movement]:
        """Every movement of money of an account."""
        ...

    def move_by_hand(self, login: int, amount: Decimal, comment: str) -> None:
        """A movement that somebody makes in the manager's terminal."""
        ...

    def calm(self) -> None:
        """Forget trouble that has not happened."""
        ...


class MT5Ground:
    """MetaTrader 5."""

    name = "mt5"
    has_one_link = False
    _KINDS = {
        Trouble.LOST_AFTER: FaultKind.DROP_AFTER,
        Trouble.LOST_BEFORE: FaultKind.DROP_BEFORE,
        Trouble.TWICE: FaultKind.TWICE,
        Trouble.CUT: FaultKind.CUT,
        Trouble.HELD_BACK: FaultKind.DELAY_AFTER,
    }

    def __init__(self, server: SimServer) -> None:
        self._server = server

    def platform(self, slug: str, *, is_outsider: bool) -> dict[str, object]:
        return {
            "kind": "mt5",
            "address": f"127.0.0.1:{self._server.port}",
            "login": self._server.manager_login,
            "bridge_key": f"{slug}-mt5",
            "bridge_secret": "platform.bridge",
            "ca_file": str(self._server.ca_file),
            "tls_name": "localhost",
            "connections": 8,
            "requests_per_s": 1000,
        }

    def groups(self, *, is_outsider: bool) -> tuple[str, str]:
        return "real\\standard-usd", "demo\\standard-usd"

    def secret(self, *, is_outsider: bool) -> str:
        return self._server.manager_password

    def arm(self, trouble: Trouble, login: int, seconds: float = 0) -> None:
        if trouble is not Trouble.NONE:
            fault = Fault(kind=self._KINDS[trouble], command="trade/balance", login=login, seconds=seconds)
            self._server.simulator.faults.add(fault)

    def restart(self, seconds: float) -> None:
        self._server.restart(seconds)

    def movements(self, login: int) -> list[Movement]:
        deals = self._server.call(lambda server: list(server.deals.of_login(login)))
        return [
            Movement(deal.profit, deal.comment, deal.action != Action.BALANCE) for deal in deals if deal.action in MOVES
        ]

    def move_by_hand(self, login: int, amount: Decimal, comment: str) -> None:
        self._server.call(
            lambda server: change_balance(server, server.user(login), Action.BALANCE, amount, comment, dealer=1)
        )

    def calm(self) -> None:
        self._server.simulator.faults.clear()


class CTraderGround:
    """cTrader."""

    name = "ctrader"
    has_one_link = True
    _KINDS = {
        Trouble.LOST_AFTER: PlantFaultKind.LOSE_AFTER,
        Trouble.LOST_BEFORE: PlantFaultKind.LOSE_BEFORE,
        Trouble.TWICE: PlantFaultKind.REPEAT_ANSWER,
        Trouble.CUT: PlantFaultKind.HALF_FRAME,
        Trouble.HELD_BACK: PlantFaultKind.DELAY_AFTER,
    }
    OUTSIDER = ManagerConfig(login=778, password="outsiders-password", groups=("VIP",))

    def __init__(self, plant: PlantServer) -> None:
        self._plant = plant

    def platform(self, slug: str, *, is_outsider: bool) -> dict[str, object]:
        return {
            "kind": "ctrader",
            "address": f"127.0.0.1:{self._plant.manager_port}",
            "plant": self._plant.config.plant,
            "environment": self._plant.config.environment,
            "web_services": self._plant.web_url,
            "login": self.OUTSIDER.login if is_outsider else self._plant.manager_login,
            "ca_file": str(self._plant.ca_file),
            "tls_name": "localhost",
            "connections": 8,
            "requests_per_s": 1000,
        }

    def groups(self, *, is_outsider: bool) -> tuple[str, str]:
        return ("VIP", "VIP") if is_outsider else ("Standard", "Raw")

    def secret(self, *, is_outsider: bool) -> str:
        return self.OUTSIDER.password if is_outsider else self._plant.manager_password

    def arm(self, trouble: Trouble, login: int, seconds: float = 0) -> None:
        if trouble is not Trouble.NONE:
            number = self._plant.call(lambda plant: plant.by_login(login).trader_id)
            self._plant.simulator.faults.add(
                PlantFault(
                    kind=self._KINDS[trouble], command=CHANGE_BALANCE, trader_id=number, seconds=seconds, face="manager"
                )
            )

    def restart(self, seconds: float) -> None:
        self._plant.restart(seconds)

    def movements(self, login: int) -> list[Movement]:
        def read(plant: Plant) -> list[Movement]:
            trader = plant.by_login(login)
            rows = plant.cash.window(0, 1 << 61, [trader.trader_id])
            return [
                Movement(plant.major(row.delta, trader), row.external_id, BalanceType(row.type).is_credit)
                for row in reversed(rows)
            ]

        return self._plant.call(read)

    def move_by_hand(self, login: int, amount: Decimal, comment: str) -> None:
        def move(plant: Plant) -> None:
            trader = plant.by_login(login)
            kind = BalanceType.DEPOSIT if amount > 0 else BalanceType.WITHDRAW
            funds.change_balance(plant, trader, kind, funds.precise_minor(trader, abs(amount)), funds.Notes(comment))

        self._plant.call(move)

    def calm(self) -> None:
        self._plant.simulator.faults.clear()


@contextmanager
def mt5() -> Iterator[Ground]:
    with running_simulator(seed=7) as server:
        yield MT5Ground(server)


@contextmanager
def ctrader() -> Iterator[Ground]:
    managers = (ManagerConfig(groups=("Standard", "Raw")), CTraderGround.OUTSIDER)
    with running_plant(seed=7, managers=managers, heartbeat_seconds=0.5) as plant:
        yield CTraderGround(plant)


GROUNDS = {"mt5": mt5, "ctrader": ctrader}
