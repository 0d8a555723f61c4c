"""The program against a receiver that misbehaves, and over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.simulators.certificates import ensure_certificates, server_context
from app.simulators.mt5 import SimServer, running_simulator
from tests.bridge.support import BridgeProcess, ask, write_config
from tests.simulators.support import WebAPI
from tests.simulators.test_push import Receiver
from tests.trading.conftest import wait_until

SECRET = "bridge-secret-of-the-test"
Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def sim() -> Iterator[SimServer]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def start(sim: SimServer, receiver: Receiver, tmp_path: Path) -> Iterator[Callable[..., BridgeProcess]]:
    started: list[BridgeProcess] = []

    def begin(**settings: Any) -> BridgeProcess:
        started.append(BridgeProcess(tmp_path / "bridge", **{**given(sim, receiver), **settings}))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


def given(sim: SimServer, receiver: Receiver) -> dict[str, Any]:
    return {
        "url": receiver.url,
        "secret": SECRET,
        "server": sim.control_url.removeprefix("http://"),
        "login": sim.manager_login,
        "password": sim.manager_password,
    }


def taken(receiver: Receiver, refused: Callable[[dict[str, Any]], Answer | None]) -> list[str]:
    """Kinds of the events that the receiver has accepted, in order."""
    return [
        event["type"]
        for batch in receiver.batches
        if refused(batch) is None
        for event in batch["events"]
        if event["type"] != "bridge.heartbeat"
    ]


def open_accounts(sim: SimServer, count: int) -> None:
    with WebAPI(sim) as api:
        api.sign_in()
        for _ in range(count):
            api.open_account()


def test_an_event_that_nobody_can_read_does_not_stop_the_others(
    sim: SimServer, receiver: Receiver, start: Callable[..., BridgeProcess]
) -> None:
    def refused(batch: dict[str, Any]) -> Answer | None:
        is_bad = any(event["type"] == "user.add" for event in batch["events"])
        return (400, {"error": "unreadable"}) if is_bad else None

    receiver.answer = lambda batch: refused(batch) or (200, {"ack": batch["seq"]})
    bridge = start()
    wait_until(lambda: "bridge.sync" in taken(receiver, refused))
    open_accounts(sim, 2)

    wait_until(lambda: bridge.facts.get("events_put_aside") == 2 and bridge.facts["events_in_journal"] == 0)
    assert taken(receiver, refused) == ["bridge.connect", "bridge.sync", *["deal.add", "user.update"] * 2]
    assert "Put aside event" in bridge.log


def test_a_proxy_that_answers_in_its_own_words_costs_no_event(
    sim: SimServer, receiver: Receiver, start: Callable[..., BridgeProcess]
) -> None:
    refusals = iter([(400, {}), (502, {}), (200, {}), (200, {"ack": True}), (404, {})])
    receiver.answer = lambda batch: next(refusals, (200, {"ack": batch["seq"]}))
    bridge = start()

    wait_until(lambda: bridge.facts.get("is_synced") and bridge.facts["events_acknowledged"] >= 2)
    assert bridge.facts["events_put_aside"] == 0
    assert [event["seq"] for event in receiver.stored][:2] == [1, 2]


def test_batches_shrink_until_they_are_taken(
    sim: SimServer, receiver: Receiver, start: Callable[..., BridgeProcess]
) -> None:
    def refused(batch: dict[str, Any]) -> Answer | None:
        return (413, {"error": "too_large"}) if len(batch["events"]) > 3 else None

    held: list[Answer] = []
    receiver.answer = lambda batch: (held.pop() if held else None) or refused(batch) or (200, {"ack": batch["seq"]})
    bridge = start()
    wait_until(lambda: bridge.facts.get("is_synced"))
    held += [(503, {})] * 4  # Long enough for the others to gather.
    open_accounts(sim, 4)

    wait_until(lambda: taken(receiver, refused).count("user.update") == 4)
    assert any(refused(batch) for batch in receiver.batches)
    numbers = [event["seq"] for batch in receiver.batches if refused(batch) is None for event in batch["events"]]
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))
    assert bridge.facts["events_put_aside"] == 0


def test_over_tls_only_a_certificate_that_is_trusted_is_spoken_to(
    sim: SimServer, receiver: Receiver, start: Callable[..., BridgeProcess], tmp_path: Path
) -> None:
    ca_file = ensure_certificates(tmp_path / "tls", ("localhost",))
    context = server_context(ca_file.parent)
    receiver._http.socket = context.wrap_socket(receiver._http.socket, server_side=True, do_handshake_on_connect=False)
    secure = {**given(sim, receiver), "url": receiver.url.replace("http://127.0.0.1", "https://localhost")}

    code, text = ask(write_config(tmp_path / "distrustful", **secure), "--check")
    assert (code, "CERTIFICATE_VERIFY_FAILED" in text) == (1, True)
    wrong_name = {**secure, "url": secure["url"].replace("localhost", "127.0.0.1"), "ca_file": ca_file}
    code, text = ask(write_config(tmp_path / "wrong-name", **wrong_name), "--check")
    assert (code, "CERTIFICATE_VERIFY_FAILED" in text) == (1, True)
    assert receiver.batches == []

    bridge = start(url=secure["url"], ca_file=ca_file)
    wait_until(lambda: receiver.types() == ["bridge.connect", "bridge.sync"])
    assert not bridge.facts.get("send_error")
