"""Whatever is wrong with a connection is said in words, not hammered at, and over by itself when its cause goes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.core import db
from app.simulators.mt5.faults import FaultKind
from app.tenancy import secrets
from app.trading import bundle
from app.trading.connector.pace import Pace
from app.trading.platforms.base import PlatformUnavailable, Trouble
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import Pool, PoolSettings
from app.trading.sync_health import queries as health
from app.trading.sync_health import words
from tests.support.brands import Brand, browser_of, make_staff
from tests.support.browsing import Visitor, text_of
from tests.support.loops import in_thread
from tests.trading.conftest import FAST, Connector, Desk, section, wait_until
from tests.trading.front import ANSWER, CLOSE, EXPIRED, PASS, Front, running_front
from tests.trading.test_scale import is_up

QUICK = replace(FAST, groups=0.3, groups_in_trouble=0.3, reconfigure=0.3, notes=0.3)
PASSWORD_SECRET = "mt5.password"


@pytest.fixture
def front(desk: Desk, tmp_path: Path) -> Iterator[Front]:
    """A door between the product and the trade server."""
    with running_front(desk.simulator.port, tmp_path) as door:
        authorities = tmp_path / "authorities.pem"
        authorities.write_text(desk.simulator.ca_file.read_text() + door.ca_pem)
        with desk.scope():
            bundle.apply(
                section(desk.simulator, desk.brand, address=f"127.0.0.1:{door.port}", ca_file=str(authorities))
            )
        yield door


@pytest.fixture
def running(desk: Desk) -> Iterator[Connector]:
    started = Connector(QUICK)
    yield started
    started.stop()


@pytest.fixture
def office(app: Flask, desk: Desk) -> Visitor:
    return browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")


def troubles(desk: Desk) -> dict[str, Trouble]:
    with desk.scope():
        return {row.source: row.trouble for row in health.troubles(desk.platform_id)}


def is_told(desk: Desk, office: Visitor, trouble: Trouble) -> None:
    """The list and the platform's page say what is the matter and what to do."""
    advice = words.advice(trouble)
    for path in ("/platforms", f"/platforms/{desk.platform_id}"):
        page = text_of(office.get(path))
        assert advice.what.in_english() in page
        assert advice.action.in_english() in page


def is_well(desk: Desk, office: Visitor) -> None:
    """It is over by itself, and the pages are calm again."""
    wait_until(lambda: is_up(desk) and troubles(desk) == {})
    page = text_of(office.get(f"/platforms/{desk.platform_id}"))
    assert "Connected" in page
    assert not any(words.advice(each).what.in_english() in page for each in Trouble)


def test_wrong_credentials_are_told_tried_five_times_and_no_more(desk: Desk, office: Visitor) -> None:
    with desk.scope():
        secrets.put(PASSWORD_SECRET, "not the password")
    before = desk.simulator.simulator.gateway.performed["auth/answer"]
    started = Connector(QUICK)
    try:
        wait_until(lambda: troubles(desk).get("link") is Trouble.CREDENTIALS)
        is_told(desk, office, Trouble.CREDENTIALS)
        wait_until(lambda: troubles(desk).get("link") is Trouble.SIGN_IN_STOPPED)
        is_told(desk, office, Trouble.SIGN_IN_STOPPED)
        assert desk.simulator.simulator.gateway.performed["auth/answer"] - before <= 5

        with desk.scope():
            secrets.put(PASSWORD_SECRET, desk.simulator.manager_password)
        is_well(desk, office)  # The right password is tried at once.
    finally:
        started.stop()


def test_an_expired_certificate_is_told(desk: Desk, front: Front, office: Visitor) -> None:
    front.begin(EXPIRED)
    started = Connector(QUICK)
    try:
        wait_until(lambda: troubles(desk).get("link") is Trouble.CERTIFICATE_EXPIRED)
        is_told(desk, office, Trouble.CERTIFICATE_EXPIRED)
        front.begin(PASS)
        is_well(desk, office)
    finally:
        started.stop()


def test_a_certificate_of_somebody_else_is_told(desk: Desk, front: Front, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk))
    with desk.scope():
        bundle.apply(section(desk.simulator, desk.brand, tls_name="elsewhere.example"))
    wait_until(lambda: troubles(desk).get("link") is Trouble.CERTIFICATE)
    is_told(desk, office, Trouble.CERTIFICATE)
    with desk.scope():
        bundle.apply(section(desk.simulator, desk.brand))
    is_well(desk, office)


def test_a_missing_right_is_told_and_the_rest_goes_on(desk: Desk, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk) and troubles(desk) == {})
    desk.fault(FaultKind.RETCODE, "deal/get_batch", retcode=8, count=None)
    wait_until(lambda: troubles(desk).get("catch_up") is Trouble.MISSING_RIGHT)
    is_told(desk, office, Trouble.MISSING_RIGHT)
    assert is_up(desk)
    assert desk.open().login  # What the right does not concern still works.
    desk.simulator.simulator.faults.clear()
    is_well(desk, office)


