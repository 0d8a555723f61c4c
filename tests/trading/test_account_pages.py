"""The pages on which staff and clients change one account, with who may and who may not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.restrictions import service as restrictions
from app.simulators.mt5.faults import FaultKind
from app.trading import permissions
from app.trading.models import AccountStatus, OperationState
from app.trading.queries import accounts as queries
from tests.support.brands import Brand, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of
from tests.trading.conftest import SYSTEM, Connector, Desk, wait_until
from tests.trading.one_account import RAW, SETTINGS, STANDARD, TWIN, WHY, account_now, group, offer, on_server, rights

ACTS = ("group", "type", "rights", "credit", "password", "archive", "name")
PRO = {"code": "pro", "groups": {"USD": RAW}, "leverages": [100, 200]}
RIGHTS = ("platform_sign_in", "trade", "trade_open", "expert_trading", "platform_password")


@pytest.fixture
def platform_settings() -> dict[str, Any]:
    return SETTINGS


@pytest.fixture
def dealer(app: Flask, desk: Desk, connector: Connector) -> Visitor:
    return browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")


def act(visitor: Visitor, page: str, name: str, **data: str) -> Any:
    """Send the form of one act as the dialog does."""
    once = visitor.form_number(f"{page}/{name}")
    return visitor.post(f"{page}/{name}", {"once": once, "reason": WHY, **data}, htmx=True)


def triggers(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.headers["HX-Trigger"])
    return found


def test_a_dealer_changes_everything_about_an_account(desk: Desk, dealer: Visitor) -> None:
    offer(desk, PRO)
    account = desk.open()
    page = f"/accounts/{account.id}"
    assert dealer.get(page).status_code == 200

    moved = act(dealer, page, "group", group=RAW)
    assert moved.status_code == 204
    assert list(triggers(moved)) == ["toast", "live:accounts-changed", "close:dialog"]
    assert group(desk, account) == RAW
    assert act(dealer, page, "type", account_type="pro").status_code == 204
    assert act(dealer, page, "name", nickname="Desk 7").status_code == 204
    allowed = {name: "y" for name in RIGHTS if name not in ("trade", "expert_trading")}
    assert act(dealer, page, "rights", **allowed).status_code == 204
    assert rights(desk, account) & 0x44 == 0x4
    shown = text_of(dealer.get(page))
    assert "Desk 7" in shown
    assert "Dealing" in shown
    assert WHY in shown
    assert "<html" not in dealer.get(page, target="settings").get_data(as_text=True)

    reset = act(dealer, page, "password", which="investor")
    stored = desk.simulator.call(lambda server: server.passwords[account.login or 0].investor)
    assert stored.replace("&", "&amp;") in reset.get_data(as_text=True)
    assert reset.headers["Cache-Control"] == "no-store"
    assert stored not in text_of(dealer.get(f"{page}/password"))
    assert act(dealer, page, "archive").status_code == 204
    assert account_now(desk, account.id).status is AccountStatus.ARCHIVED
    assert "Restore" in text_of(dealer.get(page))
    assert act(dealer, page, "restore").status_code == 204
    assert account_now(desk, account.id).status is AccountStatus.ACTIVE


def test_bad_input_stands_beside_its_field(desk: Desk, dealer: Visitor) -> None:
    account = desk.open()
    page = f"/accounts/{account.id}"
    everything = dict.fromkeys(RIGHTS, "y")

    for name, data in (
        ("group", {"group": "real\\nowhere"}),
        ("group", {"group": STANDARD}),
        ("group", {"group": RAW, "reason": "x"}),
        ("type", {"account_type": "demo"}),
        ("rights", everything),
        ("password", {"which": "both"}),
        ("archive", {"reason": ""}),
    ):
        answer = act(dealer, page, name, **data)
        assert answer.status_code == 422, (name, data)
        assert "x-error" in answer.get_data(as_text=True) or "x-alert" in answer.get_data(as_text=True)
    assert group(desk, account) == STANDARD


def test_what_the_platform_refuses_is_told_in_the_dialog(desk: Desk, dealer: Visitor) -> None:
    account = desk.open()
    offer(desk, PRO)
    desk.fault(FaultKind.RETCODE, "user/update", retcode=3008)

    answer = act(dealer, f"/accounts/{account.id}", "group", group=RAW)
    assert answer.status_code == 409
    assert "Close the open positions first." in text_of(answer)


def test_an_unanswered_act_closes_the_dialog_and_says_so(app: Flask, desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    offer(desk, PRO)
    dealer = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")

    answer = act(dealer, f"/accounts/{account.id}", "group", group=RAW)
    assert answer.status_code == 204
    assert "not answered yet" in triggers(answer)["toast"]["text"]
    assert "Waits to be sent" in text_of(dealer.get(f"/accounts/{account.id}"))


@pytest.mark.usefixtures("connector")
def test_credit_goes_through_two_hands_on_the_page(app: Flask, desk: Desk) -> None:
    account = desk.open()
    page = f"/accounts/{account.id}"
    first = browser_of(app, desk.brand, make_staff(desk.brand, "finance"), "office")
    second = browser_of(app, desk.brand, make_staff(desk.brand, "finance", email="two@north.example"), "office")

    assert act(first, page, "credit", direction="give", amount="20").status_code == 204
    assert on_server(desk, account, lambda _, user: user.credit) == 20
    assert act(first, page, "credit", direction="give", amount="nothing").status_code == 422
    asked = act(first, page, "credit", direction="give", amount="750.50")
    assert "second person" in triggers(asked)["toast"]["text"]
    with desk.scope():
        (proposal,) = [row for row in queries.operations_of(account.id) if row.state is OperationState.PROPOSED]
    approve = f"/accounts/operations/{proposal.id}/approve"
    assert approve not in first.get(page).get_data(as_text=True)
    assert first.post(approve).status_code == 409
    assert approve in second.get(page).get_data(as_text=True)
    assert second.post(approve).status_code == 303
    assert on_server(desk, account, lambda _, user: user.credit) == Decimal("770.50")
    assert second.post(approve).status_code == 409
    again = act(first, page, "credit", direction="take", amount="600")
    assert again.status_code == 204
    with desk.scope():
        (proposal,) = [row for row in queries.operations_of(account.id) if row.state is OperationState.PROPOSED]
    declined = second.post(f"/accounts/operations/{proposal.id}/decline", {"reason": WHY}, htmx=True)
    assert declined.status_code == 204
    assert on_server(desk, account, lambda _, user: user.credit) == Decimal("770.50")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("admin", {*ACTS}),
        ("dealing", {*ACTS} - {"credit"}),
        ("finance", {"credit"}),
        ("support", set()),
        ("compliance", set()),
        ("sales", set()),
    ],
)
@pytest.mark.usefixtures("connector")
def test_each_role_reaches_its_own_acts(app: Flask, desk: Desk, role: str, allowed: set[str]) -> None:
    account = desk.open()
    visitor = browser_of(app, desk.brand, make_staff(desk.brand, role), "office")
    page = f"/accounts/{account.id}"

    body = visitor.get(page).get_data(as_text=True)
    for name in ACTS:
        expected = 200 if name in allowed else 403
        assert visitor.get(f"{page}/{name}").status_code == expected, name
        assert (f"{page}/{name}" in body) is (name in allowed), name
        if name not in allowed:
            assert visitor.post(f"{page}/{name}", {"once": "x" * 20, "reason": WHY}).status_code == 403


@pytest.mark.usefixtures("connector")
def test_strangers_and_other_brands_see_no_account(app: Flask, desk: Desk, south: Brand) -> None:
    account = desk.open()
    page = f"/accounts/{account.id}"
    foreign = browser_of(app, south, make_staff(south, "admin"), "office")
    stranger = browser_of(app, desk.brand, make_trader(desk.brand, "eve@north.example"), "cabinet")

    for name in (*ACTS, "restore"):
        assert foreign.get(f"{page}/{name}").status_code == 404
        assert foreign.post(f"{page}/{name}", {"once": "x" * 20, "reason": WHY}).status_code == 404
    assert foreign.post(f"{page}/refresh").status_code == 404
    for name in ("name", "archive"):
        assert stranger.get(f"{page}/{name}").status_code == 404
        assert stranger.post(f"{page}/{name}", {"once": "x" * 20}).status_code == 404
    assert account_now(desk, account.id).status is AccountStatus.ACTIVE


@pytest.mark.usefixtures("connector")
def test_a_client_names_and_closes_an_account(app: Flask, desk: Desk) -> None:
    account = desk.open()
    visitor = browser_of(app, desk.brand, desk.trader, "cabinet")
    page = f"/accounts/{account.id}"

    assert act(visitor, page, "name", nickname="Holidays").status_code == 204
    assert "Holidays" in text_of(visitor.get(page))
    assert act(visitor, page, "name", nickname="x" * 41).status_code == 422
    closed = act(visitor, page, "archive")
    assert closed.headers["HX-Redirect"].endswith("/accounts")
    assert account_now(desk, account.id).status is AccountStatus.ARCHIVED
    assert str(account.login) in text_of(visitor.get("/accounts?show=archived"))
    assert str(account.login) not in text_of(visitor.get("/accounts"))


@pytest.mark.usefixtures("connector")
def test_both_audiences_see_what_a_lock_has_taken(app: Flask, desk: Desk) -> None:
    account = desk.open()
    with desk.scope():
        restrictions.lock(desk.client_id, permissions.TRADE_OPEN, reason_code="aml_review", by=SYSTEM)
    wait_until(lambda: group(desk, account) == TWIN and not account_now(desk, account.id).may_open)
    client = browser_of(app, desk.brand, desk.trader, "cabinet")
    staff = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")

    assert "Opening positions is not possible." in text_of(client.get(f"/accounts/{account.id}"))
    shown = text_of(staff.get(f"/accounts/{account.id}"))
    assert "Opening positions Taken away Locked for the client" in shown


def test_staff_see_a_lock_on_its_way(app: Flask, desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    with desk.scope():
        restrictions.lock(desk.client_id, permissions.TRADE, reason_code="aml_review", by=SYSTEM)
    staff = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")

    assert "being applied on the platform" in text_of(staff.get(f"/accounts/{account.id}"))
    account_change = f"/accounts/{account.id}/refresh"
    assert staff.post(account_change).status_code == 303


def test_rights_that_do_not_arrive_are_listed(app: Flask, desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    with desk.scope():
        restrictions.lock(desk.client_id, permissions.TRADE, reason_code="aml_review", by=SYSTEM)
    staff = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")

    assert "Rights not applied" not in text_of(staff.get("/platforms"))
    with desk.scope():
        execute_sql(
            "UPDATE platform_operation SET created_at = created_at - interval '31 seconds'"
            " WHERE tenant_id = :tenant_id AND kind = 'set_rights'"
        )
    listed = text_of(staff.get("/platforms"))
    assert "Rights not applied" in listed
    assert str(account.login) in listed
