"""The Open API: applications, consents, accounts, reading, trading, rates, and the JSON variant."""

from __future__ import annotations

import ssl
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.simulators.ctrader import SimServer
from app.simulators.ctrader.proto import sim_openapi_pb2 as oa
from tests.simulators.ctrader.support import PASSWORD, Control, OpenAPI, Web, WebSocket, digest

LATEST = 2_147_483_646_000


@pytest.fixture
def link(sim: SimServer) -> Any:
    client = OpenAPI(sim, is_plain=True)
    yield client
    client.close()


def test_an_application_signs_in_first_and_once(sim: SimServer) -> None:
    link = OpenAPI(sim, is_signed_in=False)
    assert link.error(oa.ProtoOAVersionReq()) == "CH_CLIENT_NOT_AUTHENTICATED"
    wrong = oa.ProtoOAApplicationAuthReq(clientId="cid", clientSecret="no")
    assert link.error(wrong) == "CH_CLIENT_AUTH_FAILURE"
    unknown = oa.ProtoOAApplicationAuthReq(clientId="nobody", clientSecret="csecret")
    assert link.error(unknown) == "CH_OA_CLIENT_NOT_FOUND"
    right = oa.ProtoOAApplicationAuthReq(clientId="cid", clientSecret="csecret")
    link.ok(right, oa.ProtoOAApplicationAuthRes)
    assert link.error(right) == "CH_CLIENT_ALREADY_AUTHENTICATED"
    assert link.ask(oa.ProtoOAVersionReq()).version
    link.close()


def test_an_account_is_entered_with_its_owners_consent(link: OpenAPI, control: Control) -> None:
    login, other = control.account(), control.account()
    grant, foreign = control.post("/oauth/grant", login=login), control.post("/oauth/grant", login=other)
    token, number = grant["accessToken"], grant["ctidTraderAccountId"]
    assert link.error(oa.ProtoOATraderReq(ctidTraderAccountId=number)) == "ACCOUNT_NOT_AUTHORIZED"
    listed = link.ask(oa.ProtoOAGetAccountListByAccessTokenReq(accessToken=token))
    assert [(it.ctidTraderAccountId, it.traderLogin, it.isLive) for it in listed.ctidTraderAccount] == [
        (number, login, False)
    ]
    assert listed.permissionScope == 1
    strange = oa.ProtoOAAccountAuthReq(ctidTraderAccountId=foreign["ctidTraderAccountId"], accessToken=token)
    assert link.error(strange) == "CH_CTID_TRADER_ACCOUNT_NOT_FOUND"
    link.enter(grant)
    again = oa.ProtoOAAccountAuthReq(ctidTraderAccountId=number, accessToken=token)
    assert link.error(again) == "ALREADY_LOGGED_IN"
    trader = link.ask(oa.ProtoOATraderReq(ctidTraderAccountId=number)).trader
    assert (trader.traderLogin, trader.balance, trader.leverageInCents) == (login, 1_000_000, 10_000)
    assert link.ask(oa.ProtoOAGetCtidProfileByTokenReq(accessToken=token)).profile.userId == grant["userId"]
    link.ok(oa.ProtoOAAccountLogoutReq(ctidTraderAccountId=number), oa.ProtoOAAccountLogoutRes)
    assert link.error(oa.ProtoOATraderReq(ctidTraderAccountId=number)) == "ACCOUNT_NOT_AUTHORIZED"


