"""WebServices: tokens, accounts, money, lists, people."""

from __future__ import annotations

import csv
import io
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from app.simulators.ctrader import SimServer
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from tests.simulators.ctrader.support import PASSWORD, Control, Manager, Web, digest

TRADERS = "/v2/webserv/traders"


def _body(**changes: Any) -> dict[str, Any]:
    return {
        "accessRights": "FULL_ACCESS",
        "accountType": "HEDGED",
        "balance": 0,
        "brokerName": "stubplant",
        "depositCurrency": "USD",
        "groupName": "Standard",
        "hashedPassword": digest(PASSWORD),
        "leverageInCents": 10_000,
        "totalMarginCalculationType": "MAX",
        "name": "Ada",
        "contactDetails": {"email": "ada@example.com", "city": "Almaty", "countryId": 398},
        **changes,
    }


def _opened(services: Web, **changes: Any) -> int:
    answer = services.request("POST", TRADERS, _body(**changes))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["login"])


def _error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errorCode"]


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def test_a_token_is_needed_and_dies_with_the_password(sim: SimServer, control: Control, services: Web) -> None:
    login = _opened(services)
    assert services.http.get(f"{TRADERS}/{login}").status_code == 401
    assert services.http.get(f"{TRADERS}/{login}", params={"token": "no"}).status_code == 401
    wrong = {"login": sim.manager_login, "hashedPassword": digest("no")}
    assert _error(services.http.post("/v2/webserv/managers/token", json=wrong)) == (400, "WRONG_PASSWORD")
    control.put(f"/managers/{sim.manager_login}", password="another")
    try:
        assert services.request("GET", f"{TRADERS}/{login}").status_code == 401
        other = Web(sim, "another")
        assert other.trader(login)["login"] == login
        other.close()
    finally:
        control.put(f"/managers/{sim.manager_login}", password=sim.manager_password)


def test_a_missing_permission_is_403(control: Control, services: Web, sim: SimServer) -> None:
    login = _opened(services)
    control.put(f"/managers/{sim.manager_login}", permissions=[1])
    try:
        answer = services.request("PATCH", f"{TRADERS}/{login}", {"leverageInCents": 100})
        assert _error(answer) == (403, "NOT_ENOUGH_RIGHTS")
        assert services.trader(login)["leverageInCents"] == 10_000
    finally:
        control.put(f"/managers/{sim.manager_login}", permissions=[1, 2, 3, 4, 5, 6, 9, 15, 20, 130, 140, 150])


def test_whoever_names_no_format_gets_xml(sim: SimServer) -> None:
    context = ssl.create_default_context(cafile=str(sim.ca_file))
    with httpx.Client(base_url=sim.web_url, verify=context) as http:
        del http.headers["Accept"]
        body = {"login": sim.manager_login, "hashedPassword": digest(sim.manager_password)}
        answer = http.post("/v2/webserv/managers/token", json=body)

    assert answer.headers["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.text)
    assert root.findtext("webservToken")


def test_an_account_is_created_and_read(services: Web, manager: Manager) -> None:
    login = _opened(services, balance=5_000)
    read = services.trader(login)
    assert (read["balance"], read["equity"], read["freeMargin"], read["moneyDigits"]) == (5_000, 5_000, 5_000, 2)
    assert (read["groupName"], read["accessRights"], read["depositCurrency"]) == ("Standard", "FULL_ACCESS", "USD")
    assert read["contactDetails"]["city"] == "Almaty"

    told = manager.event("ProtoTraderChangedEvent").trader
    assert (told.login, told.email) == (login, "ada@example.com")
    assert manager.event("ProtoExecutionEvent").depositWithdraw.delta == 5_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"groupName": "None"}, "TRADER_GROUP_NOT_FOUND"),
        ({"depositCurrency": "XAU"}, "UNKNOWN_DEPOSIT_CURRENCY"),
        ({"brokerName": "nobody"}, "CH_BROKER_NOT_FOUND"),
        ({"accessRights": "ANY"}, "INVALID_REQUEST"),
        ({"leverageInCents": None}, "INVALID_REQUEST"),
    ],
)
def test_a_bad_account_is_refused(services: Web, changes: dict[str, Any], code: str) -> None:
    assert _error(services.request("POST", TRADERS, _body(**changes))) == (400, code)


