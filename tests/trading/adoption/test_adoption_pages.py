"""The office's pages of an adoption, and sheets that say whose accounts are."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.core import db
from app.core.errors import Invalid
from app.trading.adoption import queries, rules
from app.trading.adoption.models import LoginState
from tests.support.brands import Brand, browser_of, mails, make_staff, make_trader, run_jobs
from tests.support.browsing import Visitor
from tests.trading.adoption.conftest import Adopter
from tests.trading.conftest import wait_until


def text(response: TestResponse) -> str:
    return response.get_data(as_text=True)


@pytest.fixture
def office(app: Flask, adopter: Adopter) -> Visitor:
    return browser_of(app, adopter.desk.brand, make_staff(adopter.desk.brand, "admin"), "office")


def base(adopter: Adopter) -> str:
    return f"/platforms/{adopter.platform_id}/adoption"


def upload(office: Visitor, adopter: Adopter, content: str) -> TestResponse:
    data = {"sheet": (io.BytesIO(content.encode()), "clients.csv")}
    return office.post(f"{base(adopter)}/sheet", data, content_type="multipart/form-data")


@pytest.mark.usefixtures("connector")
def test_staff_read_accounts_in_and_decide_what_waits(adopter: Adopter, office: Visitor) -> None:
    desk, page = adopter.desk, base(adopter)
    login = adopter.open_old("Omar Aziz", "omar@elsewhere.example")
    test_account = adopter.open_old("Test", "test@elsewhere.example", deposit="0", trades=0)
    run = {"masks": "real\\*", "type_id": "", "history": "none", "history_from": ""}

    assert "No start is set" in text(office.get(page))
    assert office.post(f"{page}/runs", run).status_code == 409
    assert office.post(f"{page}/start", {"starts_at": "tomorrow"}).status_code == 422
    assert office.post(f"{page}/start", {"starts_at": "2026-11-01T00:00"}).status_code == 303
    assert 'value="2026-11-01T00:00"' in text(office.get(page))
    assert office.post(f"{page}/runs", {**run, "masks": "!x"}).status_code == 422
    assert office.post(f"{page}/runs", run).status_code == 303
    wait_until(lambda: _counts(adopter)[LoginState.WAITING] == 2)
    with desk.scope():
        (found,) = queries.runs_of(desk.platform_id)
    adopter.until_matched(found.id)

    assert "Groups read" in text(office.get(page))
    assert "<html" not in text(office.get(page, target="progress"))
    waiting = text(office.get(f"{page}/logins?state=waiting"))
    assert "Omar Aziz" in waiting
    assert "No client has this e-mail." in waiting
    assert "Omar Aziz" not in text(office.get(f"{page}/logins?q={test_account}"))
    assert "Omar Aziz" in text(office.get(f"{page}/logins?q=ELSEWHERE&group=real%5Cstandard-usd&obstacle=no_client"))
    exported = office.get(f"{page}/logins.csv?state=waiting")
    assert exported.mimetype == "text/csv"
    assert f"{login},,Omar Aziz,omar@elsewhere.example" in text(exported)

    decide = f"{page}/logins/{login}"
    assert "Omar Aziz" in text(office.get(decide))
    assert office.post(decide, {"client": "9999999", "type_id": ""}).status_code == 422
    assert office.post(decide, {"client": desk.trader.email, "type_id": "nonsense"}).status_code == 303
    adopter.until_adopted(login)
    assert office.post(decide, {"client": desk.trader.email, "type_id": ""}).status_code == 409
    assert "Open the account" in text(office.get(decide))

    assert office.post(f"{page}/logins/{test_account}/ignore", {"note": "no"}).status_code == 422
    assert office.post(f"{page}/logins/{test_account}/ignore", {"note": "A test account"}).status_code == 303
    assert "A test account" in text(office.get(f"{page}/logins/{test_account}"))
    assert office.post(f"{page}/logins/{test_account}/back").status_code == 303
    assert office.post(f"{page}/match").status_code == 303
    run_jobs(desk.brand)
    assert str(login) in text(office.get(f"/clients/{desk.client_id}"))
    assert not [mail for mail in mails(desk.brand) if "ccount" in mail.subject]


def _counts(adopter: Adopter) -> dict[LoginState, int]:
    with adopter.desk.scope():
        return queries.count_by_state(adopter.platform_id)


@pytest.mark.usefixtures("connector")
def test_a_sheet_is_looked_at_first_and_applied_as_a_whole(adopter: Adopter, office: Visitor) -> None:
    desk = adopter.desk
    one, two = adopter.open_old("A", "a@x.example"), adopter.open_old("B", "b@x.example")
    omar = make_trader(desk.brand, "omar@north.example", name="Omar Aziz")
    with desk.scope():
        number = db.execute_sql(
            "SELECT number FROM client WHERE tenant_id = :tenant_id AND id = :id", id=desk.client_id
        ).scalar_one()
    adopter.starts_now()
    adopter.until_matched(adopter.start())

    wrong = upload(
        office,
        adopter,
        f"login;email\n{one};omar@north.example\n{one};omar@north.example\n77;omar@north.example\n{two};no@x.example\n"
        "abc;x\n",
    )
    assert wrong.status_code == 303
    preview = text(office.get(wrong.headers["Location"]))
    for sentence in (
        "This login stands in line 2 already.",
        "No account with this login was read from the platform.",
        "No client has this e-mail or number.",
        "“abc” is no login.",
    ):
        assert sentence in preview
    assert "Apply the sheet" not in preview
    assert office.post(wrong.headers["Location"]).status_code == 409
    assert _counts(adopter)[LoginState.WAITING] == 2

    right = upload(office, adopter, f"Client,Login\r\nOMAR@north.example,{one}\r\n#{number},{two}\r\n").headers[
        "Location"
    ]
    assert "Apply the sheet" in text(office.get(right))
    assert office.post(right).status_code == 303
    assert office.post(right).status_code == 409
    adopter.until_adopted(one, two)
    assert (adopter.account(one).client_id, adopter.account(two).client_id) == (omar.client_id, desk.client_id)
    again = upload(office, adopter, f"{one},{omar.email}\n{two},{omar.email}").headers["Location"]
    shown = text(office.get(again))
    assert "This account belongs to another client already." in shown
    for bad in ("", "name,mail\nx,y\n", "login,email\n"):
        assert upload(office, adopter, bad).status_code == 422
    assert office.post(f"{base(adopter)}/sheet", {}).status_code == 422


@pytest.mark.parametrize("content", [b"\xff\xfe1,2", b"login\x00,email\n1,2", b"login,email\n" + b"1,2\n" * 50_001])
def test_what_is_no_sheet_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        rules.read_sheet(content)


def test_who_may_not_adopt_sees_and_does_nothing(app: Flask, adopter: Adopter, south: Brand) -> None:
    page = base(adopter)
    dealing = browser_of(app, adopter.desk.brand, make_staff(adopter.desk.brand, "dealing"), "office")
    trader = browser_of(app, adopter.desk.brand, adopter.desk.trader, "cabinet")
    foreign = browser_of(app, south, make_staff(south, "admin"), "office")
    asks: list[Callable[[Visitor], Any]] = [
        lambda v: v.get(page).status_code,
        lambda v: v.get(f"{page}/logins").status_code,
        lambda v: v.get(f"{page}/logins.csv").status_code,
        lambda v: v.post(f"{page}/start", {"starts_at": "2026-01-01T00:00"}).status_code,
        lambda v: v.post(f"{page}/match").status_code,
    ]
    assert [ask(dealing) for ask in asks] == [403] * 5
    assert [ask(foreign) for ask in asks] == [404] * 5
    assert [ask(trader) for ask in asks] == [404] * 5
