"""Margin, equity, margin calls, stop-outs, swaps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.simulators.mt5.enums import Action, Reason
from app.simulators.mt5.execution import market_order
from app.simulators.mt5.margin import account_state
from app.simulators.mt5.watch import Watch
from tests.simulators.support import Books, lots


def test_equity_follows_the_price(books: Books) -> None:
    user = books.account(balance="1000")
    books.market.rates = {("EUR", "USD"): Decimal("1.1")}
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.50"))
    books.market.set("EURUSD", "1.09900")

    state = account_state(books.server, user)

    assert (state.profit, state.equity) == (Decimal("-50.00"), Decimal("950.00"))
    assert state.margin == Decimal("550.00")  # 50,000 EUR at 1.1, hundredfold leverage.
    assert state.margin_free == Decimal("400.00")
    assert state.margin_level == Decimal("172.73")
    user.leverage = 200
    assert account_state(books.server, user).margin == Decimal("275.00")


def test_opposite_positions_share_their_margin(books: Books) -> None:
    user = books.account()
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    market_order(books.server, user, "EURUSD", Action.SELL, lots("0.40"))

    assert account_state(books.server, user).margin == Decimal("1000.00")


def test_without_positions_nothing_is_bound(books: Books) -> None:
    state = account_state(books.server, books.account(balance="5"))

    assert (state.margin, state.margin_level, state.equity) == (Decimal(0), Decimal(0), Decimal("5.00"))


def test_a_margin_call_comes_and_goes(books: Books) -> None:
    user, watch = books.account(balance="1500"), Watch(books.server)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.market.set("EURUSD", "1.09450")
    watch.look()
    assert account_state(books.server, user).so_activation == 1
    books.market.set("EURUSD", "1.09900")
    watch.look()

    assert books.events[-2:] == ["account.margin_call", "account.margin_call_end"]
    assert account_state(books.server, user).so_activation == 0


def test_a_stop_out_closes_the_worst_position_first_and_only_as_far_as_needed(books: Books) -> None:
    user, watch = books.account(balance="2500"), Watch(books.server)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.market.set("EURUSD", "1.09500")
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.50"))
    books.market.set("EURUSD", "1.08500")
    watch.look()

    last = list(books.server.deals)[-1]
    assert (Reason(last.reason), last.volume_ext, last.profit) == (Reason.STOP_OUT, lots("1.00"), Decimal("-1500.00"))
    assert last.comment.startswith("[so ")
    left = books.server.positions_of(user.login)
    assert [own.volume_ext for own in left] == [lots("0.50")]
    assert "account.stop_out" in books.events


def test_a_night_costs_swap_and_three_on_wednesday(books: Books) -> None:
    user, watch = books.account(), Watch(books.server)  # The books begin on a Wednesday.
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.clock.advance(timedelta(days=1))
    watch.look()
    wednesday = books.server.positions_of(user.login)[0].storage
    books.clock.advance(timedelta(days=1))
    watch.look()
    both = books.server.positions_of(user.login)[0].storage
    books.clock.advance(timedelta(days=2))
    watch.look()

    assert wednesday == Decimal("-9.60")
    assert both == Decimal("-12.80")
    assert books.server.positions_of(user.login)[0].storage == Decimal("-16.00")  # Friday's night, none of Saturday.
    assert account_state(books.server, user).floating == Decimal("-16.00")


def test_the_swap_leaves_with_the_volume_it_belongs_to(books: Books) -> None:
    user, watch = books.account(), Watch(books.server)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    ticket = books.server.positions_of(user.login)[0].position
    books.clock.advance(timedelta(days=1))
    watch.look()

    first = market_order(books.server, user, "EURUSD", Action.SELL, lots("0.25"), position_ticket=ticket).deals[0]
    second = market_order(books.server, user, "EURUSD", Action.SELL, lots("0.75"), position_ticket=ticket).deals[0]

    assert (first.storage, second.storage) == (Decimal("-2.40"), Decimal("-7.20"))
    assert user.balance == Decimal("9990.40")