def test_an_owner_trades_and_reads_his_history(link: OpenAPI, control: Control) -> None:
    login = control.account(group="VIP")
    number = link.enter(control.post("/oauth/grant", login=login))
    order = oa.ProtoOANewOrderReq(
        ctidTraderAccountId=number, symbolId=1, orderType=1, tradeSide=1, volume=3_000_000, label="own"
    )
    wanted = link.send(order)
    accepted, filled, margin = (link.next() for _ in range(3))
    assert [item[0].clientMsgId for item in (accepted, filled, margin)] == [wanted, wanted, ""]
    assert (accepted[1].executionType, filled[1].executionType) == (2, 3)
    position = filled[1].position
    state = link.ask(oa.ProtoOAReconcileReq(ctidTraderAccountId=number))
    assert list(state.position) == [position]
    pnl = link.ask(oa.ProtoOAGetPositionUnrealizedPnLReq(ctidTraderAccountId=number)).positionUnrealizedPnL[0]
    assert pnl.grossUnrealizedPnL - pnl.netUnrealizedPnL == -position.commission
    close = oa.ProtoOAClosePositionReq(ctidTraderAccountId=number, positionId=position.positionId, volume=1_000_000)
    link.send(close)
    closed = link.event("ProtoOAExecutionEvent")
    while closed.executionType != 3:
        closed = link.event("ProtoOAExecutionEvent")
    detail = closed.deal.closePositionDetail
    assert (detail.closedVolume, closed.deal.commission < 0, closed.position.tradeData.volume) == (
        1_000_000,
        True,
        2_000_000,
    )
    deals = link.ask(oa.ProtoOADealListReq(ctidTraderAccountId=number, fromTimestamp=0, toTimestamp=LATEST)).deal
    assert [deal.dealId for deal in deals] == [closed.deal.dealId, filled[1].deal.dealId]
    offsets = link.ask(oa.ProtoOADealOffsetListReq(ctidTraderAccountId=number, dealId=closed.deal.dealId)).offsetting
    assert [(it.dealId, it.volume) for it in offsets] == [(filled[1].deal.dealId, 1_000_000)]
    again = oa.ProtoOAClosePositionReq(ctidTraderAccountId=number, positionId=1, volume=1)
    refused = link.ask(again)
    assert (type(refused), refused.errorCode) == (oa.ProtoOAOrderErrorEvent, "POSITION_NOT_FOUND")
    week = 604_800_000
    too_long = oa.ProtoOACashFlowHistoryListReq(ctidTraderAccountId=number, fromTimestamp=0, toTimestamp=week + 1)
    assert link.error(too_long) == "INCORRECT_BOUNDARIES"
    now = int(time.time() * 1000)
    cash = oa.ProtoOACashFlowHistoryListReq(
        ctidTraderAccountId=number, fromTimestamp=now - week + 60_000, toTimestamp=now + 60_000
    )
    assert [row.delta for row in link.ask(cash).depositWithdraw] == [1_000_000]


def test_a_consent_to_look_does_not_trade(link: OpenAPI, control: Control) -> None:
    number = link.enter(control.post("/oauth/grant", login=control.account(), scope="accounts"))
    order = oa.ProtoOANewOrderReq(ctidTraderAccountId=number, symbolId=1, orderType=1, tradeSide=1, volume=100_000)

    assert link.error(order) == "TRADING_NOT_ALLOWED"


def test_tokens_end(link: OpenAPI, control: Control) -> None:
    login = control.account()
    grant = control.post("/oauth/grant", login=login)
    number = link.enter(grant)
    control.post("/oauth/expire", accessToken=grant["accessToken"])
    assert link.error(oa.ProtoOATraderReq(ctidTraderAccountId=number)) == "OA_AUTH_TOKEN_EXPIRED"
    renewed = link.ask(oa.ProtoOARefreshTokenReq(refreshToken=grant["refreshToken"]))
    told = link.event("ProtoOAAccountsTokenInvalidatedEvent")
    assert list(told.ctidTraderAccountIds) == [number]
    assert link.error(oa.ProtoOARefreshTokenReq(refreshToken=grant["refreshToken"])) == "ACCESS_DENIED"
    link.enter({"ctidTraderAccountId": number, "accessToken": renewed.accessToken})
    control.post("/oauth/revoke", accessToken=renewed.accessToken)
    assert list(link.event("ProtoOAAccountsTokenInvalidatedEvent").ctidTraderAccountIds) == [number]
    assert link.error(oa.ProtoOATraderReq(ctidTraderAccountId=number)) == "ACCOUNT_NOT_AUTHORIZED"


def test_an_account_that_may_not_sign_in_is_disconnected(link: OpenAPI, control: Control) -> None:
    login = control.account()
    grant = control.post("/oauth/grant", login=login)
    number = link.enter(grant)
    control.patch(f"/accounts/{login}", access_rights="NO_LOGIN")
    assert link.event("ProtoOATraderUpdatedEvent").trader.accessRights == 3
    assert link.event("ProtoOAAccountDisconnectEvent").ctidTraderAccountId == number
    auth = oa.ProtoOAAccountAuthReq(ctidTraderAccountId=number, accessToken=grant["accessToken"])
    assert link.error(auth) == "RET_ACCOUNT_DISABLED"


