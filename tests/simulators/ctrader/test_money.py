"""Balance operations, credit, bonus and transfers: to the last unit, with every refusal."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulators.ctrader import SimServer
from app.simulators.ctrader.enums import TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import market_order
from app.simulators.ctrader.funds import Notes, change_balance
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from tests.simulators.ctrader.support import LATEST, Books, Control, Manager


def test_a_deposit_is_answered_told_and_remembered(manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    asked = pb.ProtoChangeBalanceReq(
        traderId=number, amount=12_345, type=0, newWay=True, externalId="ref-1", comment="staff", externalNote="client",
        source="crm",
    )  # fmt: skip
    answer = manager.ok(asked, pb.ProtoChangeBalanceRes)

    told = manager.event("ProtoExecutionEvent")
    assert (told.executionType, told.depositToUsdRate) == (10, 1.0)
    row = told.depositWithdraw
    assert (row.balanceHistoryId, row.delta, row.balance, row.balanceVersion) == (
        answer.balanceHistoryId,
        12_345,
        12_345,
        1,
    )
    assert (row.externalId, row.comment, row.externalNote, row.source, row.moneyDigits) == (
        "ref-1",
        "staff",
        "client",
        "crm",
        2,
    )
    history = manager.ask(pb.ProtoBalanceHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST))
    assert list(history.depositWithdraw) == [row]
    trader = manager.trader(number)
    assert (trader.balance, trader.balanceVersion, trader.version) == (12_345, 1, 1)


def test_a_withdrawal_has_a_negative_delta(manager: Manager) -> None:
    number = manager.open_account(deposit=20_000)
    manager.deposit(number, 9_800, kind=1)

    rows = manager.ask(pb.ProtoBalanceHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST))
    assert [row.delta for row in rows.depositWithdraw] == [-9_800, 20_000]
    assert rows.depositWithdraw[0].SerializeToString().hex().find("28b8b3ffffffffffffff01") > 0


@pytest.mark.parametrize(
    ("amount", "kind", "error"),
    [
        (0, 0, "CHANGE_BALANCE_BAD_AMOUNT"),
        (-5, 0, "CHANGE_BALANCE_BAD_AMOUNT"),
        (0, 1, "CHANGE_BALANCE_BAD_AMOUNT"),
        (10_001, 1, "NOT_ENOUGH_MONEY"),
        (1, 20, "NOT_ENOUGH_MONEY"),
        (5, 2, "INVALID_REQUEST"),
        (5, 99, "INVALID_REQUEST"),
    ],
)
def test_a_refused_operation_moves_nothing(manager: Manager, amount: int, kind: int, error: str) -> None:
    number = manager.open_account(deposit=10_000)
    asked = pb.ProtoChangeBalanceReq(traderId=number, amount=amount, type=kind, newWay=True)

    assert manager.error(asked) == error
    trader = manager.trader(number)
    assert (trader.balance, trader.balanceVersion) == (10_000, 1)


def test_the_unit_of_an_amount_is_the_assets_smallest(manager: Manager) -> None:
    yen = manager.open_account(asset=4, deposit=1_500)
    trader = manager.trader(yen)
    assert (trader.balance, trader.moneyDigits) == (150_000, 2)  # 1500 yen, kept with two digits.
    old_way = pb.ProtoChangeBalanceReq(traderId=yen, amount=700, type=0)
    manager.ok(old_way, pb.ProtoChangeBalanceRes)
    assert manager.trader(yen).balance == 150_700  # Seven yen: without the new way the unit is a hundredth.
    bitcoin = manager.open_account(asset=10, deposit=123_456_789)
    assert (manager.trader(bitcoin).balance, manager.trader(bitcoin).moneyDigits) == (123_456_789, 8)


def test_credit_stays_apart_from_the_balance(manager: Manager) -> None:
    number = manager.open_account(deposit=10_000)
    manager.deposit(number, 2_500, kind=19)
    trader = manager.trader(number)
    assert (trader.balance, trader.nonWithdrawableBonus, trader.balanceVersion) == (10_000, 2_500, 2)
    too_much = pb.ProtoChangeBalanceReq(traderId=number, amount=10_001, type=1, newWay=True)
    assert manager.error(too_much) == "NOT_ENOUGH_MONEY"
    manager.deposit(number, 2_500, kind=20)

    assert manager.trader(number).nonWithdrawableBonus == 0


def test_bonus(manager: Manager) -> None:
    number = manager.open_account(deposit=100)
    given_id = manager.ok(
        pb.ProtoManagerChangeBonusReq(traderId=number, amount=300, type=0, newWay=True, comment="welcome"),
        pb.ProtoManagerChangeBonusRes,
    ).bonusHistoryId
    assert manager.event("ProtoExecutionEvent").depositWithdraw.delta == 100
    told = manager.event("ProtoExecutionEvent")
    assert (told.executionType, told.bonusDepositWithdraw.managerDelta) == (12, 300)
    too_much = pb.ProtoManagerChangeBonusReq(traderId=number, amount=301, type=1, newWay=True)
    assert manager.error(too_much) == "CHANGE_BONUS_BAD_AMOUNT"
    rows = manager.ask(pb.ProtoBonusHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST))
    assert [row.bonusHistoryId for row in rows.bonusDepositWithdraw] == [given_id]
    assert (manager.trader(number).managerBonus, manager.trader(number).balanceVersion) == (300, 1)


def test_a_transfer_moves_both_or_none(manager: Manager) -> None:
    source, target = manager.open_account(deposit=10_000), manager.open_account(asset=2, deposit=0)
    asked = pb.ProtoManagerBalanceTransferReq(
        fromTraderId=source, toTraderId=target, amount=4_000, conversionRate=0.5, newWay=True
    )
    moved = manager.ok(asked, pb.ProtoManagerBalanceTransferRes)

    assert (moved.depositedAmount, moved.moneyDigits) == (2_000, 2)
    assert (manager.trader(source).balance, manager.trader(target).balance) == (6_000, 2_000)
    asked.amount = 6_001
    assert manager.error(asked) == "NOT_ENOUGH_MONEY"
    assert (manager.trader(source).balance, manager.trader(target).balance) == (6_000, 2_000)


def test_the_history_is_read_in_pages_from_the_newest(manager: Manager, control: Control) -> None:
    number = manager.open_account(deposit=0)
    made = [manager.deposit(number, 1) for _ in range(13)]
    seen: list[int] = []
    end = LATEST
    while True:
        page = manager.ask(pb.ProtoBalanceHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=end))
        new = [row.balanceHistoryId for row in page.depositWithdraw if row.balanceHistoryId not in seen]
        seen += new
        if not page.hasMore or not new:
            break
        end = page.depositWithdraw[-1].changeBalanceTimestamp

    history = control.get(f"/accounts/{manager.trader(number).login}/history")["moves"]
    assert [move["id"] for move in history] == made
    assert seen == made[::-1]


def test_profit_that_is_not_taken_cannot_be_withdrawn(books: Books) -> None:
    trader = books.account(100_000)
    symbol = books.plant.symbols[1]
    market_order(books.plant, trader, symbol, TradeSide.BUY, 1_000_000)
    books.price("EURUSD", "1.20000")
    with pytest.raises(Refusal, match="NOT_ENOUGH_MONEY"):
        change_balance(books.plant, trader, 1, 100_001)
    books.price("EURUSD", "1.05000")  # Half of what the account holds is lost, and 110 are bound.
    with pytest.raises(Refusal, match="NOT_ENOUGH_MONEY"):
        change_balance(books.plant, trader, 1, 40_000)
    change_balance(books.plant, trader, 1, 30_000)


def test_a_duplicate_reference_is_taken_unless_the_switch_says_otherwise(sim: SimServer, control: Control) -> None:
    manager = Manager(sim)
    number = manager.open_account(deposit=0)
    assert manager.deposit(number, 5, external_id="same") != manager.deposit(number, 5, external_id="same")
    control.post("/switches", refuses_duplicate_external_id=True)
    try:
        again = pb.ProtoChangeBalanceReq(traderId=number, amount=5, type=0, newWay=True, externalId="same")
        assert manager.error(again) == "INVALID_REQUEST"
    finally:
        control.post("/switches", refuses_duplicate_external_id=False)
    manager.close()


@settings(deadline=None)
@given(moves=st.lists(st.tuples(st.integers(1, 10**9), st.sampled_from([0, 1, 19, 20])), max_size=30))
def test_every_operation_is_one_step_of_the_balance(moves: list[tuple[int, int]]) -> None:
    books = Books()
    trader = books.account(0)
    for amount, kind in moves:
        with suppress(Refusal):
            change_balance(books.plant, trader, kind, amount, Notes(external_id=str(amount)))

    rows = books.plant.cash.window(0, LATEST)[::-1]
    assert trader.balance == sum(row.delta for row in rows if row.type in (0, 1)) >= 0
    assert trader.nonwithdrawable_bonus == sum(row.delta for row in rows if row.type in (19, 20)) >= 0
    assert [row.balance_version for row in rows] == list(range(1, len(rows) + 1))
    assert [event.cash for event in books.events if event.kind == "execution"] == rows
    assert Decimal(trader.balance) == books.plant.major(trader.balance, trader) * 100