def test_a_patch_changes_what_it_gives_and_a_put_everything(services: Web, manager: Manager) -> None:
    login = _opened(services)
    patched = services.request("PATCH", f"{TRADERS}/{login}", {"leverageInCents": 5_000, "groupName": "Raw"})
    assert patched.status_code == 204
    manager.event("ProtoTraderChangedEvent")
    told = manager.event("ProtoTraderChangedEvent")
    assert (told.operation, told.trader.leverageInCents, told.trader.groupId, told.trader.version) == (3, 5_000, 102, 2)
    assert services.trader(login)["contactDetails"]["city"] == "Almaty"
    put = {"groupName": "VIP", "leverageInCents": 20_000, "accessRights": "CLOSE_ONLY"}
    assert services.request("PUT", f"{TRADERS}/{login}", put).status_code == 204

    read = services.trader(login)
    assert (read["groupName"], read["leverageInCents"], read["accessRights"]) == ("VIP", 20_000, "CLOSE_ONLY")
    assert (read["name"], read["contactDetails"]["city"]) == ("", "")
    too_much = services.request("PATCH", f"{TRADERS}/{login}", {"leverageInCents": 50_001})
    assert _error(too_much) == (400, "WRONG_LEVERAGE")


def test_money(services: Web, manager: Manager) -> None:
    login = _opened(services)

    def move(kind: str, **amount: Any) -> httpx.Response:
        body = {"login": login, "type": kind, "externalId": "ref-7", **amount}
        return services.request("POST", f"{TRADERS}/{login}/changebalance", body)

    first = move("DEPOSIT", preciseAmount=1000.55)
    assert first.json()["balanceHistoryId"] > 0
    assert move("WITHDRAW", preciseAmount="0.55").status_code == 200
    assert move("DEPOSIT", amount=100).status_code == 200  # Hundredths, as older clients send them.
    assert move("DEPOSIT_NONWITHDRAWABLE_BONUS", preciseAmount=20).status_code == 200
    read = services.trader(login)
    assert (read["balance"], read["nonWithdrawableBonus"], read["cashEquity"]) == (100_100, 2_000, 100_100)
    row = manager.event("ProtoExecutionEvent").depositWithdraw
    assert (row.delta, row.externalId, row.balanceHistoryId) == (100_055, "ref-7", first.json()["balanceHistoryId"])
    assert _error(move("WITHDRAW", preciseAmount=5000)) == (400, "NOT_ENOUGH_MONEY")
    assert _error(move("DEPOSIT", preciseAmount=0)) == (400, "CHANGE_BALANCE_BAD_AMOUNT")
    assert _error(move("DEPOSIT", preciseAmount="0.001")) == (400, "CHANGE_BALANCE_BAD_AMOUNT")
    assert _error(move("GIVE", preciseAmount=1)) == (400, "INVALID_REQUEST")
    bonus = {"login": login, "type": "DEPOSIT", "preciseAmount": 3}
    assert services.request("POST", f"{TRADERS}/{login}/changebonus", bonus).json()["bonusHistoryId"] > 0
    assert services.trader(login)["bonus"] == 300


def test_passwords(services: Web) -> None:
    login = _opened(services)
    check = f"{TRADERS}/{login}/checkpassword"
    assert services.request("POST", check, {"hashedPassword": digest(PASSWORD)}).status_code == 204
    change = {"login": login, "hashedPassword": digest("new")}
    assert services.request("POST", f"{TRADERS}/{login}/changepassword", change).status_code == 204

    assert _error(services.request("POST", check, {"hashedPassword": digest(PASSWORD)})) == (400, "WRONG_PASSWORD")


def test_a_deleted_account_is_not_found(services: Web) -> None:
    login = _opened(services)
    assert services.request("DELETE", f"{TRADERS}/{login}").status_code == 204

    assert _error(services.request("GET", f"{TRADERS}/{login}")) == (400, "TRADER_NOT_FOUND")


def test_lists(services: Web) -> None:
    logins = [_opened(services, groupName="Closed") for _ in range(3)]
    now = datetime.now(UTC)
    window = {"from": _stamp(now - timedelta(days=1)), "to": _stamp(now + timedelta(minutes=1))}
    page = services.request("GET", f"{TRADERS}/", groupId=106, fields="login,balance", **window).json()
    assert page == {"trader": [{"login": login, "balance": 0} for login in logins[::-1]], "hasMore": False}
    assert _error(services.request("GET", f"{TRADERS}/", **{**window, "to": "yesterday"})) == (400, "INVALID_REQUEST")
    groups = services.request("GET", "/v2/webserv/tradergroups").json()["traderGroup"]
    assert {"id": 102, "name": "Raw", "description": "Market spread and commission"} in groups
    symbols = {item["name"]: item for item in services.request("GET", "/v2/webserv/symbols").json()["symbol"]}
    assert symbols["XAUUSD"]["assetClass"] == "Metals"
    assert {"USD", "KZT"} <= set(services.request("GET", "/v2/webserv/depositAssets").json()["depositAsset"])


