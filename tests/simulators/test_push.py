"""The bridge: signed, in order, repeated until acknowledged."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.simulators.mt5 import PushConfig, SimConfig, running_simulator
from app.simulators.mt5.push import sign
from tests.simulators.support import Control, WebAPI

SECRET = "bridge-secret"


class Receiver:
    """A CRM's bridge endpoint that remembers what it was sent and answers as a test wants."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, Any]] = lambda batch: (200, {"ack": batch["seq"]})
        self.has_bad_signature = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                arrived = time.time()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp, nonce, proof = (part.partition("=")[2] for part in self.headers["X-Kontor-Signature"].split(","))
                expected = hmac.new(SECRET.encode(), f"{stamp}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
                is_good = proof == expected and abs(int(stamp) - arrived) < 5
                receiver.has_bad_signature = receiver.has_bad_signature or not is_good
                batch = json.loads(body)
                receiver.batches.append(batch)
                status, answer = receiver.answer(batch)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/bridge/key"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def stored(self) -> list[dict[str, Any]]:
        """Events without repetitions, as a receiver keeps them."""
        seen: dict[tuple[str, int], dict[str, Any]] = {}
        for batch in self.batches:
            for event in batch["events"]:
                seen.setdefault((batch["epoch"], event["seq"]), event)
        return list(seen.values())

    def types(self) -> list[str]:
        return [event["type"] for event in self.stored if event["type"] != "bridge.heartbeat"]

    def wait(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, self.types()
            time.sleep(0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


def config(receiver: Receiver, **settings: Any) -> SimConfig:
    return SimConfig(push=PushConfig(url=receiver.url, secret=SECRET, bridge="sim-a"), **settings)


def test_the_documented_signature() -> None:
    body = b'{"bridge":"b","epoch":"e","seq":0,"sent_at":0,"events":[]}'
    page = (Path(__file__).parents[2] / "docs" / "protocols" / "mt5-bridge.md").read_text()

    signature = sign(SECRET, 1_790_000_000, "0123456789abcdef", body)

    assert signature.startswith("t=1790000000,n=0123456789abcdef,v1=")
    assert f"`{signature.rpartition(',')[2]}`" in page


def test_events_arrive_signed_at_once_and_in_order(receiver: Receiver) -> None:
    with running_simulator(config(receiver)) as sim, WebAPI(sim) as api:
        login = api.sign_in().open_account()
        control = Control(sim)
        done = control.trade(login, symbol="EURUSD", side="buy", volume="0.10")
        control.trade(login, "close", position=done["position"])
        control.close()
        receiver.wait(lambda: receiver.types().count("deal.add") == 3)
        receiver.wait(lambda: receiver.types()[-1] == "user.update")

        assert not receiver.has_bad_signature
        assert receiver.types() == [
            "bridge.connect", "bridge.sync",
            "user.add", "deal.add", "user.update",
            "deal.add", "position.add", "user.update",
            "deal.add", "position.delete", "user.update",
        ]  # fmt: skip
        numbers = [event["seq"] for event in receiver.stored]
        assert numbers == list(range(1, len(numbers) + 1))
        deals = [event["record"] for event in receiver.stored if event["type"] == "deal.add"]
        assert deals == api.answer("deal/get_batch", **{"login": login, "from": 0, "to": 9_999_999_999})


def test_what_is_not_acknowledged_comes_again_with_the_same_numbers(receiver: Receiver) -> None:
    refusals = iter([(503, {}), (200, {}), (200, {"ack": "soon"})])
    receiver.answer = lambda batch: next(refusals, (200, {"ack": batch["seq"]}))
    with running_simulator(config(receiver)) as sim, WebAPI(sim) as api:
        api.sign_in().open_account(deposit=None)
        receiver.wait(lambda: "user.add" in receiver.types() and len(receiver.batches) > 3)

        assert [batch["events"][0]["seq"] for batch in receiver.batches[:4]] == [1, 1, 1, 1]
        assert receiver.types() == ["bridge.connect", "bridge.sync", "user.add"]


def test_a_partial_acknowledgement_leaves_the_rest(receiver: Receiver) -> None:
    receiver.answer = lambda batch: (200, {"ack": batch["events"][0]["seq"]})
    with running_simulator(config(receiver)) as sim, WebAPI(sim) as api:
        api.sign_in().open_account()
        receiver.wait(lambda: receiver.types().count("user.update") == 1)
        receiver.wait(lambda: receiver.batches[-1]["events"][0]["type"] in ("user.update", "bridge.heartbeat"))

        assert receiver.types() == ["bridge.connect", "bridge.sync", "user.add", "deal.add", "user.update"]


def test_a_restarted_bridge_goes_on_where_it_was(receiver: Receiver, tmp_path: Path) -> None:
    settings = config(receiver, data_dir=str(tmp_path))
    with running_simulator(settings) as sim, WebAPI(sim) as api:
        receiver.wait(lambda: receiver.types() == ["bridge.connect", "bridge.sync"])
        with Control(sim) as control:
            control.post("/push", paused=True)
        api.sign_in().open_account()
    with running_simulator(settings):
        receiver.wait(lambda: receiver.types().count("bridge.connect") == 2)

        assert receiver.types()[2:5] == ["user.add", "deal.add", "user.update"]
        assert len({batch["epoch"] for batch in receiver.batches}) == 1
        numbers = [event["seq"] for event in receiver.stored]
        assert numbers == sorted(set(numbers))


def test_what_happens_while_the_link_is_down_is_never_told(receiver: Receiver) -> None:
    with running_simulator(config(receiver)) as sim, WebAPI(sim) as api:
        control = Control(sim)
        api.sign_in()
        control.post("/push", disconnected=True)
        api.open_account()
        control.post("/push", disconnected=False)
        control.close()
        receiver.wait(lambda: receiver.types().count("bridge.sync") == 2)

        assert receiver.types() == [
            "bridge.connect",
            "bridge.sync",
            "bridge.disconnect",
            "bridge.connect",
            "bridge.sync",
        ]


def test_holes_and_repetitions_can_be_ordered(receiver: Receiver) -> None:
    with running_simulator(config(receiver, heartbeat_seconds=60)) as sim, WebAPI(sim) as api, Control(sim) as control:
        receiver.wait(lambda: receiver.types() == ["bridge.connect", "bridge.sync"])
        control.post("/push", lose=1)
        api.sign_in().open_account()
        receiver.wait(lambda: receiver.types()[-1] == "user.update")
        assert [event["seq"] for event in receiver.stored] == [1, 2, 4, 5]

        control.post("/push", repeat=1)
        api.answer("trade/balance", login=100001, type=2, balance="1")

        def delivered() -> list[int]:
            return [event["seq"] for batch in receiver.batches for event in batch["events"]]

        # Which batch is repeated depends on the moment: the one whose acknowledgement comes next.
        receiver.wait(lambda: len(receiver.types()) == 6 and len(delivered()) > len(set(delivered())))
        assert [event["seq"] for event in receiver.stored] == [1, 2, 4, 5, 6, 7]
        kept = {event["seq"]: event for event in receiver.stored}
        assert all(event == kept[event["seq"]] for batch in receiver.batches for event in batch["events"])


def test_a_bridge_that_was_killed_does_not_use_its_numbers_again(receiver: Receiver, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with running_simulator(config(receiver, data_dir=str(first))) as sim, WebAPI(sim) as api:
        login = api.sign_in().open_account()
        time.sleep(0.8)  # Longer than between two writes.
        shutil.copytree(first, second)  # What the disk holds if the process dies now.
    with running_simulator(config(receiver, data_dir=str(second))) as sim:
        receiver.wait(lambda: len({batch["epoch"] for batch in receiver.batches}) == 2)

        assert receiver.batches[-1]["events"][0]["seq"] == 1
        assert sim.call(lambda server: str(server.users[login].balance)) == "10000.00"


def test_the_address_may_come_later_and_silence_is_filled_with_heartbeats(receiver: Receiver) -> None:
    with running_simulator(heartbeat_seconds=0.05) as sim:
        control = Control(sim)
        control.put("/push", url=receiver.url, secret=SECRET)
        receiver.wait(lambda: sum(event["type"] == "bridge.heartbeat" for event in receiver.stored) > 2)
        status = control.get("/push")
        control.close()

    assert status["acked"] > 2
    assert status["last_error"] == ""


def test_a_change_of_group_is_told_twice(receiver: Receiver) -> None:
    with running_simulator(config(receiver)) as sim, WebAPI(sim) as api:
        login = api.sign_in().open_account(deposit=None)
        api.answer("user/update", login=login, group="real\\raw-usd")
        receiver.wait(lambda: receiver.types().count("user.update") == 2)

        updates = [event["record"]["Group"] for event in receiver.stored if event["type"] == "user.update"]
        assert updates == ["real\\raw-usd", "real\\raw-usd"]
