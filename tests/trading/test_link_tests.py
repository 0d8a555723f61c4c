"""A test of a connection, from the page that asks for it to what the connector found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.money import Money
from app.trading.link_tests import queries, service
from app.trading.service import fund
from tests.support.brands import Brand, browser_of, make_staff
from tests.support.browsing import text_of
from tests.trading.conftest import SYSTEM, Connector, Desk, wait_until
from tests.trading.one_account import on_server


def done(desk: Desk) -> dict[str, Any]:
    """The findings of the last test, once it is done, by what was tried."""

    def latest() -> Any:
        with desk.scope():
            row = queries.latest(desk.platform_id)
            return row if row is not None and row.state == "done" else None

    wait_until(lambda: latest() is not None)
    return {finding["check"]: finding for finding in latest().findings}


@pytest.mark.usefixtures("connector")
def test_staff_test_a_connection_and_read_what_was_found(app: Flask, desk: Desk) -> None:
    demo = desk.open("demo")
    wait_until(lambda: desk.sim_balance(demo.login) > 0)
    admin = browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")
    page = f"/platforms/{desk.platform_id}/test/"
    assert page in admin.get("/platforms").get_data(as_text=True)

    assert admin.post(page, {"login": str(demo.login)}).status_code == 303
    found = done(desk)
    assert {finding["is_ok"] for finding in found.values()} == {True}
    shown = text_of(admin.get(page))
    assert "Moving money Works" in shown
    assert "<html" not in admin.get(page, target="result").get_data(as_text=True)
    assert admin.post(page, {"login": "me"}, htmx=True).status_code == 422


@pytest.mark.usefixtures("connector")
def test_what_was_not_tried_is_not_called_good(app: Flask, desk: Desk) -> None:
    desk.open()
    with desk.scope():
        service.request(desk.platform_id, None, by=SYSTEM)

    found = done(desk)
    assert (found["sign_in"]["is_ok"], found["money"]["is_ok"]) == (True, None)
    admin = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    assert "Moving money Not verified" in text_of(admin.get(f"/platforms/{desk.platform_id}/test/"))


@pytest.mark.usefixtures("connector")
def test_a_clients_account_is_no_test_account(desk: Desk) -> None:
    account = desk.open()
    desk.give("10")
    desk.outcome(desk.ask(fund, account.id, Money.from_minor(1000, "USD")))

    with desk.scope(), pytest.raises(Invalid):
        service.request(desk.platform_id, account.login, by=SYSTEM)
    assert on_server(desk, account, lambda _, user: user.balance) == 10


def test_a_manager_login_that_is_refused_is_told(app: Flask, desk: Desk) -> None:
    with desk.scope():
        execute_sql(
            "UPDATE trading_platform SET settings = settings || '{\"login\": 4711}' WHERE tenant_id = :tenant_id"
        )
        service.request(desk.platform_id, None, by=SYSTEM)
    running = Connector()
    try:
        found = done(desk)
    finally:
        running.stop()
        with desk.scope():
            execute_sql(
                "UPDATE trading_platform SET settings = settings || jsonb_build_object('login', cast(:login AS int))"
                " WHERE tenant_id = :tenant_id",
                login=desk.simulator.manager_login,
            )
    assert list(found) == ["sign_in"]
    assert found["sign_in"]["is_ok"] is False
    admin = browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")
    assert "The platform cannot be signed in to" in text_of(admin.get(f"/platforms/{desk.platform_id}/test/"))


def test_one_test_at_a_time_and_a_lost_one_is_given_up(app: Flask, desk: Desk) -> None:
    with desk.scope():
        first = service.request(desk.platform_id, None, by=SYSTEM).id
    with desk.scope(), pytest.raises(Conflict):
        service.request(desk.platform_id, None, by=SYSTEM)
    with desk.scope():
        job = service.take(desk.platform_id)
        assert job is not None
        assert job.test_id == first
        assert service.take(desk.platform_id) is None
    with desk.scope():
        execute_sql(
            "UPDATE connection_test SET requested_at = :then WHERE tenant_id = :tenant_id",
            then=clock.now() - timedelta(minutes=5),
        )
    admin = browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")
    assert "No connector has taken the test" in text_of(admin.get(f"/platforms/{desk.platform_id}/test/"))
    with desk.scope():
        second = service.request(desk.platform_id, None, by=SYSTEM).id
        service.finish(first, [])  # It comes too late.
    with desk.scope():
        row = queries.latest(desk.platform_id)
        assert row is not None
        assert (row.id, row.state) == (second, "requested")


def test_only_those_who_may_test_and_only_their_own(app: Flask, desk: Desk, south: Brand) -> None:
    page = f"/platforms/{desk.platform_id}/test/"
    support = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")
    foreign = browser_of(app, south, make_staff(south, "admin"), "office")

    assert support.get(page).status_code == support.post(page).status_code == 403
    assert foreign.get(page).status_code == foreign.post(page, {"login": ""}).status_code == 404
    with desk.scope():
        assert queries.latest(desk.platform_id) is None
    with replace(desk, brand=south).scope(), pytest.raises(NotFound):
        service.request(desk.platform_id, None, by=SYSTEM)
