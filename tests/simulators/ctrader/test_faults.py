"""Trouble on command over the Manager API, and what is true afterwards."""

from __future__ import annotations

import time

import pytest

from app.simulators.ctrader import SimServer
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from tests.simulators.ctrader.support import LATEST, Control, Manager


def _deposit(number: int) -> pb.ProtoChangeBalanceReq:
    return pb.ProtoChangeBalanceReq(traderId=number, amount=500, type=0, newWay=True, externalId="ref")


def _rows(sim: SimServer, number: int) -> list[str]:
    other = Manager(sim)
    history = other.ask(pb.ProtoBalanceHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST))
    other.close()
    return [row.externalId for row in history.depositWithdraw]


@pytest.mark.parametrize(
    ("kind", "moved"),
    [("drop_before", []), ("drop_after", ["ref"]), ("half_frame", ["ref"]), ("long_frame", ["ref"]),
     ("empty_frame", ["ref"])],
)  # fmt: skip
def test_the_link_breaks_before_or_after_the_money_moved(
    sim: SimServer, control: Control, kind: str, moved: list[str]
) -> None:
    manager = Manager(sim)
    number = manager.open_account(deposit=0)
    manager.event("ProtoTraderChangedEvent")
    control.fault(kind, "519", trader_id=number)
    manager.send(_deposit(number))
    if kind == "long_frame":
        assert manager.read(4) == (15_000_001).to_bytes(4, "big")
    elif kind == "empty_frame":
        assert manager.read(4) == bytes(4)
    else:
        assert manager.is_ended()

    assert _rows(sim, number) == moved
    manager.close()


def test_an_answer_is_lost_and_the_event_settles_it(sim: SimServer, control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    control.fault("lose_after", "ChangeBalance")
    manager.send(_deposit(number))

    assert manager.event("ProtoExecutionEvent").depositWithdraw.externalId == "ref"
    assert manager.ask(pb.ProtoPingReq(timestamp=1)).timestamp == 1
    assert _rows(sim, number) == ["ref"]


def test_a_request_is_lost(sim: SimServer, control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    control.fault("lose_before", "ChangeBalance")
    manager.send(_deposit(number))

    assert manager.ask(pb.ProtoPingReq(timestamp=1)).timestamp == 1
    assert _rows(sim, number) == []


def test_the_event_comes_before_the_answer_on_command(control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    manager.event("ProtoTraderChangedEvent")
    manager.send(_deposit(number))
    assert [type(manager.next()[1]).__name__ for _ in range(2)] == ["ProtoChangeBalanceRes", "ProtoExecutionEvent"]
    control.fault("event_first", "ChangeBalance")
    manager.send(_deposit(number))

    assert [type(manager.next()[1]).__name__ for _ in range(2)] == ["ProtoExecutionEvent", "ProtoChangeBalanceRes"]


def test_answers_and_events_come_twice_or_never(control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    manager.event("ProtoTraderChangedEvent")
    control.fault("repeat_answer", "ChangeBalance")
    control.fault("repeat_event", "Execution")
    manager.send(_deposit(number))
    kinds = [type(manager.next()[1]).__name__ for _ in range(4)]
    assert kinds == ["ProtoChangeBalanceRes"] * 2 + ["ProtoExecutionEvent"] * 2
    control.fault("lose_event", "300", trader_id=number)
    manager.deposit(number, 1)
    manager.deposit(number, 2)

    told = manager.event("ProtoExecutionEvent").depositWithdraw
    assert (told.delta, told.balanceVersion) == (2, 3)  # A step of two: something was missed.


def test_maintenance_is_announced_with_its_end(control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    ends = int(time.time() * 1000) + 60_000
    control.fault("refuse", "ChangeBalance", code="SERVER_IS_UNDER_MAINTENANCE", maintenance_end_ms=ends)
    error = manager.ask(_deposit(number))

    assert (error.errorCode, error.maintenanceEndTimestamp) == ("SERVER_IS_UNDER_MAINTENANCE", ends)
    assert manager.trader(number).balance == 0


def test_a_refusal_may_lie(sim: SimServer, control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    control.fault("refuse_after", "ChangeBalance", code="TIMEOUT_ERROR")

    assert manager.error(_deposit(number)) == "TIMEOUT_ERROR"
    assert _rows(sim, number) == ["ref"]


def test_delays_hold_only_their_request_back(control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    manager.event("ProtoTraderChangedEvent")
    control.fault("delay", "ChangeBalance", seconds=2)
    slow = manager.send(_deposit(number))
    assert manager.ask(pb.ProtoPingReq(timestamp=5)).timestamp == 5
    envelope, _ = manager.next()

    assert envelope.clientMsgId == slow


def test_everything_pushed_lags_on_command(control: Control, manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    control.post("/switches", lag_seconds=0.5)
    try:
        started = time.monotonic()
        manager.deposit(number, 10)
        manager.event("ProtoExecutionEvent")
        assert time.monotonic() - started >= 0.5
    finally:
        control.post("/switches", lag_seconds=0)


def test_a_restart_keeps_money_and_versions(sim: SimServer, control: Control) -> None:
    manager = Manager(sim)
    number = manager.open_account(deposit=700)
    before = manager.trader(number)
    control.post("/restart", seconds=0.1)
    assert manager.is_ended()
    manager.close()
    again = Manager(sim)

    assert again.trader(number) == before
    again.close()


def test_an_orders_lost_answer_is_its_events(sim: SimServer, control: Control, manager: Manager) -> None:
    watcher = Manager(sim)
    number = manager.open_account()
    control.fault("lose_after", "ManagerNewOrder")
    manager.send(pb.ProtoManagerNewOrderReq(traderId=number, symbolId=1, orderType=1, tradeSide=1, volume=1_000_000))
    filled = watcher.event("ProtoExecutionEvent")
    while filled.executionType != 3:
        filled = watcher.event("ProtoExecutionEvent")

    assert filled.deal.traderId == number
    assert manager.ask(pb.ProtoPingReq(timestamp=1)).timestamp == 1
    assert all(getattr(event, "executionType", 10) == 10 for _, event in manager.events)
    watcher.close()


def test_deals_come_oldest_first_on_command(control: Control, manager: Manager) -> None:
    number = manager.open_account()
    for _ in range(3):
        manager.order(number)
    newest = [deal.dealId for deal in manager.deals(number)]
    control.post("/switches", deal_order="oldest")
    try:
        assert [deal.dealId for deal in manager.deals(number)] == newest[::-1] == sorted(newest)
    finally:
        control.post("/switches", deal_order="newest")
    assert len(manager.deals(number, maxRows=2)) == 2