def test_too_many_requests_are_refused_with_a_time_to_wait(sim: SimServer, control: Control) -> None:
    link = OpenAPI(sim, is_plain=True)
    number = link.enter(control.post("/oauth/grant", login=control.account()))
    asked = oa.ProtoOADealListReq(ctidTraderAccountId=number, fromTimestamp=0, toTimestamp=LATEST)
    link.socket.sendall(b"".join(link.frame(asked, str(n)) for n in range(40)))
    answers = [link.next()[1] for _ in range(40)]
    refused = [answer for answer in answers if isinstance(answer, oa.ProtoOAErrorRes)]
    assert refused
    assert {(answer.errorCode, answer.retryAfter) for answer in refused} == {("BLOCKED_PAYLOAD_TYPE", 1)}
    link.socket.sendall(b"".join(link.frame(oa.ProtoOAVersionReq(), str(n)) for n in range(200)))
    answers = [link.next()[1] for _ in range(200)]
    codes = {answer.errorCode for answer in answers if isinstance(answer, oa.ProtoOAErrorRes)}
    assert codes == {"REQUEST_FREQUENCY_EXCEEDED"}
    link.close()


def test_the_whole_way_through_the_browser(sim: SimServer, services: Web, link: OpenAPI) -> None:
    body = {
        "accessRights": "FULL_ACCESS", "accountType": "HEDGED", "balance": 0, "brokerName": "stubplant",
        "depositCurrency": "USD", "groupName": "Raw", "hashedPassword": digest(PASSWORD), "leverageInCents": 100,
        "totalMarginCalculationType": "MAX",
    }  # fmt: skip
    login = services.request("POST", "/v2/webserv/traders", body).json()["login"]
    user = services.request("POST", "/cid/ctid/create", {"email": "browser@example.com"}).json()["userId"]
    owned = {
        "traderLogin": login, "traderPasswordHash": digest(PASSWORD), "userId": user, "brokerName": "stubplant",
        "environmentName": "demo",
    }  # fmt: skip
    assert services.request("POST", "/cid/ctid/link", owned).status_code == 200
    context = ssl.create_default_context(cafile=str(sim.ca_file))
    app = {"client_id": "cid", "redirect_uri": "http://127.0.0.1/return"}
    with httpx.Client(base_url=sim.oauth_url, verify=context) as http:
        page = http.get("/apps/auth", params={**app, "scope": "trading"})
        assert "browser@example.com" in page.text
        sent = http.get("/apps/auth", params={**app, "scope": "trading", "ctid": user})
        code = parse_qs(urlsplit(sent.headers["Location"]).query)["code"][0]
        exchange = {**app, "grant_type": "authorization_code", "code": code, "client_secret": "csecret"}
        assert http.get("/apps/token", params={**exchange, "client_secret": "no"}).json()["errorCode"]
        token = http.get("/apps/token", params=exchange).json()
        assert (token["tokenType"], token["expiresIn"], token["errorCode"]) == ("bearer", 2_628_000, None)
        assert http.get("/apps/token", params=exchange).json()["errorCode"] == "ACCESS_DENIED"
        refresh = {**app, "grant_type": "refresh_token", "client_secret": "csecret"}
        renewed = http.get("/apps/token", params={**refresh, "refresh_token": token["refreshToken"]}).json()
        assert http.get("/apps/token", params={**refresh, "refresh_token": token["refreshToken"]}).status_code == 400
    listed = link.ask(oa.ProtoOAGetAccountListByAccessTokenReq(accessToken=renewed["accessToken"]))

    assert [it.traderLogin for it in listed.ctidTraderAccount] == [login]
    old = oa.ProtoOAGetAccountListByAccessTokenReq(accessToken=token["accessToken"])
    assert link.error(old) == "CH_ACCESS_TOKEN_INVALID"


def test_the_same_in_json(sim: SimServer, control: Control) -> None:
    grant = control.post("/oauth/grant", login=control.account())

    socket, answers = WebSocket(sim.openapi_json_port, str(sim.ca_file)), []
    for number, payload in (
        (2100, {"clientId": "cid", "clientSecret": "csecret"}),
        (2102, {"ctidTraderAccountId": grant["ctidTraderAccountId"], "accessToken": grant["accessToken"]}),
        (2121, {"ctidTraderAccountId": str(grant["ctidTraderAccountId"])}),
    ):
        socket.send({"clientMsgId": f"m{number}", "payloadType": number, "payload": payload})
        answers.append(socket.next())
    socket.close()
    assert [(it["payloadType"], it["clientMsgId"]) for it in answers] == [
        (2101, "m2100"),
        (2103, "m2102"),
        (2122, "m2121"),
    ]
    assert answers[2]["payload"]["trader"]["balance"] == "1000000"
