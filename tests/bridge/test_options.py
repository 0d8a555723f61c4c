"""What an administrator uses: --check, --status, --stop, and two programs on one directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.simulators.mt5 import ManagerConfig, SimConfig, running_simulator
from tests.bridge.support import CRM, BridgeProcess, ask, write_config
from tests.simulators.support import WebAPI
from tests.trading.conftest import BRIDGE_SECRET, Desk, wait_until

Start = Callable[..., BridgeProcess]


@pytest.fixture
def settings(desk: Desk, crm: CRM) -> dict[str, Any]:
    return {
        "url": f"http://127.0.0.1:{crm.port}/bridge/{desk.brand.slug}-mt5",
        "secret": BRIDGE_SECRET,
        "server": desk.simulator.control_url.removeprefix("http://"),
        "login": desk.simulator.manager_login,
        "password": desk.simulator.manager_password,
    }


def test_a_check_that_finds_everything(settings: dict[str, Any], tmp_path: Path) -> None:
    code, text = ask(write_config(tmp_path / "b", **settings), "--check")

    assert code == 0, text
    assert "accepts the signature" in text
    assert "Events arrive." in text
    assert "Everything that the bridge needs is there." in text
    assert "RIGHT_ACCOUNTANT" in text  # It has more rights than it needs.
    assert BRIDGE_SECRET not in text


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"secret": "not-the-secret-at-all"}, "The secret is not the one that Kontor has"),
        ({"url": "/bridge/nobody-mt5"}, "Kontor does not know this address"),
        ({"url": "/nothing"}, "Nothing answers at this address"),
        ({"url": "http://127.0.0.1:9/bridge/x"}, "does not answer"),
        ({"password": "wrong"}, "MT_RET_AUTH_ACCOUNT_INVALID (1001): Invalid account"),
        ({"server": "127.0.0.1:9"}, "MT_RET_ERR_NETWORK"),
    ],
)
def test_a_check_names_what_is_wrong(
    settings: dict[str, Any], crm: CRM, tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    if change.get("url", "").startswith("/"):
        change = {"url": f"http://127.0.0.1:{crm.port}{change['url']}"}
    code, text = ask(write_config(tmp_path / "b", **{**settings, **change}), "--check")

    assert code == 1
    assert complaint in text, text
    assert sum(line.startswith("PROBLEM") for line in text.splitlines()) == 1, text


def test_a_check_names_missing_rights(settings: dict[str, Any], tmp_path: Path) -> None:
    few = ManagerConfig(rights=(1, 25), groups=("nothing\\*",))
    with running_simulator(SimConfig(managers=(few,))) as sim, WebAPI(sim):
        server = {"server": sim.control_url.removeprefix("http://"), "login": few.login, "password": few.password}
        code, text = ask(write_config(tmp_path / "b", **{**settings, **server}), "--check")

    assert code == 1
    assert "RIGHT_TRADES_READ is missing: deals, positions and orders." in text
    assert "RIGHT_ACC_ONLINE is missing" in text
    assert "The manager account sees no group" in text


def test_status_and_stop(desk: Desk, crm: CRM, start_bridge: Start) -> None:
    bridge = start_bridge()
    wait_until(lambda: ask(bridge.config, "--status")[0] == 0)
    code, text = ask(bridge.config, "--status")
    assert text.startswith("All is well.")

    second, complaint = ask(bridge.config)
    assert second == 2
    assert "Another bridge is running" in complaint
    code, text = ask(bridge.config, "--check")
    assert (code, "The bridge is running" in text) == (0, True)

    assert ask(bridge.config, "--stop") == (0, "The bridge has stopped.\n")
    assert bridge.process.wait(10) == 0
    code, text = ask(bridge.config, "--status")
    assert (code, text.startswith("The bridge is not running.")) == (2, True)
    assert ask(bridge.config, "--stop")[0] == 0
    assert "Traceback" not in bridge.log
    assert BRIDGE_SECRET not in bridge.log
    assert desk.simulator.manager_password not in bridge.log


def test_a_server_that_is_away_is_tried_again(desk: Desk, crm: CRM, start_bridge: Start) -> None:
    bridge = start_bridge(password="wrong")
    wait_until(lambda: "MT_RET_AUTH_ACCOUNT_INVALID" in bridge.facts.get("link_error", ""))
    assert ask(bridge.config, "--status")[0] == 1
    assert bridge.process.poll() is None
    bridge.kill()

    bridge = start_bridge()
    wait_until(lambda: bridge.facts.get("is_connected"))
