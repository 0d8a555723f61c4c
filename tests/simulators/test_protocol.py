"""How requests are read and answers laid out."""

from __future__ import annotations

import json
import re

import pytest

from app.simulators.mt5 import SimServer
from tests.simulators.support import PASSWORD, WebAPI

DEAL = [
    "Deal", "ExternalID", "Login", "Dealer", "Order", "Action", "Entry", "Reason", "Digits", "DigitsCurrency",
    "ContractSize", "Time", "TimeMsc", "Symbol", "Price", "Volume", "VolumeExt", "Profit", "Storage", "Commission",
    "Fee", "RateProfit", "RateMargin", "ExpertID", "PositionID", "Comment", "ProfitRaw", "PricePosition", "PriceSL",
    "PriceTP", "VolumeClosed", "VolumeClosedExt", "TickValue", "TickSize", "Flags", "Gateway", "PriceGateway",
    "ModifyFlags", "Value", "ApiData", "MarketBid", "MarketAsk", "MarketLast",
]  # fmt: skip
USER = [
    "Login", "Group", "CertSerialNumber", "Rights", "MQID", "Registration", "LastAccess", "LastPassChange", "LastIP",
    "Name", "FirstName", "LastName", "MiddleName", "Company", "Account", "Country", "Language", "ClientID", "City",
    "State", "ZipCode", "Address", "Phone", "Email", "ID", "Status", "Comment", "Color", "PhonePassword", "Leverage",
    "Agent", "Balance", "Credit", "InterestRate", "CommissionDaily", "CommissionMonthly", "CommissionAgentDaily",
    "CommissionAgentMonthly", "BalancePrevDay", "BalancePrevMonth", "EquityPrevDay", "EquityPrevMonth",
    "TradeAccounts", "ApiData", "LeadSource", "LeadCampaign", "LimitOrders", "LimitPositions",
]  # fmt: skip


def test_answers_are_laid_out_as_captured_ones(api: WebAPI) -> None:
    status, text = api.request("api/user/total")

    assert status == 200
    assert re.fullmatch(r'\{\r\n"retcode" : "0 Done",\r\n"answer" : \{\r\n"Total" : "\d+"\r\n\}\r\n\}', text)


def test_records_keep_the_platforms_order_and_every_scalar_is_a_text(api: WebAPI) -> None:
    login = api.open_account(deposit="12.5")

    user = api.answer("user/get", login=login)
    deal = api.answer("deal/get_batch", **{"login": login, "from": 0, "to": 9_999_999_999})[0]

    assert list(user) == USER
    assert list(deal) == DEAL
    assert user["Balance"] == deal["Profit"] == "12.50"
    assert all(isinstance(value, str) for name, value in {**user, **deal}.items() if name != "ApiData")
    for name in ("Volume", "Price", "Commission", "MarketBid", "TimeMsc"):
        assert float(deal[name]) >= 0


def test_an_error_has_no_answer(api: WebAPI) -> None:
    assert api("user/get", login=1) == {"retcode": "13 Not found"}
    assert api("no/such") == {"retcode": "3 Invalid parameters"}


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_both_content_types_are_read_as_json(api: WebAPI, content_type: str) -> None:
    login = api.open_account(deposit=None)

    _, text = api.request(
        "api/user/update", json.dumps({"Name": "Both"}), content_type, login=login, name="Query", CITY="Baku"
    )

    answer = json.loads(text)["answer"]
    assert answer["Name"] == "Both"  # The body wins over the query.
    assert answer["City"] == "Baku"  # Parameter names know no case.


def test_a_form_encoded_body_is_refused(api: WebAPI) -> None:
    login = api.open_account(deposit=None)

    _, text = api.request("api/user/update", "Name=X&City=Y", "application/x-www-form-urlencoded", login=login)

    assert json.loads(text)["retcode"] == "3 Invalid parameters"


def test_body_names_are_case_sensitive(api: WebAPI) -> None:
    login = api.open_account(deposit=None, city="Tbilisi")

    assert api.answer("user/update", {"city": "Baku"}, login=login)["City"] == "Tbilisi"


def test_a_backslash_may_be_escaped_or_not(api: WebAPI) -> None:
    for group in ("real\\standard-usd", "real\\\\standard-usd"):
        record = api.answer("group/get", group=group)
        assert record["Group"] == "real\\standard-usd"
    login = api.open_account(deposit=None, name=r"a\=b\|c\d")
    assert api.answer("user/get", login=login)["Name"] == r"a=b|c\d"


