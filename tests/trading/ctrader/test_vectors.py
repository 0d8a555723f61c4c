"""The worked vectors of the units and derivations, one test each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.kit import clock
from app.simulators.ctrader.execution import commission_of
from app.simulators.ctrader.running import SimServer
from app.trading import rules
from app.trading.platforms.base import Deal, DealKind, Entry, ServerClock, Side
from app.trading.platforms.ctrader import deals, units
from app.trading.platforms.ctrader.catalogue import Catalogue
from app.trading.platforms.ctrader.deals import Signs
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.traders import trader_of

EURUSD_LOT, GOLD_LOT = 10_000_000, 10_000
TRADER = trader_of(pb.ProtoTrader(traderId=6001, login=3_000_001, groupId=1, depositAssetId=1, moneyDigits=2))


def catalogue() -> Catalogue:
    made = Catalogue()
    made.take_symbols(
        [
            pb.ProtoManagerSymbol(symbolId=1, name="EURUSD", digits=5, lotSize=EURUSD_LOT),
            pb.ProtoManagerSymbol(symbolId=2, name="XAUUSD", digits=2, lotSize=GOLD_LOT),
        ]
    )
    return made


def row(number: int, **changes: Any) -> pb.ProtoDeal:
    """A filled deal of 0.1 lot EURUSD."""
    known: dict[str, Any] = {
        "dealId": number,
        "orderId": number,
        "positionId": 50,
        "traderId": 6001,
        "volume": 1_000_000,
        "filledVolume": 1_000_000,
        "symbolId": 1,
        "createTimestamp": 1_774_941_000_000 + number,
        "executionTimestamp": 1_774_941_000_000 + number,
        "executionPrice": 1.08616,
        "tradeSide": 2,
        "dealStatus": 2,
        "moneyDigits": 2,
    }
    return pb.ProtoDeal(**{**known, **changes})


def detail(**changes: Any) -> pb.ProtoClosePositionDetail:
    known: dict[str, Any] = {"entryPrice": 1.085, "profit": 0, "swap": 0, "commission": 0, "balance": 100_000}
    return pb.ProtoClosePositionDetail(**{**known, **changes})


def read(deal: pb.ProtoDeal, signs: str = "check", before: Decimal | None = None) -> Deal:
    return deals.trade_deal(deal, TRADER, catalogue(), Signs(signs), before)


def net(deal: Deal) -> Decimal:
    return deal.profit + deal.swap + deal.commission + deal.fee


def fill(deal: Deal) -> rules.Fill:
    utc = ServerClock(((0, 0),)).utc
    return rules.Fill(
        ticket=deal.ticket,
        kind=deal.kind,
        side=deal.side,
        entry=deal.entry,
        is_service=deal.is_service,
        at=utc(deal.server_time_msc),
        server_time_msc=deal.server_time_msc,
        volume_lots=deal.volume_lots,
        volume_closed_lots=deal.volume_closed_lots,
        price=deal.price,
        profit=deal.profit,
        swap=deal.swap,
        commission=deal.commission,
        fee=deal.fee,
        entry_price=deal.entry_price,
        opened_at=utc(deal.opened_server_msc) if deal.opened_server_msc else None,
    )


def test_vector_1_a_million_cents_of_a_euro_are_a_tenth_of_a_lot() -> None:
    assert units.units(1_000_000) == Decimal("10000.00")
    assert read(row(1)).volume_lots == Decimal("0.10")
    assert read(row(1)).contract_size == 100_000


def test_vector_2_a_hundred_cents_of_an_ounce_are_a_hundredth_of_a_lot() -> None:
    assert units.units(100) == Decimal("1.00")
    gold = read(row(1, symbolId=2, volume=100, filledVolume=100, executionPrice=4552.93))

    assert gold.volume_lots == Decimal("0.01")
    assert gold.contract_size == 100
    assert gold.price == Decimal("4552.93")


def test_vector_3_money_has_its_own_number_of_decimals() -> None:
    assert units.money(4_305_800_000, 8) == Decimal("43.058")
    assert units.money(43_058, 2) == Decimal("430.58")


def test_vector_4_leverage_is_counted_in_hundredths() -> None:
    assert units.leverage(10_000) == 100
    assert units.leverage(3_333) == 33


@pytest.mark.parametrize("commission", [70, -70])
def test_vector_5_a_closing_deal_nets_the_same_whatever_sign_its_commission_has(commission: int) -> None:
    closing = detail(profit=1100, swap=-12, commission=commission, netProfit=1018, moneyDigits=2)
    deal = read(row(1, closePositionDetail=closing))

    assert net(deal) == Decimal("10.18")
    assert deal.commission == Decimal("-0.70")
    assert not deal.is_sign_unverified


def test_vector_6_a_position_closed_in_two_parts_is_two_trades() -> None:
    opened = row(1, tradeSide=1, volume=3_000_000, filledVolume=3_000_000)
    first = row(2, closePositionDetail=detail(closedVolume=1_000_000, markup=9))
    second = row(
        3,
        volume=2_000_000,
        filledVolume=2_000_000,
        closePositionDetail=detail(closedVolume=2_000_000, markup=18),
    )
    read_ones = [read(deal) for deal in (opened, first, second)]

    legs = rules.derive_legs(map(fill, read_ones)).legs

    assert [leg.volume_lots for leg in legs] == [Decimal("0.10"), Decimal("0.20")]
    assert {deal.position_id for deal in read_ones} == {50}
    assert [leg.side for leg in legs] == [Side.BUY, Side.BUY]
    assert [deal.markup_usd for deal in read_ones[1:]] == [Decimal("0.09"), Decimal("0.18")]
    assert [leg.is_partial for leg in legs] == [True, False]


def test_vector_7_a_trade_lasts_from_its_first_offset_deal_to_its_execution() -> None:
    closing = row(
        9,
        executionTimestamp=1_774_941_729_779,
        closePositionDetail=detail(offsetDealTimestamp=1_774_941_249_039),
    )

    (leg,) = rules.derive_legs([fill(read(closing))]).legs

    assert leg.holding is not None
    assert round(leg.holding.total_seconds() * 1000) == 480_740


def test_vector_8_a_withdrawal_is_a_negative_delta() -> None:
    wire_bytes = bytes.fromhex("28") + bytes.fromhex("b8b3ffffffffffffff01")
    message = pb.ProtoDepositWithdraw(operationType=1, balanceHistoryId=7, traderId=6001).SerializeToString()

    movement = pb.ProtoDepositWithdraw.FromString(message + wire_bytes)

    assert movement.delta == 18_446_744_073_709_541_816 - 2**64 == -9_800
    assert deals.cash_deal(movement, TRADER).profit == Decimal("-98.00")


def test_vector_9_twenty_dollars_a_million_are_two_cents_a_side(plant: SimServer) -> None:
    """The platform computes commissions; the one that plays it here must do so as the real one does, or the figures
    that are compared elsewhere mean nothing."""

    def cost(books: Any) -> int:
        trader = books.traders[min(books.traders)]
        euro = next(symbol for symbol in books.symbols.values() if symbol.name == "EURUSD")
        return commission_of(books, trader, euro, books.profiles[3], 100_000, Decimal("1.08616"))

    assert plant.call(cost) == 2


def test_a_reversal_closes_what_was_open_and_opens_the_rest() -> None:
    deal = read(row(4, volume=3_000_000, filledVolume=3_000_000, closePositionDetail=detail(closedVolume=1_000_000)))

    history = rules.derive_legs([fill(read(row(1, tradeSide=1))), fill(deal)])

    assert deal.entry is Entry.INOUT
    assert [leg.volume_lots for leg in history.legs] == [Decimal("0.10")]
    assert (history.open_lots, history.side) == (Decimal("0.20"), Side.SELL)


def test_an_opening_deal_costs_nothing_of_its_own() -> None:
    """Its commission is in the closing detail, which covers both sides."""
    assert read(row(1, tradeSide=1, commission=35)).commission == 0


def test_swap_that_comes_as_a_cost_is_turned_round_by_the_net_result() -> None:
    closing = detail(profit=1100, swap=12, commission=70, netProfit=1018)

    assert read(row(1, closePositionDetail=closing)).swap == Decimal("-0.12")


def test_where_no_net_result_is_stated_the_step_of_the_balance_decides() -> None:
    closing = detail(profit=1100, swap=12, commission=70, balance=101_018)

    assert read(row(1, closePositionDetail=closing), before=Decimal("1000.00")).swap == Decimal("-0.12")
    assert not read(row(1, closePositionDetail=closing), before=Decimal("1000.00")).is_sign_unverified


def test_what_no_sign_explains_is_stored_and_shown_to_finance() -> None:
    deal = read(row(1, closePositionDetail=detail(profit=1100, swap=-12, commission=70, netProfit=999)))

    assert deal.is_sign_unverified
    assert deal.profit == Decimal("11.00")


@pytest.mark.parametrize(("signs", "swap"), [("charge_negative", "0.12"), ("charge_positive", "-0.12")])
def test_a_settled_sign_is_not_guessed_again(signs: str, swap: str) -> None:
    closing = detail(profit=1100, swap=12, commission=70)

    assert read(row(1, closePositionDetail=closing), signs).swap == Decimal(swap)


def test_deal_and_closing_detail_may_count_money_differently() -> None:
    closing = detail(profit=1_100_000_000, swap=0, commission=0, balance=100_000_000_000, moneyDigits=8)

    deal = read(row(1, moneyDigits=2, closePositionDetail=closing))

    assert (deal.profit, deal.balance_after, deal.money_digits) == (Decimal("11"), Decimal("1000"), 8)


@pytest.mark.parametrize(("status", "filled"), [(4, 1_000_000), (5, 0), (6, 0), (7, 0), (2, 0)])
def test_what_was_not_filled_is_no_deal(status: int, filled: int) -> None:
    assert not deals.is_execution(row(1, dealStatus=status, filledVolume=filled))


def test_markup_on_an_opening_deal_is_that_of_its_own_side() -> None:
    assert read(row(1, tradeSide=1, markup=9)).markup_usd == Decimal("0.09")


@pytest.mark.parametrize(
    ("kind", "ours", "base"),
    [
        (0, DealKind.BALANCE, units.CASH_TICKETS),
        (1, DealKind.BALANCE, units.CASH_TICKETS),
        (19, DealKind.CREDIT, units.CREDIT_TICKETS),
        (20, DealKind.CREDIT, units.CREDIT_TICKETS),
        (36, DealKind.BALANCE, units.CASH_TICKETS),
        (34, DealKind.CHARGE, units.CASH_TICKETS),
        (777, DealKind.OTHER, units.CASH_TICKETS),
    ],
)
def test_a_movement_has_a_kind_and_a_ticket_of_its_own(kind: int, ours: DealKind, base: int) -> None:
    now_ms = int(clock.now().timestamp() * 1000)
    movement = pb.ProtoDepositWithdraw(
        operationType=kind,
        balanceHistoryId=7,
        traderId=6001,
        balance=500,
        delta=500,
        changeBalanceTimestamp=now_ms,
        externalId="D-1",
        comment="by hand",
    )

    deal = deals.cash_deal(movement, TRADER)

    assert (deal.kind, deal.ticket, deal.comment) == (ours, base + 7, "D-1")
