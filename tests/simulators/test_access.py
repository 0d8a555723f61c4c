"""What rights and groups keep an account from doing, as the platform itself enforces it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.simulators.mt5.accounts import change_account
from app.simulators.mt5.config import ManagerConfig, SimConfig, Switches
from app.simulators.mt5.enums import Action, OrderType, Reason, Rights
from app.simulators.mt5.execution import Terms, close_position, market_order
from app.simulators.mt5.pending import place_order
from app.simulators.mt5.retcodes import Refusal, Retcode
from tests.simulators.support import Books, lots

CRM = ManagerConfig()


def refused(act: object, *args: object, **kwargs: object) -> Retcode:
    with pytest.raises(Refusal) as refusal:
        act(*args, **kwargs)  # type: ignore[operator]
    return refusal.value.retcode


def test_a_close_only_group_closes_and_opens_nothing(books: Books) -> None:
    user = books.account("real\\standard-usd")
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.20"))
    assert refused(change_account, books.server, user, {"group": "close\\standard-usd"}, CRM) is Retcode(3008)
    books.server.switches.moves_open_positions = True
    assert refused(change_account, books.server, user, {"group": "close\\netting-usd"}, CRM) is Retcode(3008)
    change_account(books.server, user, {"group": "close\\standard-usd"}, CRM)

    assert refused(market_order, books.server, user, "EURUSD", Action.BUY, lots("0.10")) is Retcode.CLOSE_ONLY
    limit = (books.server, user, "EURUSD", OrderType.BUY_LIMIT, lots("0.10"), Decimal("0.5"), Terms())
    assert refused(place_order, *limit) is Retcode.CLOSE_ONLY
    close_position(books.server, user, books.server.positions_of(user.login)[0])
    assert books.server.positions_of(user.login) == []


def test_a_netting_account_that_only_closes_may_reduce_and_not_reverse(books: Books) -> None:
    user = books.account("real\\netting-usd")
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.20"))
    user.group = "close\\netting-usd"

    assert refused(market_order, books.server, user, "EURUSD", Action.BUY, lots("0.10")) is Retcode.CLOSE_ONLY
    assert refused(market_order, books.server, user, "EURUSD", Action.SELL, lots("0.30")) is Retcode.CLOSE_ONLY
    market_order(books.server, user, "EURUSD", Action.SELL, lots("0.10"))
    assert [own.volume_ext for own in books.server.positions_of(user.login)] == [lots("0.10")]


def test_robots_trade_only_where_the_account_lets_them(books: Books) -> None:
    user = books.account("real\\standard-usd")
    robot = Terms(reason=Reason.EXPERT, expert=7)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"), robot)
    user.rights &= ~Rights.EXPERT

    assert refused(market_order, books.server, user, "EURUSD", Action.BUY, lots("0.10"), robot) is Retcode(10026)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"))


def test_the_switch_is_off_unless_asked_for() -> None:
    assert not Switches().moves_open_positions
    assert {group.name for group in SimConfig().groups if group.close_only} == {
        group.name.replace("real", "close", 1) for group in SimConfig().groups if group.name.startswith("real")
    }