def test_texts_beyond_ascii_and_long_ones(api: WebAPI) -> None:
    login = api.open_account(deposit=None, name="\u0645\u0631\u064a\u0645 \u00d6zt\u00fcrk", comment="x" * 70)

    record = api.answer("user/get", login=login)

    assert record["Name"] == "\u0645\u0631\u064a\u0645 \u00d6zt\u00fcrk"
    assert record["Comment"] == "x" * 63  # Cut without a word.


def test_old_names_of_parameters_and_passwords(sim: SimServer, api: WebAPI) -> None:
    made = api.answer(
        "user_add",
        {"MainPassword": PASSWORD, "InvestPassword": PASSWORD},
        group="real\\standard-usd",
        name="Old",
        leverage=100,
    )

    assert api.retcode("user_pass_check", {"Login": made["Login"], "Type": "main", "Password": PASSWORD}) == 0
    assert api.answer("user_deposit_change", login=made["Login"], type=2, balance="5")["Ticket"].isdigit()
    assert sim.call(lambda server: str(server.users[int(made["Login"])].balance)) == "5.00"


def test_pages_have_at_most_a_hundred_records(api: WebAPI) -> None:
    login = api.open_account(deposit=None)
    for _ in range(105):
        api.answer("trade/balance", login=login, type=2, balance="1")
    window = {"login": login, "from": 0, "to": 9_999_999_999}

    assert api.answer("deal/get_total", **window) == {"Total": "105"}
    assert len(api.answer("deal/get_page", offset=0, total=500, **window)) == 100
    rest = api.answer("deal/get_page", offset=100, total=100, **window)
    assert [deal["Login"] for deal in rest] == [str(login)] * 5


def test_exactly_one_of_login_and_group_is_asked_for(api: WebAPI) -> None:
    assert api.retcode("deal/get_batch", **{"from": 0, "to": 1}) == 3
    assert api.retcode("deal/get_batch", **{"login": 1, "group": "*", "from": 0, "to": 1}) == 3
    assert api.retcode("deal/get_batch", login=1) == 3


def test_groups_and_symbols_are_described(api: WebAPI) -> None:
    names = api.answer("group/list")
    masked = api.answer("group/get", mask="real\\*,!*netting*")
    symbol = api.answer("symbol/get", symbol="USDJPY")

    assert api.answer("group/total")["Total"] == str(len(names))
    assert {group["Group"] for group in masked} == {n for n in names if n.startswith("real") and "netting" not in n}
    assert api.answer("group/get", group="real\\netting-eur")["MarginMode"] == "0"
    assert api.answer("group/get", group="real\\standard-eur")["Currency"] == "EUR"
    raw = api.answer("group/get", group="real\\raw-usd")["Commissions"][0]
    assert (raw["EntryMode"], raw["Tiers"][0]["Value"]) == ("0", "3.5000")
    assert (symbol["CurrencyBase"], symbol["CurrencyProfit"], symbol["Digits"]) == ("USD", "JPY", "3")
    assert (symbol["VolumeMin"], symbol["VolumeMinExt"]) == ("100", "1000000")
    assert api.retcode("symbol/next", index=999) == 13
    assert len(api.answer("symbol/next", index=0, count=3)) == 3
    assert api.retcode("symbol/get", symbol="DOGE") == 13


def test_ticks_and_what_changed_since(api: WebAPI) -> None:
    first = api("tick/last", symbol="Forex\\Major*", trans_id=0)

    names = {tick["Symbol"] for tick in first["answer"]}
    assert {"EURUSD", "USDJPY"} <= names
    assert "EURGBP" not in names
    tick = next(tick for tick in first["answer"] if tick["Symbol"] == "EURUSD")
    assert float(tick["Ask"]) > float(tick["Bid"]) > 0
    again = api("tick/last", symbol="EURUSD", trans_id=first["trans_id"])
    assert int(again["trans_id"]) >= int(first["trans_id"])
    assert len(again["answer"]) <= 1


def test_mail_and_notifications(api: WebAPI) -> None:
    login = api.open_account(deposit=None)

    _, text = api.request("api/mail/send", "<p>Hello</p>", "text/html", to=login, subject="Hi", from_name="Desk")

    assert json.loads(text)["retcode"] == "0 Done"
    assert api.answer("notification/send", login=f"{login},1", text="Hi") == [login]  # Printed as bare numbers.