def test_positions_come_as_json_or_with_commas(services: Web, control: Control) -> None:
    login = control.account(group="VIP")
    held = control.post("/trader/order", login=login, symbol="EURUSD", side="buy", volume="0.30")
    control.post("/trader/close", login=login, position=held["position"], volume="0.10")
    (row,) = services.request("GET", "/v2/webserv/openPositions", login=login).json()
    assert (row["positionId"], row["volume"], row["direction"], row["symbol"]) == (
        held["position"],
        20_000.0,
        "BUY",
        "EURUSD",
    )
    now = datetime.now(UTC)
    window = {"from": _stamp(now - timedelta(days=1)), "to": _stamp(now + timedelta(hours=1)), "login": login}
    (closed,) = services.request("GET", "/v2/webserv/closedPositions", **window).json()
    assert (closed["positionId"], closed["volume"], closed["direction"]) == (held["position"], 10_000.0, "BUY")
    text = services.http.get(
        "/v2/webserv/closedPositions", params={"token": services.token, **window}, headers={"Accept": "*/*"}
    ).text
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["dealId"], line["volume"]) == (str(closed["dealId"]), "10000.00")
    assert line["closeTimestamp"].startswith(f"{now.year}-")
    long = {**window, "from": _stamp(now - timedelta(days=3))}
    assert _error(services.request("GET", "/v2/webserv/closedPositions", **long)) == (400, "INVALID_REQUEST")
    control.post("/switches", position_lists="csv")
    try:
        assert services.request("GET", "/v2/webserv/openPositions").text.startswith("login,positionId,openTimestamp")
    finally:
        control.post("/switches", position_lists="accept")


def test_people_own_accounts(services: Web, control: Control) -> None:
    login = _opened(services)
    made = services.request("POST", "/cid/ctid/create", {"email": "Ada@example.com", "brokerName": "stubplant"}).json()
    assert (made["status"], made["nickname"]) == ("CTID_NEW", f"ctid{made['userId']}")
    again = services.request("POST", "/cid/ctid/create", {"email": "ada@example.com"}).json()
    assert again == {"userId": made["userId"]}
    link = {
        "traderLogin": login, "traderPasswordHash": digest(PASSWORD), "userId": made["userId"],
        "brokerName": "stubplant", "environmentName": "demo", "returnAccountDetails": True,
    }  # fmt: skip
    first = services.request("POST", "/cid/ctid/link", link).json()
    assert services.request("POST", "/cid/ctid/link", link).json() == first
    assert services.request("POST", "/cid/ctid/link", {**link, "returnAccountDetails": False}).json() == {}
    wrong = services.request("POST", "/cid/ctid/link", {**link, "traderPasswordHash": digest("no")})
    assert _error(wrong) == (400, "WRONG_PASSWORD")
    grant = control.post("/oauth/grant", login=login)
    assert (grant["ctidTraderAccountId"], grant["userId"]) == (first["ctidTraderAccountId"], made["userId"])


def test_sub_accounts(services: Web, control: Control) -> None:
    provider, investor = control.account(), control.account()
    copier = control.post("/copy", provider=provider, investor=investor, amount="500")["login"]
    answer = services.request("GET", f"{TRADERS}/{investor}/subaccounts").json()

    assert answer == {
        "subAccountLogins": {"login": [copier]},
        "totalSubAccountsBalance": 50_000,
        "totalSubAccountsEquity": 50_000,
    }


def test_changes_per_hour_are_limited_on_command(services: Web, control: Control) -> None:
    login = _opened(services)
    control.post("/switches", web_writes_per_hour_max=2)
    try:
        codes = [services.request("PATCH", f"{TRADERS}/{login}", {"name": "B"}).status_code for _ in range(3)]
        assert codes == [204, 204, 400]
        assert services.trader(login)["name"] == "B"
    finally:
        control.post("/switches", web_writes_per_hour_max=0)


def test_an_answer_is_lost_before_or_after_acting(services: Web, control: Control) -> None:
    login = _opened(services)
    path, body = f"{TRADERS}/{login}/changebalance", {"type": "DEPOSIT", "preciseAmount": 5}
    control.fault("drop_before", "changebalance", face="web")
    with pytest.raises(httpx.TransportError):
        services.request("POST", path, body)
    assert services.trader(login)["balance"] == 0
    control.fault("drop_after", f"POST {path}", face="web")
    with pytest.raises(httpx.TransportError):
        services.request("POST", path, body)
    assert services.trader(login)["balance"] == 500
    control.fault("refuse", "changebalance", code="SERVER_IS_UNDER_MAINTENANCE", maintenance_end_ms=1_800_000_000_000)
    answer = services.request("POST", path, body)
    assert _error(answer) == (503, "SERVER_IS_UNDER_MAINTENANCE")
    assert services.trader(login)["balance"] == 500


def test_a_change_over_the_manager_api_is_seen_here(services: Web, manager: Manager) -> None:
    number = manager.open_account()
    trader = manager.trader(number)
    trader.leverageInCents = 33_300
    manager.ok(pb.ProtoCrudTraderReq(operation=3, trader=trader, validateVersion=True), pb.ProtoCrudTraderRes)

    assert services.trader(trader.login)["leverageInCents"] == 33_300
