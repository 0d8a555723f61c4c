"""Orders, deals and positions: the worked examples, hedging and netting, and that money never leaks."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulators.mt5 import GroupConfig
from app.simulators.mt5.enums import Action, Entry, OrderType, Reason, Rights
from app.simulators.mt5.execution import Terms, close_by, close_position, market_order
from app.simulators.mt5.money import balance_from_deals
from app.simulators.mt5.pending import place_order
from app.simulators.mt5.records import Deal
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.watch import Watch
from tests.simulators.support import Books, lots

NETTING = "real\\netting-usd"


def facts(deal: Deal) -> tuple[Entry, Action, str, str, str]:
    """Entry, side, lots, lots closed, profit."""
    return (
        Entry(deal.entry),
        Action(deal.action),
        f"{Decimal(deal.volume_ext) / 10**8:.2f}",
        f"{Decimal(deal.volume_closed_ext) / 10**8:.2f}",
        f"{deal.profit:.2f}",
    )


def test_example_1_partial_close(books: Books) -> None:
    user = books.account()
    opening = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    position = books.server.positions_of(user.login)[0]
    books.clock.advance(timedelta(seconds=90))
    books.market.set("EURUSD", "1.10100")
    first = close_position(books.server, user, position, volume_ext=lots("0.40"))
    books.clock.advance(timedelta(seconds=510))
    books.market.set("EURUSD", "1.10050")
    second = close_position(books.server, user, position)

    assert facts(first.deals[0]) == (Entry.OUT, Action.SELL, "0.40", "0.40", "40.00")
    assert facts(second.deals[0]) == (Entry.OUT, Action.SELL, "0.60", "0.60", "30.00")
    assert {deal.position_id for deal in (*opening.deals, *first.deals, *second.deals)} == {opening.order.order}
    assert first.deals[0].time_msc - opening.deals[0].time_msc == 90_000
    assert second.deals[0].time_msc - opening.deals[0].time_msc == 600_000
    assert books.server.positions_of(user.login) == []
    assert user.balance == Decimal("10070.00")


def test_example_2_adding_under_netting(books: Books) -> None:
    user = books.account(NETTING)
    first = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.clock.advance(timedelta(seconds=300))
    books.market.set("EURUSD", "1.10200")
    second = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.clock.advance(timedelta(seconds=10))
    third = market_order(books.server, user, "EURUSD", Action.SELL, lots("1.50"))

    position = books.server.positions_of(user.login)[0]
    assert [facts(run.deals[0])[:4] for run in (first, second, third)] == [
        (Entry.IN, Action.BUY, "1.00", "0.00"),
        (Entry.IN, Action.BUY, "1.00", "0.00"),
        (Entry.OUT, Action.SELL, "1.50", "1.50"),
    ]
    assert len({run.deals[0].position_id for run in (first, second, third)}) == 1
    assert third.deals[0].price_position == Decimal("1.10100")
    assert (position.volume_ext, position.price_open) == (lots("0.50"), Decimal("1.10100"))
    assert third.deals[0].profit == Decimal("150.00")


def test_example_3_reversal_under_netting(books: Books) -> None:
    user = books.account(NETTING)
    opening = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.market.set("EURUSD", "1.10100")
    reversal = market_order(books.server, user, "EURUSD", Action.SELL, lots("3.00"))
    short = books.server.positions_of(user.login)[0]
    assert (short.position, short.action, short.volume_ext) == (reversal.order.order, Action.SELL, lots("2.00"))
    books.market.set("EURUSD", "1.10000")
    closing = market_order(books.server, user, "EURUSD", Action.BUY, lots("2.00"))

    assert facts(reversal.deals[0]) == (Entry.IN_OUT, Action.SELL, "3.00", "1.00", "100.00")
    assert facts(closing.deals[0]) == (Entry.OUT, Action.BUY, "2.00", "2.00", "200.00")
    # The deals keep the identifier although the position's ticket has changed.
    assert {run.deals[0].position_id for run in (opening, reversal, closing)} == {opening.order.order}
    assert books.server.positions_of(user.login) == []


def test_example_4_close_by_under_hedging(books: Books) -> None:
    user = books.account()
    long = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.market.set("EURUSD", "1.10100")
    short = market_order(books.server, user, "EURUSD", Action.SELL, lots("0.60"))

    done = close_by(books.server, user, long.position, short.position)

    first, second = done.deals
    assert facts(first) == (Entry.OUT_BY, Action.SELL, "0.60", "0.60", "60.00")
    assert facts(second) == (Entry.OUT_BY, Action.BUY, "0.60", "0.60", "0.00")
    assert (first.position_id, second.position_id) == (long.position, short.position)
    left = books.server.positions_of(user.login)
    assert [(own.position, own.volume_ext) for own in left] == [(long.position, lots("0.40"))]


def test_hedging_holds_both_sides_and_netting_does_not(books: Books) -> None:
    hedging, netting = books.account(), books.account(NETTING)
    for user in (hedging, netting):
        market_order(books.server, user, "EURUSD", Action.BUY, lots("0.30"))
        market_order(books.server, user, "EURUSD", Action.SELL, lots("0.10"))

    assert [own.volume_ext for own in books.server.positions_of(hedging.login)] == [lots("0.30"), lots("0.10")]
    assert [own.volume_ext for own in books.server.positions_of(netting.login)] == [lots("0.20")]


def test_buyers_pay_the_ask_and_deals_carry_the_market(books: Books) -> None:
    user = books.account()
    books.market.set("EURUSD", "1.10000", "1.10012")

    deal = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00")).deals[0]
    closing = close_position(books.server, user, books.server.positions_of(user.login)[0]).deals[0]

    assert (deal.price, deal.market_bid, deal.market_ask) == (
        Decimal("1.10012"),
        Decimal("1.10000"),
        Decimal("1.10012"),
    )
    assert (closing.price, closing.profit) == (Decimal("1.10000"), Decimal("-12.00"))


def test_a_groups_mark_up_widens_what_its_clients_pay_and_not_the_market() -> None:
    books = Books(groups=(GroupConfig("real\\standard-usd", markup_points=10),))
    user = books.account()
    books.market.set("EURUSD", "1.10000", "1.10012")

    deal = market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00")).deals[0]

    assert (deal.price, deal.market_ask) == (Decimal("1.10017"), Decimal("1.10012"))
    assert books.server.quote("EURUSD", books.server.group_of(user)).bid == Decimal("1.09995")


def test_the_market_may_close_on_weekends(books: Books) -> None:
    user = books.account()
    books.clock.advance(timedelta(days=3))  # From a Wednesday to a Saturday.
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"))
    books.server.switches.market_hours = "weekdays"

    with pytest.raises(Refusal) as refused:
        market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"))

    assert refused.value.retcode is Retcode.MARKET_CLOSED


def test_commission_is_charged_on_both_deals(books: Books) -> None:
    user = books.account("real\\raw-usd")

    deal = market_order(books.server, user, "EURUSD", Action.BUY, lots("0.50")).deals[0]
    closing = close_position(books.server, user, books.server.positions_of(user.login)[0]).deals[0]

    assert (deal.commission, closing.commission) == (Decimal("-1.75"), Decimal("-1.75"))
    assert user.balance == Decimal("9996.50")


def test_profit_is_converted_to_the_accounts_currency(books: Books) -> None:
    user = books.account("real\\standard-eur")
    books.market.rates = {("USD", "EUR"): Decimal("0.90000000"), ("EUR", "EUR"): Decimal(1)}
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    books.market.set("EURUSD", "1.10100")

    deal = close_position(books.server, user, books.server.positions_of(user.login)[0]).deals[0]

    assert (deal.profit_raw, deal.rate_profit, deal.profit) == (Decimal("100.00"), Decimal("0.9"), Decimal("90.00"))


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ("0", Retcode.INVALID_VOLUME),
        ("0.001", Retcode.INVALID_VOLUME),
        ("0.015", Retcode.INVALID_VOLUME),
        ("501", Retcode.INVALID_VOLUME),
        ("50", Retcode.NO_MONEY),
    ],
)
def test_volumes_that_are_refused(books: Books, volume: str, code: Retcode) -> None:
    user = books.account()

    with pytest.raises(Refusal) as refused:
        market_order(books.server, user, "EURUSD", Action.BUY, lots(volume))

    assert refused.value.retcode is code
    assert len(books.server.deals) == 1


def test_a_banned_account_cannot_trade_and_its_positions_stay(books: Books) -> None:
    user = books.account()
    market_order(books.server, user, "EURUSD", Action.BUY, lots("1.00"))
    user.rights |= Rights.TRADE_DISABLED

    with pytest.raises(Refusal) as refused:
        market_order(books.server, user, "EURUSD", Action.BUY, lots("0.01"))

    assert refused.value.retcode is Retcode.TRADING_DISABLED
    position = books.server.positions_of(user.login)[0]
    close_position(books.server, user, position, Terms(Reason.DEALER, dealer=1000))  # A dealer still may.
    assert books.server.positions_of(user.login) == []


def test_a_position_is_not_closed_twice_or_beyond(books: Books) -> None:
    user = books.account()
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"))
    position = books.server.positions_of(user.login)[0]

    with pytest.raises(Refusal) as beyond:
        close_position(books.server, user, position, volume_ext=lots("0.20"))
    close_position(books.server, user, position)
    with pytest.raises(Refusal) as twice:
        close_position(books.server, user, position)

    assert beyond.value.retcode is Retcode.CLOSE_VOLUME_TOO_LARGE
    assert twice.value.retcode is Retcode.POSITION_CLOSED


def test_stops_and_pending_orders_execute_when_the_price_comes(books: Books) -> None:
    user, watch = books.account(), Watch(books.server)
    terms = Terms(sl=Decimal("1.09900"), tp=Decimal("1.10500"))
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"), terms)
    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.20"), Terms(tp=Decimal("1.10500")))
    waiting = place_order(
        books.server, user, "EURUSD", OrderType.SELL_LIMIT, lots("0.30"), Decimal("1.10600"), Terms(comment="later")
    )
    with pytest.raises(Refusal):
        place_order(books.server, user, "EURUSD", OrderType.BUY_STOP, lots("0.30"), Decimal("1.09"), Terms())
    watch.look()
    assert len(books.server.deals) == 3

    books.market.set("EURUSD", "1.09890")
    watch.look()
    books.market.set("EURUSD", "1.10610")
    watch.look()

    reasons = [Reason(deal.reason) for deal in books.server.deals][1:]
    assert reasons == [Reason.CLIENT, Reason.CLIENT, Reason.STOP_LOSS, Reason.CLIENT, Reason.TAKE_PROFIT]
    position = books.server.positions_of(user.login)[0]
    assert (position.action, position.comment) == (Action.SELL, "later")
    assert books.server.orders == {}
    assert books.server.history.by_ticket[waiting.order].position_id == position.position


def test_a_deal_is_told_before_the_account_changes(books: Books) -> None:
    user = books.account()
    books.events.clear()

    market_order(books.server, user, "EURUSD", Action.BUY, lots("0.10"))
    close_position(books.server, user, books.server.positions_of(user.login)[0])

    assert books.events == [
        "deal.add", "position.add", "user.update",
        "deal.add", "position.delete", "user.update",
    ]  # fmt: skip


def test_tickets_grow_with_gaps(books: Books) -> None:
    user = books.account()
    for _ in range(60):
        market_order(books.server, user, "EURUSD", Action.BUY, lots("0.01"))

    tickets = [deal.deal for deal in books.server.deals]
    assert tickets == sorted(set(tickets))
    assert tickets[-1] - tickets[0] > len(tickets)


@settings(max_examples=40, deadline=None)
@given(
    group=st.sampled_from(["real\\standard-usd", "real\\raw-usd", NETTING, "real\\standard-eur"]),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["buy", "sell", "close", "part", "by"]),
            st.integers(1, 40),
            st.integers(105_000, 115_000),
            st.integers(0, 30),
        ),
        max_size=25,
    ),
)
def test_the_balance_is_always_the_sum_of_deals(group: str, steps: list[tuple[str, int, int, int]]) -> None:
    books = Books()
    books.market.rates = {("USD", "EUR"): Decimal("0.91234567"), ("EUR", "USD"): Decimal("1.09607586")}
    user = books.account(group, "100000")
    for act, hundredths, bid, spread in steps:
        books.market.set("EURUSD", str(Decimal(bid).scaleb(-5)), str(Decimal(bid + spread).scaleb(-5)))
        volume = hundredths * 1_000_000
        held = books.server.positions_of(user.login)
        try:
            if act in ("buy", "sell"):
                market_order(books.server, user, "EURUSD", Action[act.upper()], volume)
            elif act == "by" and len(held) > 1:
                close_by(books.server, user, held[0].position, held[-1].position)
            elif held:
                own = held[hundredths % len(held)]
                part = min(volume, own.volume_ext) if act == "part" else own.volume_ext
                close_position(books.server, user, own, volume_ext=part)
        except Refusal:
            pass
        books.clock.advance(timedelta(seconds=7))

    assert balance_from_deals(books.server, user.login) == (user.balance, user.credit)
    signed: dict[int, int] = {}
    for deal in books.server.deals:
        if deal.action in (Action.BUY, Action.SELL):
            sign = 1 if deal.action == Action.BUY else -1
            signed[deal.position_id] = signed.get(deal.position_id, 0) + sign * deal.volume_ext
    held_now = {
        own.expert_position_id: own.volume_ext * (1 if own.action == Action.BUY else -1)
        for own in books.server.positions_of(user.login)
    }
    assert {key: volume for key, volume in signed.items() if volume} == held_now