def test_an_unknown_group_is_told_by_name(desk: Desk, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk))
    wrong = section(desk.simulator, desk.brand)
    kinds = (replace_groups(wrong.account_types[0], {"USD": "real\\no-such-group"}), *wrong.account_types[1:])
    with desk.scope():
        bundle.apply(bundle.TradingSection(platforms=wrong.platforms, account_types=kinds))
    wait_until(lambda: troubles(desk).get("check_groups") is Trouble.UNKNOWN_GROUP)
    is_told(desk, office, Trouble.UNKNOWN_GROUP)
    assert "real\\no-such-group" in text_of(office.get(f"/platforms/{desk.platform_id}"))
    with desk.scope():
        bundle.apply(section(desk.simulator, desk.brand))
    is_well(desk, office)


def replace_groups(kind: bundle.AccountTypeSection, groups: dict[str, str]) -> bundle.AccountTypeSection:
    import msgspec

    return msgspec.structs.replace(kind, groups=groups)


def test_maintenance_is_told_and_nothing_that_was_asked_is_lost(
    desk: Desk, office: Visitor, running: Connector
) -> None:
    account = desk.open()
    desk.fault(FaultKind.RETCODE, "*", retcode=11, count=None)
    wait_until(lambda: troubles(desk).get("link") is Trouble.MAINTENANCE)
    is_told(desk, office, Trouble.MAINTENANCE)
    from app.trading.service import change_leverage

    operation_id = desk.ask(change_leverage, account.id, 500)
    desk.simulator.simulator.faults.clear()
    is_well(desk, office)
    assert desk.outcome(operation_id).is_done


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Trouble.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{retcode:", Trouble.MALFORMED),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", Trouble.MALFORMED),
        (b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", Trouble.MAINTENANCE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", Trouble.OVERSIZED),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 600_000, Trouble.OVERSIZED),
    ],
    ids=["another-protocol", "broken-json", "http-500", "http-503", "oversized-frame", "oversized-head"],
)
def test_a_malformed_or_oversized_frame_is_told(
    desk: Desk, front: Front, office: Visitor, running: Connector, answer: bytes, trouble: Trouble
) -> None:
    wait_until(lambda: is_up(desk))
    front.begin(ANSWER, answer)
    wait_until(lambda: troubles(desk).get("link") is trouble)
    is_told(desk, office, trouble)
    front.begin(PASS)
    is_well(desk, office)


def test_a_server_that_hangs_up_is_told(desk: Desk, front: Front, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk))
    front.begin(CLOSE)
    wait_until(lambda: troubles(desk).get("link") is Trouble.CLOSED)
    is_told(desk, office, Trouble.CLOSED)
    front.begin(PASS)
    is_well(desk, office)


def test_a_secret_that_is_missing_is_told(desk: Desk, office: Visitor) -> None:
    with desk.scope():
        db.execute_sql("DELETE FROM tenant_secret WHERE tenant_id = :tenant_id AND name = :name", name=PASSWORD_SECRET)
    started = Connector(QUICK)
    try:
        wait_until(lambda: troubles(desk).get("link") is Trouble.NOT_CONFIGURED)
        is_told(desk, office, Trouble.NOT_CONFIGURED)
        with desk.scope():
            secrets.put(PASSWORD_SECRET, desk.simulator.manager_password)
        is_well(desk, office)
    finally:
        started.stop()


def test_a_door_that_stays_shut_is_knocked_at_ever_more_rarely(desk: Desk, front: Front) -> None:
    front.begin(CLOSE)
    first_pause = 0.05

    async def hammer() -> float:
        ca_pem = desk.simulator.ca_file.read_text()
        pool = Pool(
            Endpoint("127.0.0.1", front.port, 1, "x", ca_pem, "localhost"), PoolSettings(first_pause_s=first_pause)
        )
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            with pytest.raises(PlatformUnavailable):
                await pool.read("test/access")
            await asyncio.sleep(0.001)
        return time.monotonic() - began

    took = in_thread(hammer())
    assert front.knocks <= math.log2(took / (first_pause * 0.8) + 1) + 2
    assert (PoolSettings().first_pause_s, PoolSettings().longest_pause_s, PoolSettings().sign_in_attempts) == (
        5,
        120,
        5,
    )
    assert Pace().reconnect >= 5


def test_only_staff_who_may_see_platforms_see_the_page(app: Flask, desk: Desk, south: Brand) -> None:
    path = f"/platforms/{desk.platform_id}"
    assert browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office").get(path).status_code == 200
    assert browser_of(app, desk.brand, make_staff(desk.brand, "sales"), "office").get(path).status_code == 403
    assert browser_of(app, south, make_staff(south, "admin"), "office").get(path).status_code == 404
