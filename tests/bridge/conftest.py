"""A trade server, a brand on it, the CRM on a port, and the bridge between them as a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.trading.models import TradingAccount
from tests.bridge.support import CRM, BridgeProcess, Road
from tests.support.brands import app, brands, hash_once, north, south
from tests.trading.conftest import BRIDGE_SECRET, Connector, Desk, connector, desk, platform_settings, simulator
from tests.trading.test_intake import funded

__all__ = ["app", "brands", "connector", "desk", "hash_once", "north", "platform_settings", "simulator", "south"]


@pytest.fixture
def crm(app: Flask, desk: Desk) -> Iterator[CRM]:
    """The whole product on a port, remembering what bridges sent and what it answered."""
    running = CRM(app)
    yield running
    running.stop()


@pytest.fixture
def road(crm: CRM) -> Iterator[Road]:
    """The network between bridge and CRM."""
    between = Road(crm.port)
    yield between
    between.close()


@pytest.fixture
def start_bridge(desk: Desk, road: Road, tmp_path: Path) -> Iterator[Callable[..., BridgeProcess]]:
    """Start a bridge for the desk's platform; the same data directory each time unless told otherwise."""
    started: list[BridgeProcess] = []

    def start(**settings: Any) -> BridgeProcess:
        given = {
            "url": f"http://127.0.0.1:{road.port}/bridge/{desk.brand.slug}-mt5",
            "secret": BRIDGE_SECRET,
            "server": desk.simulator.control_url.removeprefix("http://"),
            "login": desk.simulator.manager_login,
            "password": desk.simulator.manager_password,
            **settings,
        }
        started.append(BridgeProcess(tmp_path / "bridge", **given))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def account(desk: Desk, connector: Connector) -> TradingAccount:
    """A funded account; the connector that made it has stopped, so that only the bridge tells of anything."""
    made = funded(desk)
    connector.stop()
    return made
