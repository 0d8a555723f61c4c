"""Movements made by hand in the manager's terminal, and the people who decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from app.core.actor import Actor
from app.simulators.mt5.enums import Action
from app.simulators.mt5.money import change_balance
from app.trading.models import TradingAccount, UnmatchedDeal
from app.trading.queries import platforms
from tests.support.brands import Person, app, brands, make_staff, north, south
from tests.trading.conftest import Connector, Desk, connector, desk, simulator, wait_until

__all__ = ["app", "brands", "connector", "desk", "north", "simulator", "south"]


@dataclass(frozen=True)
class People:
    """Two members of finance."""

    anna: Person
    boris: Person

    def actor(self, who: Person) -> Actor:
        return who.actor("staff")


@pytest.fixture
def people(desk: Desk) -> People:
    return People(
        make_staff(desk.brand, "finance", email="anna@north.example"),
        make_staff(desk.brand, "finance", email="boris@north.example"),
    )


@pytest.fixture
def account(desk: Desk, connector: Connector) -> TradingAccount:
    """An account of a client who has money in the wallet."""
    desk.set(suspense_second_person_from={"USD": "100"}, reconcile_requests_per_s="200")
    desk.give("1000")
    return desk.open()


def by_hand(
    desk: Desk, account: TradingAccount, amount: str, comment: str = "by hand", kind: int = Action.BALANCE
) -> int:
    """Move money in the manager's terminal, and wait until it stands in suspense. Answers the deal's number."""
    ticket = desk.simulator.call(
        lambda server: (
            change_balance(server, server.user(account.login or 0), kind, Decimal(amount), comment, dealer=1).deal
        )
    )
    wait_until(lambda: ticket in unmatched(desk))
    return ticket


def unmatched(desk: Desk) -> dict[int, UnmatchedDeal]:
    """What waits for an explanation, by the deals' numbers."""
    with desk.scope():
        return {row.ticket: row for row in platforms.unmatched_deals()}


def in_suspense(desk: Desk) -> Decimal:
    """What stands in suspense, signed as on the platform."""
    return -desk.house("suspense", "suspense")
