"""Deals, positions and closing details, computed by hand at prices that a test sets."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.config import DEFAULT_GROUPS, GroupConfig
from app.simulators.ctrader.control.answers import volume_of
from app.simulators.ctrader.enums import AccessRights, DealStatus, ExecutionType, OrderType, PositionStatus, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Terms, close_position, market_order
from app.simulators.ctrader.manager import trade_wire
from app.simulators.ctrader.margin import figures_of
from app.simulators.ctrader.pending import place_order
from app.simulators.ctrader.records import CloseDetail, Deal
from app.simulators.ctrader.watch import Watch
from tests.simulators.ctrader.support import LATEST, Books

BUY, SELL = TradeSide.BUY, TradeSide.SELL
FREE, MARKED, PER_MILLION, NARROW = 201, 202, 203, 204


@pytest.fixture
def books() -> Books:
    return _books()


def _books() -> Books:
    groups = (
        *DEFAULT_GROUPS,
        GroupConfig(FREE, "Free"),
        GroupConfig(MARKED, "Marked", markup_points=9),
        GroupConfig(PER_MILLION, "Million", commission_profile=3),
        GroupConfig(NARROW, "Narrow", stop_out_share=Decimal("0.5")),
    )
    return Books(groups=groups)


def _symbol(books: Books, name: str) -> Symbol:
    return books.plant.symbols[books.plant.symbol_ids[name]]


def _detail(deal: Deal) -> CloseDetail:
    assert deal.detail is not None
    return deal.detail


def test_lots_are_volume_by_lot_size(books: Books) -> None:
    assert volume_of(_symbol(books, "EURUSD"), "0.10") == 1_000_000  # 10,000.00 units.
    assert volume_of(_symbol(books, "XAUUSD"), "0.01") == 100  # One ounce.


def test_a_round_trip_moves_the_balance_once(books: Books) -> None:
    trader = books.account(group_id=FREE)
    opened = market_order(books.plant, trader, _symbol(books, "EURUSD"), BUY, 1_000_000)
    assert (trader.balance, trader.balance_version) == (1_000_000, 1)
    assert opened.deals[0].detail is None
    books.clock.advance(timedelta(milliseconds=480_740))
    books.price("EURUSD", "1.10110")
    closed = close_position(books.plant, trader, opened.position)

    deal, detail = closed.deals[0], _detail(closed.deals[0])
    assert (detail.entry_price, detail.profit, detail.net_profit, detail.commission) == (1.1, 1_100, 1_100, 0)
    assert (detail.balance, detail.balance_version, trader.balance) == (1_001_100, 2, 1_001_100)
    assert deal.executed_at - detail.opened_at == 480_740
    assert (deal.side, deal.status, detail.closed_volume) == (SELL, DealStatus.FILLED, 1_000_000)
    assert closed.position.status == PositionStatus.CLOSED
    assert books.plant.positions_of(trader.trader_id) == []


def test_commission_per_million_is_charged_on_each_side(books: Books) -> None:
    trader = books.account(group_id=PER_MILLION)
    books.price("EURUSD", "1.08616")
    opened = market_order(books.plant, trader, _symbol(books, "EURUSD"), BUY, 100_000)
    assert (opened.deals[0].commission, trader.balance) == (2, 1_000_000)  # 0.0217 dollars.
    detail = _detail(close_position(books.plant, trader, opened.position).deals[0])

    assert (detail.commission, detail.profit, detail.net_profit, trader.balance) == (4, 0, -4, 999_996)


def test_the_markup_is_what_the_client_pays_over_the_provider(books: Books) -> None:
    trader = books.account(group_id=MARKED)
    books.price("XAUUSD", "4551.30", "4551.30")
    opened = market_order(books.plant, trader, _symbol(books, "XAUUSD"), BUY, 100)
    assert (opened.deals[0].price, opened.deals[0].lp_price, opened.deals[0].markup) == (4551.39, 4551.3, 9)
    books.price("XAUUSD", "4553.02", "4553.02")
    closed = close_position(books.plant, trader, opened.position).deals[0]

    assert (closed.price, closed.lp_price, closed.markup, _detail(closed).markup) == (4552.93, 4553.02, 9, 18)
    assert _detail(closed).profit == 154


def test_a_position_closed_in_parts_gives_each_its_share(books: Books) -> None:
    trader = books.account(group_id=103)
    symbol = _symbol(books, "EURUSD")
    opened = market_order(books.plant, trader, symbol, BUY, 3_000_000)
    books.price("EURUSD", "1.10100")
    first = close_position(books.plant, trader, opened.position, 1_000_000).deals[0]
    second = close_position(books.plant, trader, opened.position).deals[0]

    assert [_detail(deal).closed_volume for deal in (first, second)] == [1_000_000, 2_000_000]
    assert first.position_id == second.position_id == opened.position.position_id
    total = opened.deals[0].markup + first.markup + second.markup
    assert sum((_detail(deal).markup for deal in (first, second)), Decimal(0)) == total
    paid = opened.deals[0].commission + first.commission + second.commission
    assert sum(_detail(deal).commission for deal in (first, second)) == paid
    assert trader.balance - 1_000_000 == sum(_detail(deal).net_profit for deal in (first, second))


def test_an_order_may_fill_in_several_deals(books: Books) -> None:
    trader = books.account(group_id=FREE)
    done = market_order(
        books.plant, trader, _symbol(books, "EURUSD"), BUY, 1_000_000, fills=[300_000, 200_000, 500_000]
    )

    assert [(deal.filled_volume, deal.volume, deal.status) for deal in done.deals] == [
        (300_000, 1_000_000, DealStatus.PARTIALLY_FILLED),
        (200_000, 1_000_000, DealStatus.PARTIALLY_FILLED),
        (500_000, 1_000_000, DealStatus.FILLED),
    ]
    assert done.position.volume == 1_000_000
    kinds = [event.execution for event in books.events if event.order is not None]
    assert kinds == [
        ExecutionType.ORDER_ACCEPTED,
        ExecutionType.ORDER_PARTIAL_FILL,
        ExecutionType.ORDER_PARTIAL_FILL,
        ExecutionType.ORDER_FILLED,
    ]


def test_a_netted_account_adds_reduces_and_reverses(books: Books) -> None:
    trader, symbol = books.account(group_id=FREE, account_type=1), _symbol(books, "EURUSD")
    first = market_order(books.plant, trader, symbol, BUY, 1_000_000)
    books.price("EURUSD", "1.20000")
    added = market_order(books.plant, trader, symbol, BUY, 1_000_000)
    assert added.position is first.position
    assert (first.position.volume, first.position.price) == (2_000_000, 1.15)
    books.price("EURUSD", "1.16000")
    reversed_ = market_order(books.plant, trader, symbol, SELL, 5_000_000)

    deal, detail = reversed_.deals[0], _detail(reversed_.deals[0])
    assert (deal.filled_volume, detail.closed_volume, detail.entry_price) == (5_000_000, 2_000_000, 1.15)
    assert (detail.profit, trader.balance) == (20_000, 1_020_000)
    (left,) = books.plant.positions_of(trader.trader_id)
    assert (left.side, left.volume, left.price) == (SELL, 3_000_000, 1.16)
    assert left.position_id != first.position.position_id
    assert books.plant.deals_of_position[left.position_id] == [deal.deal_id]
    assert detail.opened_at == first.deals[0].executed_at


def test_a_hedged_account_holds_both_sides(books: Books) -> None:
    trader, symbol = books.account(group_id=FREE), _symbol(books, "EURUSD")
    market_order(books.plant, trader, symbol, BUY, 1_000_000)
    market_order(books.plant, trader, symbol, SELL, 400_000)

    assert [own.volume for own in books.plant.positions_of(trader.trader_id)] == [1_000_000, 400_000]
    assert figures_of(books.plant, trader).used_margin == 11_000  # The larger side.


def test_nights_cost_swap_which_is_realized_in_shares(books: Books) -> None:
    trader, symbol = books.account(group_id=FREE), _symbol(books, "EURUSD")
    watch = Watch(books.plant)
    opened = market_order(books.plant, trader, symbol, BUY, 2_000_000)
    books.clock.advance(timedelta(days=1))  # From Wednesday to Thursday: three nights at once.
    watch.look()
    assert opened.position.swap == -384  # 6.4 points of 20,000 euros, three times.
    assert opened.position.swaps == [(-384, -384, books.plant.now_ms())]
    swaps = [event for event in books.events if event.execution is ExecutionType.SWAP]
    assert [event.position.swap for event in swaps if event.position] == [-384]
    half = _detail(close_position(books.plant, trader, opened.position, 1_000_000).deals[0])
    rest = _detail(close_position(books.plant, trader, opened.position).deals[0])

    assert (half.swap, half.net_profit, rest.swap) == (-192, -192, -192)


def test_swap_free_accounts_and_groups_pay_none(books: Books) -> None:
    watch, symbol = Watch(books.plant), _symbol(books, "EURUSD")
    free, islamic = books.account(group_id=FREE, is_swap_free=True), books.account(group_id=104)
    held = [market_order(books.plant, trader, symbol, BUY, 1_000_000).position for trader in (free, islamic)]
    books.clock.advance(timedelta(days=1))
    watch.look()

    assert [position.swap for position in held] == [0, 0]


def test_a_stop_out_closes_the_worst_first_and_protects_the_balance(books: Books) -> None:
    trader, symbol = books.account(100_000, group_id=NARROW), _symbol(books, "EURUSD")
    worse = market_order(books.plant, trader, symbol, BUY, 3_000_000).position
    better = market_order(books.plant, trader, symbol, BUY, 1_000_000).position
    books.price("EURUSD", "1.07900")  # 210 in loss on the smaller, 630 on the larger: 160 left of 440 bound.
    Watch(books.plant).look()

    assert worse.status == PositionStatus.CLOSED
    assert better.status == PositionStatus.OPEN
    closing = [event for event in books.events if event.order and event.order.is_stop_out and event.deal]
    assert len(closing) == 1
    books.price("EURUSD", "0.90000")
    Watch(books.plant).look()
    assert books.plant.positions_of(trader.trader_id) == []
    assert trader.balance == 0
    protection = books.plant.cash.window(0, LATEST)[0]
    assert (protection.type, protection.balance) == (39, 0)


def test_no_trading_switches_even_the_stop_out_off(books: Books) -> None:
    trader, symbol = books.account(100_000, group_id=NARROW), _symbol(books, "EURUSD")
    position = market_order(books.plant, trader, symbol, BUY, 3_000_000).position
    trader.access_rights = AccessRights.NO_TRADING
    books.price("EURUSD", "1.00000")
    Watch(books.plant).look()

    assert position.status == PositionStatus.OPEN
    with pytest.raises(Refusal, match="TRADING_NOT_ALLOWED"):
        close_position(books.plant, trader, position)


def test_close_only_lets_reduce_and_nothing_else(books: Books) -> None:
    trader, symbol = books.account(group_id=FREE, account_type=1), _symbol(books, "EURUSD")
    market_order(books.plant, trader, symbol, BUY, 1_000_000)
    trader.access_rights = AccessRights.CLOSE_ONLY
    for side, volume in ((BUY, 100_000), (SELL, 1_100_000)):
        with pytest.raises(Refusal, match="TRADING_NOT_ALLOWED"):
            market_order(books.plant, trader, symbol, side, volume)
    market_order(books.plant, trader, symbol, SELL, 1_000_000)

    assert books.plant.positions_of(trader.trader_id) == []


@pytest.mark.parametrize(("volume", "code"), [(0, "BAD_VOLUME"), (150_001, "BAD_VOLUME"), (10**10, "NOT_ENOUGH_MONEY")])
def test_a_refused_order_leaves_nothing(books: Books, volume: int, code: str) -> None:
    trader = books.account(group_id=FREE)
    with pytest.raises(Refusal, match=code):
        market_order(books.plant, trader, _symbol(books, "EURUSD"), BUY, volume)

    assert len(books.plant.deals) == 0
    assert books.plant.positions_of(trader.trader_id) == []


def test_stops_and_waiting_orders_are_reached(books: Books) -> None:
    trader, symbol = books.account(group_id=FREE), _symbol(books, "EURUSD")
    terms = Terms(stop_loss=1.095, take_profit=1.105)
    stopped = market_order(books.plant, trader, symbol, BUY, 1_000_000, terms).position
    place_order(books.plant, trader, symbol, BUY, 500_000, OrderType.LIMIT, 1.094)
    Watch(books.plant).look()
    assert stopped.status == PositionStatus.OPEN
    books.price("EURUSD", "1.09400")
    Watch(books.plant).look()

    assert stopped.status == PositionStatus.CLOSED
    (opened,) = books.plant.positions_of(trader.trader_id)
    assert (opened.volume, opened.price) == (500_000, 1.094)
    assert books.plant.orders == {}


def test_an_account_in_yen_is_paid_in_whole_yen(books: Books) -> None:
    trader = books.account(50_000_000, group_id=103, deposit_asset_id=4)
    books.price("USDJPY", "150.000")
    books.price("XAUUSD", "2500.00")
    opened = market_order(books.plant, trader, _symbol(books, "XAUUSD"), BUY, 300)
    books.price("XAUUSD", "2501.01")
    first = _detail(close_position(books.plant, trader, opened.position, 100).deals[0])
    second = _detail(close_position(books.plant, trader, opened.position).deals[0])

    for detail in (first, second):
        assert all(value % 100 == 0 for value in (detail.profit, detail.swap, detail.commission, detail.balance))


def test_signs_of_the_wire_follow_the_switches(books: Books) -> None:
    trader = books.account(group_id=PER_MILLION)
    opened = market_order(books.plant, trader, _symbol(books, "EURUSD"), BUY, 1_000_000)
    deal = close_position(books.plant, trader, opened.position).deals[0]
    books.plant.switches.commission_sign = "negative"
    assert trade_wire.deal_message(books.plant, deal).closePositionDetail.commission == -44
    books.plant.switches.commission_sign = "positive"
    books.plant.switches.detail_money_digits = 8
    message = trade_wire.deal_message(books.plant, deal)

    detail = message.closePositionDetail
    assert (message.commission, detail.commission, detail.netProfit) == (22, 44_000_000, -44_000_000)
    assert (message.moneyDigits, detail.moneyDigits, detail.balance) == (2, 8, 999_956_000_000)
    books.plant.switches.has_net_profit = False
    assert not trade_wire.deal_message(books.plant, deal).closePositionDetail.HasField("netProfit")


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 30), st.integers(10_000, 12_000)),
        min_size=1,
        max_size=25,
    ),
    is_netted=st.booleans(),
    group=st.sampled_from([FREE, MARKED, PER_MILLION, 103]),
)
def test_the_balance_is_the_sum_of_what_the_deals_say(
    steps: list[tuple[TradeSide, int, int]], is_netted: bool, group: int
) -> None:
    books = _books()
    trader = books.account(10**10, group_id=group, account_type=int(is_netted))
    symbol = _symbol(books, "EURUSD")
    for side, hundred_thousands, price in steps:
        books.clock.advance(timedelta(milliseconds=1))
        books.price("EURUSD", f"{price / 10_000:.5f}")
        held = [own for own in books.plant.positions_of(trader.trader_id) if own.side != side]
        volume = hundred_thousands * 100_000
        if held and not is_netted:
            close_position(books.plant, trader, held[0], min(volume, held[0].volume))
        else:
            market_order(books.plant, trader, symbol, side, volume)

    deals = books.plant.deals.window(0, LATEST)[::-1]
    details = [deal.detail for deal in deals if deal.detail is not None]
    balance = 10**10
    for version, detail in enumerate(details, start=2):
        balance += detail.net_profit
        assert (detail.balance, detail.balance_version) == (balance, version)
        assert detail.net_profit == detail.profit + detail.swap - detail.commission
    assert trader.balance == balance
    open_volume = sum(own.volume for own in books.plant.positions_of(trader.trader_id))
    assert sum(deal.opened_volume for deal in deals) - sum(it.closed_volume for it in details) == open_volume
    left = sum((own.markup for own in books.plant.positions_of(trader.trader_id)), Decimal(0))
    told = sum((it.markup for it in details), Decimal(0))
    assert abs(sum((deal.markup for deal in deals), Decimal(0)) - told - left) < Decimal("0.0001")
    cost = sum(deal.commission for deal in deals)
    kept = sum(own.commission for own in books.plant.positions_of(trader.trader_id))
    assert cost == sum(it.commission for it in details) + kept
