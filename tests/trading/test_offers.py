"""Who is offered which account type, how much leverage, and from how much money on."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.core.db import execute_sql
from app.core.errors import Invalid
from app.kit.money import Money
from app.referrals import service as referrals
from app.trading import bundle
from app.trading.offers import rules
from app.trading.offers.rules import Visitor
from app.trading.queries import accounts as queries
from app.trading.service import accounts, change_leverage, fund, offers, open_account
from app.trading.service.funds import BelowLeastDeposit
from app.trading.service.offers import LeverageTooHigh
from tests.support.brands import Brand, browser_of, make_staff, make_trader
from tests.support.browsing import text_of
from tests.trading.conftest import SYSTEM, Desk, section
from tests.trading.one_account import SETTINGS, account_now, hold, offer, on_server

HERE = Visitor("AE", 1, frozenset({"referred"}))
CEILINGS: list[dict[str, Any]] = [
    {"countries": ["DE", "FR"], "max": 30},
    {"equity_from": "50000", "max": 100},
    {"currency": "EUR", "equity_from": "20000", "max": 50},
    {"segments": ["sponsor"], "max": 20},
]


@pytest.fixture
def platform_settings() -> dict[str, Any]:
    return SETTINGS


@pytest.mark.parametrize(
    ("visitor", "currency", "equity", "ceiling"),
    [
        (HERE, "USD", "49999.99", None),
        (HERE, "USD", "50000", 100),
        (HERE, "EUR", "20000", 50),
        (HERE, "EUR", "60000", 50),
        (Visitor("DE", 0, frozenset()), "USD", "0", 30),
        (Visitor("DE", 0, frozenset({"sponsor"})), "USD", "90000", 20),
    ],
)
def test_the_lowest_ceiling_that_applies_holds(
    visitor: Visitor, currency: str, equity: str, ceiling: int | None
) -> None:
    assert rules.leverage_ceiling(CEILINGS, visitor, currency, Decimal(equity)) == ceiling


@pytest.mark.parametrize(
    ("rule", "is_visible"),
    [
        ({}, True),
        ({"countries": ["AE"]}, True),
        ({"countries": ["DE"]}, False),
        ({"not_countries": ["AE"]}, False),
        ({"kyc_level_from": 1}, True),
        ({"kyc_level_from": 2}, False),
        ({"segments": ["referred", "vip"]}, True),
        ({"segments": ["vip"]}, False),
        ({"not_segments": ["referred"]}, False),
        ({"countries": ["AE"], "segments": ["vip"]}, False),
    ],
)
def test_a_type_is_offered_to_whom_the_rule_names(rule: dict[str, Any], is_visible: bool) -> None:
    assert rules.is_visible_to(rule, HERE) is is_visible


@given(st.lists(st.integers(1, 5000), min_size=1), st.integers(1, 5000))
def test_what_a_ceiling_leaves_is_below_it(leverages: list[int], ceiling: int) -> None:
    left = rules.allowed(leverages, ceiling)

    assert sorted(left) == left
    assert all(leverage <= ceiling for leverage in left)
    assert rules.allowed(leverages, None) == sorted(leverages)
    assert rules.default_of(left, ceiling) == max(left, default=None)


def test_the_margin_level_falls_with_the_leverage() -> None:
    assert rules.margin_level_after(Decimal(400), 200, 100) == 200
    assert rules.margin_level_after(Decimal(400), 100, 200) == 400
    assert rules.margin_level_after(None, 200, 100) is None


def document_of(simulator: Any, brand: Brand, **platform: Any) -> dict[str, Any]:
    """The trading part of the brand's bundle, with other settings of its platform."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(section(simulator, brand)))
    document["platforms"][0] |= platform
    return document


def refused(simulator: Any, brand: Brand, **platform: Any) -> str:
    document = document_of(simulator, brand, **platform)
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(document, bundle.TradingSection, strict=False)
    return str(refusal.value)


def test_a_bundle_that_would_miss_a_late_answer_is_refused(desk: Desk) -> None:
    def say(**platform: Any) -> str:
        return refused(desk.simulator, desk.brand, **platform)

    assert "60 seconds" in say(quick_looks=False)
    assert "60 seconds" in say(quick_looks=False, look_after_s=["10", "30", "59"])
    assert "Only a simulator" in say(address="mt5.broker.example:443")
    assert "Only a simulator" in say(address="127.0.0.1.example:443")
    assert "twin" in say(close_only_groups={"a": "b", "b": "c"})
    assert "twin" in say(close_only_groups={"a": "x", "b": "x"})
    late = {"quick_looks": False, "address": "mt5.broker.example:443", "look_after_s": ["10", "30", "60"]}
    document = document_of(desk.simulator, desk.brand, **late)
    msgspec.convert(document, bundle.TradingSection, strict=False)


