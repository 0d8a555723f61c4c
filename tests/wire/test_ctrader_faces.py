"""What one face changes, the others show: the back office's writes as an independent Open API client sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.simulators.ctrader import SimServer, running_simulator
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.proto import sim_openapi_pb2 as oa
from tests.simulators.ctrader.support import Control, Manager, OpenAPI, Web

_CLIENT = Path(__file__).with_name("openapi_client.py")


@pytest.fixture(scope="module")
def sim() -> Iterator[SimServer]:
    with running_simulator(seed=7) as running:
        yield running


class Independent:
    """The public client in its own process, and what it has received."""

    def __init__(self, sim: SimServer, grant: dict[str, Any]) -> None:
        arguments = [str(sim.openapi_port), "cid", "csecret", str(grant["ctidTraderAccountId"]), grant["accessToken"]]
        self._process = subprocess.Popen(
            [sys.executable, str(_CLIENT), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SSL_CERT_FILE": str(sim.ca_file)},
        )
        self._watch = threading.Timer(90, self._process.kill)
        self._watch.start()

    def until(self, name: str) -> dict[str, Any]:
        """The next message of this kind."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            assert message["message"] not in ("failure", "ProtoOAErrorRes", "disconnected"), message
            if message["message"] == name:
                content: dict[str, Any] = message["content"]
                return content
        raise AssertionError(f"{name} never came")

    def stop(self) -> None:
        self._watch.cancel()
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_an_independent_client_sees_what_the_back_office_does(sim: SimServer) -> None:
    control, manager, services = Control(sim), Manager(sim), Web(sim)
    number = manager.open_account(102, deposit=1_000_000)
    login = manager.trader(number).login
    first = manager.order(number, volume=2_000_000)
    grant = control.post("/oauth/grant", login=login)
    client = Independent(sim, grant)
    try:
        client.until("ProtoOAApplicationAuthRes")
        listed = client.until("ProtoOAGetAccountListByAccessTokenRes")["ctidTraderAccount"]
        assert [(it["traderLogin"], it["isLive"]) for it in listed] == [(str(login), False)]
        client.until("ProtoOAAccountAuthRes")
        trader = client.until("ProtoOATraderRes")["trader"]
        assert (trader["balance"], trader["leverageInCents"], trader["moneyDigits"]) == ("1000000", 10_000, 2)
        state = client.until("ProtoOAReconcileRes")
        assert [position["positionId"] for position in state["position"]] == [str(first.position.positionId)]
        deals = client.until("ProtoOADealListRes")["deal"]
        assert [deal["dealId"] for deal in deals] == [str(first.deal.dealId)]

        closed = manager.until_filled(
            pb.ProtoManagerClosePositionReq(
                traderId=number, positionId=first.position.positionId, volume=1_000_000, channel="ManagerAPI"
            )
        )
        told = client.until("ProtoOAExecutionEvent")
        while told["executionType"] != "ORDER_FILLED":
            told = client.until("ProtoOAExecutionEvent")
        detail, ours = told["deal"]["closePositionDetail"], closed.deal.closePositionDetail
        assert told["deal"]["dealId"] == str(closed.deal.dealId)
        assert (detail["grossProfit"], detail["commission"], detail["balance"], detail["balanceVersion"]) == tuple(
            str(value) for value in (ours.profit, ours.commission, ours.balance, ours.balanceVersion)
        )

        manager.deposit(number, 5_000, external_id="ref-9")
        cash = client.until("ProtoOAExecutionEvent")["depositWithdraw"]
        assert (cash["delta"], cash["balance"]) == ("5000", str(ours.balance + 5_000))
        body = {"leverageInCents": 5_000, "accessRights": "CLOSE_ONLY"}
        assert services.request("PATCH", f"/v2/webserv/traders/{login}", body).status_code == 204
        updated = client.until("ProtoOATraderUpdatedEvent")["trader"]
        assert (updated["leverageInCents"], updated["accessRights"]) == (5_000, "CLOSE_ONLY")
    finally:
        client.stop()
        services.close()
        manager.close()
        control.close()


def test_both_push_faces_tell_the_same_in_the_same_order(sim: SimServer) -> None:
    control, manager, trader_side = Control(sim), Manager(sim), OpenAPI(sim, is_plain=True)
    login = control.account(group="VIP", account_type=1)
    trader_side.enter(control.post("/oauth/grant", login=login))
    for side, volume in (("buy", "0.30"), ("buy", "0.20"), ("sell", "0.10"), ("sell", "0.90")):
        control.post("/trader/order", login=login, symbol="EURUSD", side=side, volume=volume)
    control.post("/balance", login=login, amount="12.34")
    control.post("/trader/close_all", login=login)

    def until_last(link: Any, kind: str) -> list[tuple[int, int, int]]:
        seen: list[tuple[int, int, int]] = []
        while not (seen and seen[-1][0] == 3 and len({deal for _, deal, _ in seen if deal}) == 5):
            event = link.event(kind)
            seen.append((event.executionType, event.deal.dealId, event.depositWithdraw.balanceHistoryId))
        return seen

    managers = until_last(manager, "ProtoExecutionEvent")
    traders = until_last(trader_side, "ProtoOAExecutionEvent")
    assert managers[0][0] == 10  # The first deposit, before the trader was there.
    assert managers[1:] == traders
    for link in (manager, trader_side):
        link.close()
    control.close()


def test_every_change_reaches_the_other_side(sim: SimServer) -> None:
    control, services, trader_side = Control(sim), Web(sim), OpenAPI(sim)
    login = control.account()
    number = trader_side.enter(control.post("/oauth/grant", login=login))
    for leverage in range(1_000, 11_000, 1_000):
        services.request("PATCH", f"/v2/webserv/traders/{login}", {"leverageInCents": leverage})
        assert trader_side.event("ProtoOATraderUpdatedEvent").trader.leverageInCents == leverage
    assert trader_side.ask(oa.ProtoOATraderReq(ctidTraderAccountId=number)).trader.leverageInCents == 10_000
    for client in (control, services, trader_side):
        client.close()
