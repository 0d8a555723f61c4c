"""The pages of trading, as a client and as staff use them, on the real platform."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from app.kit.money import Money
from app.simulators.mt5.faults import FaultKind
from app.trading.models import OperationState
from app.trading.queries import accounts as queries
from app.trading.service import change_leverage, fund
from tests.support.brands import Brand, browser_of, make_staff, make_trader
from tests.trading.conftest import SYSTEM, Connector, Desk, wait_until
from tests.trading.test_intake import trade


def text(response: object) -> str:
    return response.get_data(as_text=True)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("connector")
def test_a_client_opens_an_account_and_changes_its_leverage(app: Flask, desk: Desk) -> None:
    visitor = browser_of(app, desk.brand, desk.trader, "cabinet")
    assert "Standard" in text(visitor.get("/accounts/new"))
    once = visitor.form_number("/accounts/new?type=standard")
    data = {"account_type": "standard", "currency": "USD", "leverage": "100", "once": once}
    opened = visitor.post("/accounts/new?type=standard", data)

    with desk.scope():
        (view,) = queries.accounts_of(desk.client_id)
    stored = desk.simulator.call(lambda server: server.passwords[view.account.login or 0])
    assert opened.status_code == 200
    assert stored.main.replace("&", "&amp;") in text(opened)
    assert opened.headers["Cache-Control"] == "no-store"
    again = visitor.post("/accounts/new?type=standard", data)
    assert stored.main not in text(again)
    with desk.scope():
        assert len(queries.accounts_of(desk.client_id)) == 1

    page = f"/accounts/{view.account.id}"
    assert str(view.account.login) in text(visitor.get("/accounts"))
    once = visitor.form_number(page)
    changed = visitor.post(f"{page}/leverage", {"leverage": "500", "once": once}, htmx=True)
    assert changed.status_code == 200
    assert "1:500" in text(changed)
    assert "<html" not in text(changed)
    assert desk.simulator.call(lambda server: server.user(view.account.login or 0).leverage) == 500


@pytest.mark.usefixtures("connector")
def test_bad_input_is_answered_on_the_form(app: Flask, desk: Desk) -> None:
    account = desk.open()
    visitor = browser_of(app, desk.brand, desk.trader, "cabinet")
    page = f"/accounts/{account.id}"

    def post(path: str, **data: str) -> int:
        return visitor.post(path, {"once": visitor.form_number(page), **data}, htmx=True).status_code

    assert post(f"{page}/leverage", leverage="333") == 422
    assert post(f"{page}/leverage", leverage="100") == 422
    assert post(f"{page}/password", which="main", password="weak") == 422
    assert post(f"{page}/password", which="both", password="") == 422
    for change in ({"currency": "XXX"}, {"leverage": "7"}, {"main_password": "weak"}):
        once = visitor.form_number("/accounts/new?type=standard")
        data = {"account_type": "standard", "currency": "USD", "leverage": "100", "once": once, **change}
        assert visitor.post("/accounts/new?type=standard", data).status_code == 422
    with desk.scope():
        assert len(queries.accounts_of(desk.client_id)) == 1


@pytest.mark.usefixtures("connector")
def test_a_password_is_set_and_shown_once(app: Flask, desk: Desk) -> None:
    account = desk.open()
    visitor = browser_of(app, desk.brand, desk.trader, "cabinet")
    page = f"/accounts/{account.id}"
    answer = visitor.post(f"{page}/password", {"which": "investor", "once": visitor.form_number(page)}, htmx=True)

    stored = desk.simulator.call(lambda server: server.passwords[account.login or 0])
    assert stored.investor.replace("&", "&amp;") in text(answer)
    assert stored.investor not in text(visitor.get(page))


@pytest.mark.usefixtures("connector")
def test_trades_appear_on_the_clients_and_the_staffs_pages(app: Flask, desk: Desk) -> None:
    account = desk.open()
    desk.give("5000")
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(5000), "USD")))
    trade(desk, account, "0.10", parts=1)
    wait_until(lambda: _trades(desk, account.id) == 1)
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")
    office = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")

    for visitor in (cabinet, office):
        body = text(visitor.get(f"/accounts/{account.id}"))
        assert "EURUSD" in body
        assert "<html" not in text(visitor.get(f"/accounts/{account.id}", target="history"))
    assert "Trading accounts" in text(cabinet.get("/"))
    assert str(account.login) in text(office.get(f"/clients/{desk.client_id}"))


def _trades(desk: Desk, account_id: object) -> int:
    with desk.scope():
        return len(queries.closed_trades_of(account_id))  # type: ignore[arg-type]


@pytest.mark.usefixtures("connector")
def test_nobody_sees_or_changes_anothers_account(app: Flask, desk: Desk, south: Brand) -> None:
    account = desk.open()
    stranger = browser_of(app, desk.brand, make_trader(desk.brand, "eve@north.example"), "cabinet")
    elsewhere = browser_of(app, south, make_trader(south, "eve@south.example"), "cabinet")
    foreign_staff = browser_of(app, south, make_staff(south, "admin"), "office")

    for visitor in (stranger, elsewhere, foreign_staff):
        assert visitor.get(f"/accounts/{account.id}").status_code == 404
        changed = visitor.post(f"/accounts/{account.id}/leverage", {"leverage": "500", "once": "x" * 20})
        assert changed.status_code == 404
    assert desk.simulator.call(lambda server: server.user(account.login or 0).leverage) == 100


def test_staff_see_what_is_unknown_and_decide_it(app: Flask, desk: Desk, connector: Connector) -> None:
    account = desk.open()
    desk.give("100")
    with desk.scope():
        from app.core.db import execute_sql

        execute_sql(
            'UPDATE trading_platform SET settings = settings || \'{"look_after_s": ["60", "120", "180"]}\''
            " WHERE tenant_id = :tenant_id"
        )
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    operation_id = desk.ask(fund, account.id, Money(Decimal(60), "USD"))
    wait_until(lambda: desk.operation(operation_id).state is OperationState.UNKNOWN)
    finance = browser_of(app, desk.brand, make_staff(desk.brand, "finance"), "office")
    support = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")

    assert desk.operation(operation_id).reference in text(finance.get("/waiting"))
    assert "One matter waits for a person" in text(finance.get("/platforms"))
    assert support.get("/platforms").status_code == 200
    assert support.get(f"/waiting/operations/{operation_id}").status_code == 403
    address = f"/waiting/operations/{operation_id}"
    assert finance.get(address).status_code == 200
    assert finance.post(address, {"outcome": "absent", "note": "no"}).status_code == 422
    for _ in range(2):  # One person's word is noted, however often it is given.
        assert finance.post(address, {"outcome": "absent", "note": "Not in the history."}).status_code == 303
        assert desk.operation(operation_id).state is OperationState.UNKNOWN
    second = browser_of(app, desk.brand, make_staff(desk.brand, "finance", email="second@north.example"), "office")
    assert "Finance looked and saw that it was not carried out" in text(second.get(address))
    assert second.post(address, {"outcome": "absent", "note": "I see the same."}).status_code == 303
    assert desk.operation(operation_id).state is OperationState.REFUSED
    assert desk.wallet() == 100
    assert finance.post(address, {"outcome": "done", "note": "It is there after all."}).status_code == 409


def test_a_page_says_pending_when_nobody_answers(app: Flask, desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    visitor = browser_of(app, desk.brand, desk.trader, "cabinet")
    page = f"/accounts/{account.id}"
    answer = visitor.post(f"{page}/leverage", {"leverage": "200", "once": visitor.form_number(page)}, htmx=True)

    assert answer.status_code == 200
    assert "has not answered yet" in text(answer)
    assert desk.simulator.call(lambda server: server.user(account.login or 0).leverage) == 100
    running = Connector()
    try:
        wait_until(lambda: desk.simulator.call(lambda s: s.user(account.login or 0).leverage) == 200)
    finally:
        running.stop()


def test_staff_change_leverage_under_their_own_permission(app: Flask, desk: Desk, connector: Connector) -> None:
    account = desk.open()
    dealer = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    support = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")
    page = f"/accounts/{account.id}"

    assert support.post(f"{page}/leverage", {"leverage": "200", "once": "y" * 20}).status_code == 403
    once = dealer.form_number(page)
    assert dealer.post(f"{page}/leverage", {"leverage": "200", "once": once}, htmx=True).status_code == 200
    with desk.scope(), pytest.raises(Exception, match="already"):
        change_leverage(account.id, 200, key="k", by=SYSTEM)
