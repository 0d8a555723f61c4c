"""The vendor's page for copying inside the cabinet: opened by a code that works once, for whoever has an account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from flask import Flask

from app.audit import queries as audit
from app.restrictions import service as restrictions
from app.simulators.ctrader.faults import FaultKind
from app.simulators.ctrader.running import SimServer, running_simulator
from app.tenancy.bundles.schema import Refused as BundleRefused
from tests.support.brands import Brand, acting, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of
from tests.support.paper_desk import offer_copy_trading
from tests.trading.conftest import Connector, wait_until
from tests.trading.ctrader.desk import PlantDesk, make_desk, section
from tests.trading.ctrader.test_product import NORTHERN, is_up

PAGE = {
    "url": "https://copy.example/copy-widget/?broker=7",
    "code_path": "/cid/ctid/copy/code",
    "user_field": "userId",
    "code_field": "authCode",
}
ADDRESS = "/strategies/copy/ctrader"


@pytest.fixture(scope="module")
def server() -> Iterator[SimServer]:
    with running_simulator(seed=5, list_chunk=5, heartbeat_seconds=0.5) as running:
        yield running


@pytest.fixture
def desk(server: SimServer, north: Brand) -> Iterator[PlantDesk]:
    server.simulator.faults.clear()
    offer_copy_trading(north)
    yield make_desk(server, north, NORTHERN, copy_page=PAGE)
    server.simulator.faults.clear()


@pytest.fixture
def mona(app: Flask, desk: PlantDesk) -> Iterator[Visitor]:
    """A client with an account on the platform, while a connector works."""
    running = Connector()
    wait_until(lambda: is_up(desk))
    desk.open()
    yield browser_of(app, desk.brand, desk.trader, "cabinet")
    running.stop()


def opened(desk: PlantDesk, address: str) -> httpx.Response:
    """The simulator's page at what the cabinet would show."""
    return httpx.get(f"{desk.plant.control_url}/copy-widget/", params=parse_qs(urlsplit(address).query))


def address_on(page: str) -> str:
    found = re.search(r'<iframe class="x-embed" src="([^"]+)"', page)
    assert found is not None, page
    return found[1].replace("&amp;", "&")


def test_the_page_opens_once_as_the_client(desk: PlantDesk, mona: Visitor) -> None:
    assert f'href="{ADDRESS}"' in mona.get("/strategies/").text
    before = mona.get(ADDRESS)
    assert "https://copy.example" in text_of(before)
    assert "frame-src" not in before.headers["Content-Security-Policy"]

    shown = mona.post(ADDRESS)

    assert shown.status_code == 200
    assert shown.headers["Content-Security-Policy"].endswith("; frame-src https://copy.example")
    address = address_on(shown.text)
    assert address.startswith("https://copy.example/copy-widget/?broker=7&authCode=")
    assert parse_qs(urlsplit(address).query)["lang"] == ["en"]
    first, second = opened(desk, address), opened(desk, address)
    assert (first.status_code, second.status_code) == (200, 403)
    assert desk.trader.email in first.text
    with desk.scope():
        log = audit.page_of_log(audit.log(action="copytrading.page.open"), offset=0, limit=10)
        assert [record.client_id for record in log] == [desk.client_id]


def test_who_may_not_copy_gets_no_code(desk: PlantDesk, mona: Visitor) -> None:
    staff = make_staff(desk.brand, "compliance")
    with acting(desk.brand):
        restrictions.lock(desk.client_id, "copy_strategy", reason_code="client_request", by=staff.actor())

    assert mona.post(ADDRESS).status_code == 403
    assert not desk.plant.call(lambda books: list(books.copy_codes))


def test_a_platform_that_gives_no_code_is_said_plainly(desk: PlantDesk, mona: Visitor) -> None:
    desk.arm(FaultKind.REFUSE, "code", code="UNSUPPORTED_MESSAGE")

    refused = mona.post(ADDRESS)

    assert refused.status_code == 503
    assert "did not open its page" in refused.text
    assert "<iframe" not in refused.text
    desk.plant.simulator.faults.clear()
    assert address_on(mona.post(ADDRESS).text)


def test_nobody_else_has_the_page(app: Flask, desk: PlantDesk, mona: Visitor, south: Brand) -> None:
    without_account = browser_of(app, desk.brand, make_trader(desk.brand, "tom@north.example"), "cabinet")
    offer_copy_trading(south)
    stranger = browser_of(app, south, make_trader(south, "zoe@south.example"), "cabinet")
    outsider = Visitor(app, desk.brand.cabinet)

    assert without_account.get(ADDRESS).status_code == 404
    assert stranger.get(ADDRESS).status_code == 404
    assert outsider.get(ADDRESS).status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"copy_page": {**PAGE, "url": "http://copy.example/"}},
        {"copy_page": {**PAGE, "url": "simulator"}},
        {"copy_page": {**PAGE, "code_path": "cid/code"}},
        {"copy_page": {**PAGE, "code_field": ""}},
        {"copy_page": PAGE, "web_services": "", "write_path": "manager"},
    ],
)
def test_a_bundle_names_the_page_whole(server: SimServer, change: dict[str, object]) -> None:
    with pytest.raises((BundleRefused, msgspec.ValidationError)):
        section(server, NORTHERN, **change)