@pytest.mark.usefixtures("connector")
def test_ceilings_hold_for_the_client_and_for_staff(app: Flask, desk: Desk) -> None:
    offer(desk, leverage_ceilings=[{"countries": ["AE"], "max": 200}])
    account = desk.open()
    client = browser_of(app, desk.brand, desk.trader, "cabinet")
    dealer = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    page = f"/accounts/{account.id}"

    for visitor in (client, dealer):
        body = visitor.get(page).get_data(as_text=True)
        assert 'value="200"' in body
        assert 'value="500"' not in body
        answer = visitor.post(f"{page}/leverage", {"leverage": "500", "once": visitor.form_number(page)}, htmx=True)
        assert answer.status_code == 422
    with desk.scope(), pytest.raises(LeverageTooHigh) as refusal:
        change_leverage(account.id, 500, key="k" * 16, by=SYSTEM)
    assert "1:200" in refusal.value.message.in_english()
    with desk.scope(), pytest.raises(LeverageTooHigh):
        open_account(desk.client_id, "standard", "USD", 500, key="l" * 16, by=SYSTEM)
    assert on_server(desk, account, lambda _, user: user.leverage) == 100


@pytest.mark.usefixtures("connector")
def test_what_an_account_is_worth_lowers_its_ceiling(desk: Desk) -> None:
    offer(desk, leverage_ceilings=[{"equity_from": 1000, "max": 100}])
    account = desk.open()
    with desk.scope():
        execute_sql("UPDATE account_state SET equity = 999.99 WHERE tenant_id = :tenant_id")
        assert offers.leverages_of(*_with_type(account.id)) == [50, 100, 200, 500]
        execute_sql("UPDATE account_state SET equity = 1000 WHERE tenant_id = :tenant_id")
        assert offers.leverages_of(*_with_type(account.id)) == [50, 100]


def _with_type(account_id: Any) -> tuple[Any, Any]:
    view = queries.account_view(account_id)
    return view.account, view.kind


@pytest.mark.usefixtures("connector")
def test_a_hidden_type_is_neither_shown_nor_opened(app: Flask, desk: Desk) -> None:
    offer(
        desk,
        {"code": "local", "groups": {"USD": "real\\raw-usd"}, "leverages": [100], "visible_to": {"countries": ["DE"]}},
        {"code": "known", "groups": {"USD": "real\\raw-usd"}, "leverages": [100], "visible_to": {"kyc_level_from": 1}},
    )
    client = browser_of(app, desk.brand, desk.trader, "cabinet")

    body = text_of(client.get("/accounts/new"))
    assert "Standard" in body
    assert "Local" not in body
    assert "Known" not in body
    for code in ("local", "known"):
        assert "Choose the kind of account" in text_of(client.get(f"/accounts/new?type={code}"))
        with desk.scope(), pytest.raises(Invalid):
            open_account(desk.client_id, code, "USD", 100, key="k" * 16, by=SYSTEM)
    with desk.scope():
        execute_sql("UPDATE client SET country = 'DE', kyc_level = 1 WHERE tenant_id = :tenant_id")
    assert "Local" in text_of(client.get("/accounts/new"))
    assert desk.open("known").currency == "USD"


@pytest.mark.usefixtures("connector")
def test_the_first_deposit_has_a_floor(desk: Desk) -> None:
    offer(desk, {"code": "large", "groups": {"USD": "real\\raw-usd"}, "leverages": [100], "min_deposit": 50})
    account = desk.open("large")
    desk.give("100")

    with pytest.raises(BelowLeastDeposit):
        desk.ask(fund, account.id, Money(Decimal("49.99"), "USD"))
    assert desk.wallet() == 100
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(50), "USD")))
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(1), "USD")))
    assert desk.wallet() == 49


@pytest.mark.usefixtures("connector")
def test_lower_leverage_warns_of_a_margin_call_and_is_done_when_meant(app: Flask, desk: Desk) -> None:
    account = desk.open(leverage=500)
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(1000), "USD")))
    hold(desk, account)
    with desk.scope():
        execute_sql("UPDATE account_state SET margin_level = 400, margin = 250 WHERE tenant_id = :tenant_id")
        with pytest.raises(accounts.MarginCallNear):
            change_leverage(account.id, 50, key="k" * 16, by=SYSTEM)
    client = browser_of(app, desk.brand, desk.trader, "cabinet")
    page = f"/accounts/{account.id}"
    once = client.form_number(page)
    with desk.scope():
        execute_sql("UPDATE account_state SET margin_level = 400, margin = 250 WHERE tenant_id = :tenant_id")
    warned = client.post(f"{page}/leverage", {"leverage": "50", "once": once}, htmx=True)
    if warned.status_code == 422:  # Else the figures of the open page have been read in between.
        assert "about 40%" in text_of(warned)
        meant = {"leverage": "50", "accepted": "y", "once": client.form_number(page)}
        assert client.post(f"{page}/leverage", meant, htmx=True).status_code == 200
    assert account_now(desk, account.id).leverage == 50


def test_segments_are_those_that_the_tree_knows(desk: Desk) -> None:
    child = make_trader(desk.brand, "child@north.example")
    assert child.client_id is not None
    with desk.scope():
        assert offers.visitor(desk.client_id).segments == frozenset()
        referrals.attribute(child.client_id, desk.client_id, reason="code", by=SYSTEM)
    with desk.scope():
        assert offers.visitor(desk.client_id).segments == {"sponsor"}
        assert offers.visitor(child.client_id).segments == {"referred"}
