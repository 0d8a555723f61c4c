"""Platforms to be troubled: each is a simulator, how a brand is connected to it, and how trouble is made there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from app.simulators.mt5 import SimServer, running_simulator
from app.simulators.mt5.enums import Action
from app.simulators.mt5.faults import Fault, FaultKind
from app.simulators.mt5.money import change_balance

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

    def platform(self, slug: str) -> dict[str, object]:
        """The platform's part of a brand's bundle."""
        ...

    def groups(self) -> tuple[str, str]:
        """The group of real accounts in US dollars, and that of demo accounts."""
        ...

    def secret(self) -> str:
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
    _KINDS = {
        Trouble.LOST_AFTER: FaultKind.DROP_AFTER,
        Trouble.LOST_BEFORE: FaultKind.DROP_BEFORE,
        Trouble.TWICE: FaultKind.TWICE,
        Trouble.CUT: FaultKind.CUT,
        Trouble.HELD_BACK: FaultKind.DELAY_AFTER,
    }

    def __init__(self, server: SimServer) -> None:
        self._server = server

    def platform(self, slug: str) -> dict[str, object]:
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

    def groups(self) -> tuple[str, str]:
        return "real\\standard-usd", "demo\\standard-usd"

    def secret(self) -> str:
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


@contextmanager
def mt5() -> Iterator[Ground]:
    with running_simulator(seed=7) as server:
        yield MT5Ground(server)


GROUNDS = {"mt5": mt5}
