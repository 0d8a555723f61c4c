"""cTrader's troubles on the status page: each in words, no busy loop, and over by itself when its cause goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.ledger import service as ledger
from app.simulators.ctrader.faults import FaultKind
from app.simulators.ctrader.running import SimServer
from app.tenancy import secrets
from app.trading import bundle
from app.trading.connector.pace import Pace
from app.trading.platforms.base import Trouble
from app.trading.sync_health.models import GapReason
from tests.support.brands import Brand, browser_of, make_staff
from tests.support.browsing import Visitor, text_of
from tests.trading.conftest import FAST, Connector, wait_until
from tests.trading.ctrader.desk import PASSWORD, PlantDesk, make_desk, section
from tests.trading.front import ANSWER, CLOSE, EXPIRED, PASS, Front, running_front
from tests.trading.test_scale import is_up
from tests.trading.test_scale_pressure import gaps_of
from tests.trading.test_status import is_told, is_well, troubles

QUICK: Pace = replace(FAST, groups=0.3, groups_in_trouble=0.3, reconfigure=0.3, notes=0.3)
GROUPS = {"USD": "Standard"}


@pytest.fixture
def desk(plant: SimServer, north: Brand) -> Iterator[PlantDesk]:
    plant.simulator.faults.clear()
    made = make_desk(plant, north, GROUPS)
    yield made
    plant.simulator.faults.clear()
    with made.scope():
        assert ledger.verify() == []


@pytest.fixture
def front(desk: PlantDesk, tmp_path: Path) -> Iterator[Front]:
    """A door between the product and the plant."""
    with running_front(desk.plant.manager_port, tmp_path) as door:
        door.speaks_first = True
        authorities = tmp_path / "authorities.pem"
        authorities.write_text(desk.plant.ca_file.read_text() + door.ca_pem)
        with desk.scope():
            bundle.apply(section(desk.plant, GROUPS, address=f"127.0.0.1:{door.port}", ca_file=str(authorities)))
        yield door


@pytest.fixture
def running(desk: PlantDesk) -> Iterator[Connector]:
    started = Connector(QUICK)
    yield started
    started.stop()


@pytest.fixture
def office(app: Flask, desk: PlantDesk) -> Visitor:
    return browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")


def test_wrong_credentials_are_told_and_the_right_ones_tried_at_once(desk: PlantDesk, office: Visitor) -> None:
    with desk.scope():
        secrets.put(PASSWORD, "not the password")
    started = Connector(QUICK)
    try:
        wait_until(lambda: troubles(desk).get("link") in (Trouble.CREDENTIALS, Trouble.SIGN_IN_STOPPED))
        wait_until(lambda: troubles(desk).get("link") is Trouble.SIGN_IN_STOPPED)
        is_told(desk, office, Trouble.SIGN_IN_STOPPED)
        with desk.scope():
            secrets.put(PASSWORD, desk.plant.manager_password)
        is_well(desk, office)
    finally:
        started.stop()


def test_an_expired_certificate_is_told(desk: PlantDesk, front: Front, office: Visitor) -> None:
    front.begin(EXPIRED)
    started = Connector(QUICK)
    try:
        wait_until(lambda: troubles(desk).get("link") is Trouble.CERTIFICATE_EXPIRED)
        is_told(desk, office, Trouble.CERTIFICATE_EXPIRED)
        front.begin(PASS)
        is_well(desk, office)
    finally:
        started.stop()


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (bytes.fromhex("00000003ffffff"), Trouble.MALFORMED),
        ((15_000_001).to_bytes(4, "big"), Trouble.OVERSIZED),
        (bytes(4), Trouble.OVERSIZED),
    ],
    ids=["malformed", "oversized", "empty"],
)
def test_a_malformed_or_oversized_frame_is_told(
    desk: PlantDesk, front: Front, office: Visitor, running: Connector, answer: bytes, trouble: Trouble
) -> None:
    wait_until(lambda: is_up(desk))
    front.begin(ANSWER, answer)
    wait_until(lambda: troubles(desk).get("link") is trouble)
    is_told(desk, office, trouble)
    front.begin(PASS)
    is_well(desk, office)


def test_maintenance_is_told(desk: PlantDesk, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk))
    desk.arm(FaultKind.REFUSE, "*", code="SERVER_IS_UNDER_MAINTENANCE", count=None)
    wait_until(lambda: troubles(desk).get("link") is Trouble.MAINTENANCE)
    is_told(desk, office, Trouble.MAINTENANCE)
    desk.plant.simulator.faults.clear()
    is_well(desk, office)


def test_a_missing_right_is_told(desk: PlantDesk, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk) and troubles(desk) == {})
    desk.arm(FaultKind.REFUSE, "*DealList*", code="NOT_ENOUGH_RIGHTS", count=None)
    wait_until(lambda: troubles(desk).get("catch_up") is Trouble.MISSING_RIGHT)
    is_told(desk, office, Trouble.MISSING_RIGHT)
    assert is_up(desk)
    desk.plant.simulator.faults.clear()
    is_well(desk, office)


def test_an_unknown_group_is_told_by_name(desk: PlantDesk, office: Visitor, running: Connector) -> None:
    wait_until(lambda: is_up(desk))
    with desk.scope():
        bundle.apply(section(desk.plant, {"USD": "No such group"}))
    wait_until(lambda: troubles(desk).get("check_groups") is Trouble.UNKNOWN_GROUP)
    is_told(desk, office, Trouble.UNKNOWN_GROUP)
    assert "No such group" in text_of(office.get(f"/platforms/{desk.platform_id}"))
    with desk.scope():
        bundle.apply(section(desk.plant, GROUPS))
    is_well(desk, office)


def test_a_lost_link_is_a_gap_that_closes(desk: PlantDesk, front: Front, running: Connector) -> None:
    wait_until(lambda: is_up(desk) and all(gap.closed_at for gap in gaps_of(desk)))
    front.begin(CLOSE)
    wait_until(lambda: not is_up(desk))
    assert [gap for gap in gaps_of(desk) if gap.reason is GapReason.LINK and gap.closed_at is None]
    front.begin(PASS)
    wait_until(lambda: is_up(desk) and all(gap.closed_at for gap in gaps_of(desk)))
