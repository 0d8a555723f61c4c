"""The list of all trading accounts and the pages of a change of many."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.trading.bulk.models import BulkKind
from tests.support.brands import Brand, browser_of, make_staff, run_jobs
from tests.support.browsing import Visitor
from tests.trading.bulk.test_bulk import leverage_of, run_of
from tests.trading.conftest import Desk


def text(response: TestResponse) -> str:
    return response.get_data(as_text=True)


@pytest.fixture
def office(app: Flask, desk: Desk) -> Visitor:
    return browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")


def start(office: Visitor, kind: str, data: dict[str, Any], query: str = "") -> str:
    made = office.post(f"/accounts/changes/new/{kind}{query}", data)
    assert made.status_code == 303, text(made)
    return str(made.headers["Location"])


@pytest.mark.usefixtures("connector")
def test_the_list_narrows_sorts_and_leaves_as_csv(desk: Desk, office: Visitor) -> None:
    first, euro, demo = desk.open(), desk.open(currency="EUR"), desk.open("demo")

    whole = text(office.get("/accounts"))
    assert all(str(account.login) in whole for account in (first, euro, demo))
    for query, shown in (
        ("currency=EUR", {euro}),
        ("kind=demo", {demo}),
        (f"q={first.login}", {first}),
        ("q=mona&status=active&kind=real&sort=-login", {first, euro}),
        ("group=real%5Cstandard-eur", {euro}),
        (f"type={demo.type_id}&platform={desk.platform_id}&leverage=100", {demo}),
        ("country=AE&from=0&to=0.5&kind=real&sort=equity", {first, euro}),
        ("from=1&kind=real", set()),
        ("q=nobody", set()),
        ("type=junk&from=x&leverage=x&status=junk&sort=junk", {first, euro, demo}),
    ):
        found = text(office.get(f"/accounts?{query}", target="list"))
        logins = {account.login for account in (first, euro, demo) if f">{account.login}<" in found}
        assert logins == {account.login for account in shown}, query
    exported = text(office.get("/accounts/accounts.csv?currency=EUR"))
    assert f"{euro.login},mt5," in exported
    assert str(first.login) not in exported


@pytest.mark.usefixtures("connector")
def test_staff_change_many_accounts_by_filter(desk: Desk, office: Visitor) -> None:
    accounts = [desk.open(), desk.open(), desk.open("netting")]
    assert "3 accounts under the filters" in text(office.get("/accounts/changes/new/leverage?status=active"))
    page = start(office, "leverage", {"leverage": "200"}, "?status=active")
    assert "Accounts checked" in text(office.get(page))
    run_jobs(desk.brand)

    body = text(office.get(page))
    assert "2 accounts will be changed." in body
    assert "This leverage is not offered for this account." in text(office.get(f"{page}?outcome=problems"))
    assert office.post(f"{page}/confirm", {"reason": ""}).status_code == 422
    assert office.post(f"{page}/pause").status_code == 409
    assert office.post(f"{page}/confirm", {"reason": "The regulator asked for it"}).status_code == 303
    run_jobs(desk.brand)

    done = text(office.get(page))
    assert "Accounts with their outcome" in done
    assert "<html" not in text(office.get(page, target="progress"))
    assert [leverage_of(desk, account) for account in accounts] == [200, 200, 100]
    outcomes = text(office.get(f"{page}/outcomes.csv"))
    assert outcomes.count("Done") == 2
    assert "This leverage is not offered for this account." in outcomes
    assert "Leverage 1:200" in text(office.get("/accounts/changes"))
    assert office.post(f"{page}/resume").status_code == 409
    assert office.post(f"{page}/explode").status_code == 404


@pytest.mark.usefixtures("connector")
def test_a_list_of_logins_comes_as_text_or_as_a_file(desk: Desk, office: Visitor) -> None:
    account = desk.open()
    data = {"leverage": "50", "platform": str(desk.platform_id), "logins": f"{account.login}\n{account.login}\n5"}
    page = start(office, "leverage", data)
    run_jobs(desk.brand)
    body = text(office.get(page))
    assert "This account stands in the list already." in body
    assert "No account on this platform has this login." in body

    sheet = (io.BytesIO(f"Login;Name\n{account.login};Mona\n".encode()), "logins.csv")
    path = "/accounts/changes/new/rights"
    rights = {"way": "take", "functions": ["trade_open"], "platform": str(desk.platform_id), "sheet": sheet}
    made = office.post(path, rights, content_type="multipart/form-data")
    assert made.status_code == 303
    run_jobs(desk.brand)
    assert str(account.login) in text(office.get(made.headers["Location"]))

    bad = {"leverage": "50", "platform": "nonsense", "logins": "5"}
    assert office.post("/accounts/changes/new/leverage", bad).status_code == 422
    assert office.post("/accounts/changes/new/leverage?currency=XXX", {"leverage": "50"}).status_code == 422
    assert office.post("/accounts/changes/new/rights", {"way": "take"}).status_code == 422
    assert (
        office.post("/accounts/changes/new/credit", {"way": "give", "currency": "USD", "amount": "-1"}).status_code
        == 422
    )
    for kind in BulkKind:
        assert "Check the accounts" in text(office.get(f"/accounts/changes/new/{kind.value}"))


@pytest.mark.usefixtures("connector")
def test_a_second_person_agrees_on_a_page_of_their_own(app: Flask, desk: Desk, office: Visitor) -> None:
    desk.open()
    page = start(office, "credit", {"way": "give", "currency": "USD", "amount": "10"})
    run_jobs(desk.brand)
    assert office.post(f"{page}/confirm", {"reason": "A prize for everybody"}).status_code == 303
    assert "Somebody else must agree" in text(office.get(page))
    assert office.post(f"{page}/approve").status_code == 409
    second = browser_of(app, desk.brand, make_staff(desk.brand, "admin", email="second@north.example"), "office")
    assert "Agree and begin" in text(second.get(page))
    assert second.post(f"{page}/approve").status_code == 303
    run_jobs(desk.brand)
    assert "Done" in text(second.get(page))


@pytest.mark.usefixtures("connector")
def test_who_may_not_change_many_sees_the_list_alone(app: Flask, desk: Desk, office: Visitor, south: Brand) -> None:
    account = desk.open()
    page = start(office, "leverage", {"leverage": "200"})
    support = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")
    finance = browser_of(app, desk.brand, make_staff(desk.brand, "finance"), "office")
    foreign = browser_of(app, south, make_staff(south, "admin"), "office")

    assert str(account.login) in text(support.get("/accounts"))
    assert "Change these accounts" not in text(support.get("/accounts"))
    denied = [support.get(path).status_code for path in (page, "/accounts/changes", "/accounts/accounts.csv")]
    assert denied == [403] * 3
    assert finance.get("/accounts/changes/new/leverage").status_code == 403
    assert finance.get("/accounts/changes/new/credit").status_code == 200
    run_jobs(desk.brand)
    assert finance.post(f"{page}/confirm", {"reason": "The regulator asked for it"}).status_code == 403
    assert foreign.get(page).status_code == 404
    assert foreign.post(f"{page}/cancel").status_code == 404
    assert str(account.login) not in text(foreign.get("/accounts"))
    assert run_of(desk, page.rpartition("/")[2]).approved_by is None  # type: ignore[arg-type]
