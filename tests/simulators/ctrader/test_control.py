"""The control port, trading over the Manager API, copying, mass deals, and what survives a restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.simulators.ctrader import SimServer, running_simulator
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from tests.simulators.ctrader.support import LATEST, PASSWORD, Control, Manager


def test_a_trader_trades_and_the_manager_is_told(control: Control, manager: Manager) -> None:
    login = control.account(password=PASSWORD)
    done = control.post("/trader/order", login=login, password=PASSWORD, symbol="EURUSD", side="buy", volume="0.30")
    told = manager.event("ProtoExecutionEvent")
    while told.executionType != 3:
        told = manager.event("ProtoExecutionEvent")
    assert (told.deal.dealId, told.deal.volume, told.position.positionId) == (
        done["deal"],
        3_000_000,
        done["position"],
    )
    assert told.deal.lotSize == 10_000_000
    assert manager.event("ProtoMarginChangedEvent").usedMargin == told.position.usedMargin
    part = control.post("/trader/close", login=login, position=done["position"], volume="0.10")
    rest = control.post("/trader/close_all", login=login)["closed"]

    deals = manager.ask(
        pb.ProtoManagerDealListByPositionIdReq(positionId=done["position"], fromTimestamp=0, toTimestamp=LATEST)
    ).deal
    assert [deal.dealId for deal in deals] == [rest[0]["deal"], part["deal"], done["deal"]]
    assert [deal.HasField("closePositionDetail") for deal in deals] == [True, True, False]
    assert manager.ask(pb.ProtoManagerGetDealReq(dealId=part["deal"])).deal == deals[1]
    closed = manager.ask(pb.ProtoManagerClosedPositionListReq(fromTimestamp=0, toTimestamp=LATEST)).position[0]
    assert (closed.positionStatus, closed.tradeData.volume, closed.price) == (2, 0, 0)
    wrong = control.post("/trader/close_all", login=login, password="no")
    assert wrong["error"] == "WRONG_PASSWORD"


def test_a_manager_closes_by_force(manager: Manager) -> None:
    number = manager.open_account()
    first, second = (manager.order(number).position.positionId for _ in range(2))
    held = manager.ask(pb.ProtoPositionListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST)).position
    assert [position.positionId for position in held] == [second, first]
    too_much = pb.ProtoManagerClosePositionReq(traderId=number, positionId=first, volume=2_000_000)
    refused = manager.ask(too_much)
    assert (type(refused), refused.errorCode) == (pb.ProtoOrderErrorEvent, "TRADING_BAD_VOLUME")
    done = manager.until_filled(
        pb.ProtoManagerClosePositionReq(traderId=number, positionId=first, volume=1_000_000, channel="ManagerAPI")
    )
    assert (done.deal.closePositionDetail.closedVolume, done.deal.channel) == (1_000_000, "ManagerAPI")
    at_price = manager.until_filled(pb.ProtoForceClosePositionReq(positionId=second, desiredVWAP=1.5))
    assert at_price.deal.executionPrice == 1.5
    assert manager.error(pb.ProtoForceClosePositionReq(positionId=second, desiredVWAP=0)) == "TRADING_BAD_PRICES"


def test_an_order_waits_and_is_cancelled(control: Control, manager: Manager) -> None:
    login = control.account()
    placed = control.post(
        "/trader/order", login=login, symbol="EURUSD", side="buy", volume="0.10", type="limit", price="0.50000",
        ip="198.51.100.7",
    )  # fmt: skip
    number = control.get(f"/accounts/{login}")["trader_id"]
    asked = pb.ProtoPendingOrderListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST)
    (waiting,) = manager.ask(asked).order
    assert (waiting.orderId, waiting.limitPrice, waiting.orderStatus) == (placed["order"], 0.5, 1)
    where = manager.ask(pb.ProtoGetOrderActionIPReq(orderId=placed["order"])).actionIP
    assert [action.actionIPAddress for action in where] == ["198.51.100.7"]
    wanted = manager.send(pb.ProtoManagerCancelOrderReq(traderId=number, orderId=placed["order"]))
    envelope, event = manager.next()
    while envelope.clientMsgId != wanted:
        envelope, event = manager.next()
    assert event.executionType == 5
    assert len(manager.ask(asked).order) == 0


def test_copies_follow_their_strategy(control: Control, manager: Manager) -> None:
    provider, investor = control.account(name="Master"), control.account()
    copier = control.post("/copy", provider=provider, investor=investor, amount="5000")
    assert control.get(f"/accounts/{investor}")["balance_text"] == "5000.00"
    held = control.post("/trader/order", login=provider, symbol="EURUSD", side="sell", volume="1.00")
    (copied,) = _positions(control, copier["login"])
    assert (copied["side"], copied["copy_of"], copied["channel"]) == (2, held["position"], "cTrader Copy")
    assert 4_000_000 <= copied["volume"] <= 5_000_000
    control.post("/trader/close", login=provider, position=held["position"], volume="0.50")
    (half,) = _positions(control, copier["login"])
    assert half["volume"] < copied["volume"]
    control.post("/trader/close_all", login=provider)

    assert _positions(control, copier["login"]) == []
    light = manager.ask(pb.ProtoManagerLightTraderListReq(fromTimestamp=0, toTimestamp=LATEST)).trader[0]
    investor_id = control.get(f"/accounts/{investor}")["trader_id"]
    assert (light.traderId, light.subAccountOf, light.strategyProviderName) == (
        copier["trader_id"],
        investor_id,
        "Master",
    )
    assert light.strategyProviderId == control.get(f"/accounts/{provider}")["trader_id"]
    only = manager.ask(pb.ProtoTraderListReq(fromTimestamp=0, toTimestamp=LATEST, onlySubAccounts=True))
    assert copier["trader_id"] in [trader.traderId for trader in only.trader]


def _positions(control: Control, login: int) -> list[dict[str, Any]]:
    positions: list[dict[str, Any]] = control.get(f"/accounts/{login}")["positions"]
    return positions


def test_another_manager_changes_things(control: Control, manager: Manager) -> None:
    login = control.account(deposit="0")
    number = control.get(f"/accounts/{login}")["trader_id"]
    control.post("/balance", login=login, amount="150.50", external_id="theirs")
    control.post("/balance", login=login, amount="-50.50")
    control.post("/balance", login=login, amount="7", type=29)
    control.patch(f"/accounts/{login}", leverage=30, access_rights="CLOSE_ONLY", group="VIP")

    rows = manager.ask(pb.ProtoBalanceHistoryListReq(traderId=number, fromTimestamp=0, toTimestamp=LATEST))
    assert [(row.operationType, row.delta, row.externalId) for row in rows.depositWithdraw] == [
        (29, 700, ""),
        (1, -5_050, ""),
        (0, 15_050, "theirs"),
    ]
    trader = manager.trader(number)
    assert (trader.leverageInCents, trader.accessRights, trader.groupId, trader.balance) == (3_000, 1, 103, 10_700)
    control.patch("/groups/103", markup_points=3)
    assert manager.event("ProtoGroupChangedEvent").group.groupId == 103


def test_many_deals_at_once_silently_or_told(sim: SimServer, control: Control) -> None:
    login = control.account(deposit="1000000", group="VIP")
    silent = control.post("/inject", count=200, logins=[login], window_seconds=600)
    assert silent["deals"] == 400
    assert len(control.get("/deals", login=login)) == 400
    manager = Manager(sim)
    told = control.post("/inject", count=20, logins=[login], symbols=["EURUSD"], push=True)
    seen: set[int] = set()
    while len(seen) < told["deals"]:
        event = manager.event("ProtoExecutionEvent")
        if event.HasField("deal"):
            seen.add(event.deal.dealId)

    summary = control.get("/deals/summary")[str(login)]
    assert summary["closing_deals"] == 220
    assert summary["balance_version"] == 221
    assert float(summary["cash"]) + float(summary["trading"]) == float(summary["balance"])
    manager.close()


def test_late_rejected_and_repeated_deals(control: Control, manager: Manager) -> None:
    login = control.account()
    number = control.get(f"/accounts/{login}")["trader_id"]
    day = datetime.now(UTC) - timedelta(days=2)
    times = {"opened_at": day.isoformat(), "closed_at": (day + timedelta(minutes=5)).isoformat()}
    late = control.post("/late", login=login, symbol="EURUSD", side="buy", volume="0.10", **times)
    deals = manager.deals(number)
    assert [deal.dealId for deal in deals] == late["deals"][::-1]
    assert deals[0].executionTimestamp - deals[0].closePositionDetail.offsetDealTimestamp == 300_000
    assert abs(deals[1].createTimestamp - int(day.timestamp() * 1000)) < 1_000
    control.post("/rejected", login=login, symbol="EURUSD", side="buy", volume="0.10")
    control.post("/repeat", deal=late["deals"][1])
    assert manager.deals(number)[0].dealStatus == 4
    assert len(manager.deals(number, withFilledVolumeOnly=True)) == 2
    told = manager.event("ProtoExecutionEvent")
    while told.deal.dealId != late["deals"][1]:
        told = manager.event("ProtoExecutionEvent")
    assert told.deal == deals[0]


def test_a_day_forward_charges_the_night(control: Control, manager: Manager) -> None:
    login = control.account()
    control.post("/trader/order", login=login, symbol="EURUSD", side="buy", volume="0.10")
    control.post("/clock", advance_seconds=90_000)

    (position,) = control.get(f"/accounts/{login}")["positions"]
    assert position["swap"] < 0
    details = manager.ask(pb.ProtoPositionDetailsLiteReq(positionId=position["position_id"]))
    assert sum(record.chargedSwap for record in details.swapCalculationRecord) == position["swap"]
    assert details.position.swap == position["swap"]


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    with running_simulator(seed=5, data_dir=str(tmp_path)) as sim:
        control = Control(sim)
        login = control.account()
        control.post("/trader/order", login=login, symbol="EURUSD", side="buy", volume="0.10")
        control.post("/trader/order", login=login, symbol="XAUUSD", side="buy", volume="0.10", type="limit", price="1")
        control.post("/inject", count=3, logins=[login])
        grant = control.post("/oauth/grant", login=login)
        before, deals, ca = control.get(f"/accounts/{login}"), control.get("/deals"), sim.ca_file.read_bytes()
        control.close()
    with running_simulator(seed=5, data_dir=str(tmp_path)) as sim:
        control = Control(sim)
        after = control.get(f"/accounts/{login}")
        moving = {"equity", "free_margin", "min_equity_daily", "max_equity_daily", "positions"}
        assert {key: after[key] for key in after if key not in moving} == {
            key: before[key] for key in before if key not in moving
        }
        assert after["positions"][0]["position_id"] == before["positions"][0]["position_id"]
        assert control.get("/deals") == deals
        assert sim.ca_file.read_bytes() == ca
        assert control.post("/oauth/grant", login=login)["ctidTraderAccountId"] == grant["ctidTraderAccountId"]
        assert control.account() > login
        control.close()


def test_the_process_prints_where_it_is(tmp_path: Path) -> None:
    config = tmp_path / "servers.json"
    servers = [{"name": name, "environment": name, "plant": "aurora"} for name in ("demo", "live")]
    config.write_text(json.dumps({"servers": servers}))
    process = subprocess.Popen(
        [sys.executable, "-m", "app.simulators.ctrader", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        demo, live = ready["servers"]
        assert (demo["environment"], live["environment"], demo["tls_name"]) == ("demo", "live", "localhost")
        health = httpx.get(f"http://127.0.0.1:{ready['health_port']}/health", timeout=30).json()
        assert health == {"status": "ok", "servers": ready["servers"]}
        assert httpx.get(f"{live['control_url']}/state", timeout=30).json()["counts"]["deals"] == 0
        assert Path(demo["ca_file"]).exists()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()
