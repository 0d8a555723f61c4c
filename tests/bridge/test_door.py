"""Where bridges post: what is let in, what is refused, and that neither mistakes nor malice break anything."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core import db
from app.core import redis as core_redis
from app.kit import clock
from app.kit.ids import new_token
from app.tenancy import secrets
from app.trading import bridge, signatures
from app.trading.models import TradingAccount
from app.trading.queries import accounts as account_queries
from app.trading.queries import platforms
from app.trading.service import connections
from app.trading.service.connections import BRIDGE_SILENCE
from tests.bridge.support import CRM
from tests.support.brands import Brand
from tests.trading.conftest import BRIDGE_SECRET, Desk, make_desk

NONCE_LENGTH = 128


def batch(epoch: str, /, *events: tuple[int, str, dict[str, Any]], **changes: Any) -> bytes:
    rows = [{"seq": seq, "type": kind, "at": 0, "record": record} for seq, kind, record in events]
    last = events[-1][0] if events else 0
    return json.dumps({"bridge": "b", "epoch": epoch, "seq": last, "sent_at": 0, "events": rows, **changes}).encode()


def signed(body: bytes, secret: str = BRIDGE_SECRET, ago_s: int = 0) -> str:
    return signatures.sign(secret, int(clock.now().timestamp()) - ago_s, new_token(NONCE_LENGTH), body)


def receive(desk: Desk, body: bytes, signature: str | None = None) -> bridge.Outcome:
    return bridge.receive(f"{desk.brand.slug}-mt5", signed(body) if signature is None else signature, body)


@pytest.fixture
def clear(desk: Desk) -> Iterator[None]:
    """A platform whose clock is known and that has nothing to catch up."""
    with desk.scope():
        connections.record_server_time(desk.platform_id, int(clock.now().timestamp() * 1000) + 7_200_000, clock.now())
    catch_up(desk)
    yield
    bridge.forget()


def catch_up(desk: Desk) -> None:
    """As the connector does: a reading that begins now, and is stored."""
    server_msc = int(clock.now().timestamp() * 1000) + 7_200_000
    with desk.scope():
        plan = connections.plan_catch_up(desk.platform_id, every_s=0, without_bridge_s=0)
        assert plan is not None
        connections.record_caught_up(desk.platform_id, server_msc, plan.reason)


def wanted(desk: Desk) -> str:
    with desk.scope():
        return platforms.status(desk.platform_id).catch_up_wanted


def test_a_clock_that_is_wrong_is_refused(desk: Desk) -> None:
    body = batch("e")
    for ago, status in ((0, 200), (55, 200), (-55, 200), (62, 401), (-62, 401)):
        assert receive(desk, body, signed(body, ago_s=ago)).status == status


def test_a_message_is_heard_once(desk: Desk, clear: None) -> None:
    body = batch("e", (1, "bridge.connect", {}))
    signature = signed(body)

    assert receive(desk, body, signature) == bridge.Outcome(200, 1)
    assert receive(desk, body, signature).status == 401
    remaining = [core_redis.client().ttl(name) for name in core_redis.client().scan_iter(match="*bridge-nonce*")]
    assert all(250 < seconds <= 300 for seconds in remaining)
    assert len(remaining) == 1


def test_a_key_of_one_brand_with_the_secret_of_another_is_refused(desk: Desk, south: Brand, clear: None) -> None:
    other = make_desk(desk.simulator, south)
    with other.scope():
        secrets.put("mt5.bridge", "another-secret-of-south")
    bridge.forget()
    deal = {"Deal": "900001", "Login": "5", "Action": "2", "Profit": "10.00", "Time": "1790000000"}
    body = batch("e", (1, "deal.add", deal))

    assert receive(other, body).status == 401  # South's key, North's secret.
    assert receive(desk, body, signed(body, "another-secret-of-south")).status == 401
    assert receive(desk, body).status == 200
    with db.tenant_scope(south.id):
        assert db.execute_sql("SELECT count(*) FROM deal").scalar_one() == 0
        assert platforms.status(other.platform_id).bridge_epoch is None
    with desk.scope():
        assert db.execute_sql("SELECT count(*) FROM deal").scalar_one() == 1


UNREADABLE = {
    "no JSON": b"{",
    "no object": b"[]",
    "a number": b"17",
    "no events": b'{"epoch": "e", "seq": 1}',
    "events that are none": batch("e", events={"a": 1}),
    "an event that is a text": batch("e", events=["x"]),
    "an epoch that is a number": batch("e", epoch=7),
    "a very long epoch": batch("e" * 65, (1, "bridge.connect", {})),
    "a number that is a text": batch("e", events=[{"seq": "1", "type": "x", "record": {}}]),
    "a number that is true": batch("e", events=[{"seq": True, "type": "x", "record": {}}]),
    "a negative number": batch("e", (-1, "x", {})),
    "a number too large": batch("e", (2**63, "x", {})),
    "a record that is a list": batch("e", events=[{"seq": 1, "type": "x", "record": []}]),
    "a price that is a word": batch("e", (1, "deal.add", {"Deal": "1", "Price": "cheap", "Action": "0"})),
    "an infinite price": batch("e", (1, "deal.add", {"Deal": "1", "Price": "Infinity", "Action": "0"})),
    "a price beyond measure": batch("e", (1, "deal.add", {"Deal": "1", "Price": "1e400000", "Action": "0"})),
    "a ticket beyond measure": batch("e", (1, "deal.add", {"Deal": str(10**30), "Action": "2"})),
    "a time beyond measure": batch("e", (1, "deal.add", {"Deal": "1", "TimeMsc": str(10**18), "Action": "2"})),
    "a zero character": batch("e", (1, "deal.add", {"Deal": "1", "Comment": "a\x00", "Action": "2"})),
    "half a character": batch("e", (1, "deal.add", {"Deal": "1", "Comment": "\ud800", "Action": "2"})),
    "deep nesting": b'{"epoch": "e", "events": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused_and_changes_nothing(desk: Desk, clear: None, name: str) -> None:
    outcome = receive(desk, UNREADABLE[name])

    assert (outcome.status, outcome.error) == (400, "unreadable")
    with desk.scope():
        assert platforms.status(desk.platform_id).bridge_epoch is None
        assert db.execute_sql("SELECT count(*) FROM deal").scalar_one() == 0


def test_a_batch_without_events_only_answers(desk: Desk, clear: None) -> None:
    assert receive(desk, batch("check")) == bridge.Outcome(200, 0)
    assert receive(desk, batch("e", (1, "bridge.connect", {}))).ack == 1
    assert receive(desk, batch("e")) == bridge.Outcome(200, 1)
    assert wanted(desk) == ""


def test_holes_lost_links_and_overflows_ask_for_a_catch_up(desk: Desk, clear: None) -> None:
    assert receive(desk, batch("e", (1, "bridge.connect", {}), (2, "bridge.sync", {}))).ack == 2
    for body in (
        batch("e", (3, "bridge.heartbeat", {}), (5, "bridge.heartbeat", {})),
        batch("e", (6, "bridge.disconnect", {})),
        batch("e", (7, "bridge.overflow", {"Lost": "12"})),
        batch("e", (8, "deal.clean", {"Login": "5"})),
        batch("f", (1, "bridge.connect", {})),
        batch("f", (4, "bridge.heartbeat", {})),
    ):
        assert wanted(desk) == ""
        assert receive(desk, body).status == 200
        assert wanted(desk) == "gap"
        catch_up(desk)


def test_silence_makes_the_connector_ask_oftener(desk: Desk, clear: None) -> None:
    def is_alive() -> bool:
        with desk.scope():
            plan = connections.plan_catch_up(desk.platform_id, every_s=0, without_bridge_s=0)
            assert plan is not None
            return plan.is_bridge_alive

    assert not is_alive()
    receive(desk, batch("e", (1, "bridge.heartbeat", {"Connected": "1"})))
    assert is_alive()
    receive(desk, batch("e", (2, "bridge.heartbeat", {"Connected": "0"})))
    assert not is_alive()
    receive(desk, batch("e", (3, "bridge.connect", {})))
    assert is_alive()
    receive(desk, batch("e", (4, "bridge.disconnect", {})))
    assert not is_alive()
    receive(desk, batch("e", (5, "bridge.heartbeat", {})))
    with desk.scope():
        status = platforms.status(desk.platform_id)
        assert status.bridge_seen_at is not None
        status.bridge_seen_at -= BRIDGE_SILENCE
    assert not is_alive()


def test_a_margin_call_shows_the_figures_that_caused_it(desk: Desk, account: TradingAccount) -> None:
    record = {
        "Login": str(account.login), "CurrencyDigits": "2", "Balance": "100.00", "Credit": "0.00", "Margin": "90.00",
        "MarginFree": "-40.00", "MarginLevel": "55.56", "Floating": "-50.00", "Equity": "50.00", "SOActivation": "1",
    }  # fmt: skip
    with core_redis.client().pubsub() as heard:
        heard.psubscribe("*")
        heard.get_message(timeout=5)
        assert receive(desk, batch("e", (1, "account.margin_call", record))).ack == 1
        messages = [heard.get_message(timeout=1) for _ in range(3)]
    channels = {message["channel"].decode().rpartition("client:")[2]: message for message in messages if message}
    assert str(desk.client_id) in channels
    with desk.scope():
        state = account_queries.account_view(account.id).state
        assert state is not None
        assert (str(state.equity), str(state.margin), str(state.margin_level)) == ("50.00", "90.00", "55.56")


def test_a_cleaned_account_has_nothing_open(desk: Desk, account: TradingAccount) -> None:
    login = str(account.login)
    position = {
        "Position": "77", "Login": login, "Symbol": "EURUSD", "Action": "0", "Volume": "1000", "PriceOpen": "1.1",
        "PriceCurrent": "1.1", "TimeCreate": "1790000000",
    }  # fmt: skip

    def open_now() -> int:
        with desk.scope():
            return int(db.execute_sql("SELECT count(*) FROM open_position").scalar_one())

    receive(desk, batch("e", (1, "position.add", position)))
    assert open_now() == 1
    receive(desk, batch("e", (2, "position.clean", {"Login": login}), (3, "user.clean", {"Login": login})))
    assert open_now() == 0


class Caller:
    """Speaks plain HTTP with the product's port."""

    def __init__(self, crm: CRM, desk: Desk) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", crm.port, timeout=30)
        self._path = f"/bridge/{desk.brand.slug}-mt5"

    def post(self, body: bytes, signature: str = "", path: str = "", **headers: str) -> tuple[int, Any]:
        sent = {"X-Kontor-Signature": signature, **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            self._http.request("POST", path or self._path, body, sent)
            response = self._http.getresponse()
            text = response.read()
        finally:
            self._http.close()
        return response.status, json.loads(text) if text.startswith(b"{") else text


def test_too_large_and_too_many(desk: Desk, crm: CRM, clear: None) -> None:
    caller = Caller(crm, desk)
    large = batch("e", (1, "x", {"Comment": "x" * bridge.BODY_MAX}))
    many = batch("e", *((number, "x", {}) for number in range(1, 202)))

    assert caller.post(large, signed(large)) == (413, {"error": "too_large"})
    assert caller.post(many, signed(many)) == (413, {"error": "too_many"})
    good = batch("e", *((number, "x", {}) for number in range(1, 201)))
    assert caller.post(good, signed(good)) == (200, {"ack": 200})


def test_mistakes_are_counted_by_address(desk: Desk, crm: CRM, clear: None) -> None:
    caller, body = Caller(crm, desk), batch("e")
    here, elsewhere = {"X_Forwarded_For": "203.0.113.5"}, {"X_Forwarded_For": "203.0.113.6"}
    refused = [caller.post(body, signed(body, "wrong" * 5), **here)[0] for _ in range(15)]
    refused += [caller.post(body, signed(body), "/bridge/nobody", **here)[0] for _ in range(15)]

    assert refused == [401] * 15 + [403] * 15
    assert caller.post(body, signed(body), **here) == (429, {"error": "wait"})
    assert caller.post(body, signed(body), **elsewhere) == (200, {"ack": 0})
    assert caller.post(body, signed(body)) == (200, {"ack": 0})


def test_without_redis_events_still_arrive(desk: Desk, clear: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = redis.Redis(port=9, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(core_redis, "client", lambda: gone)
    body = batch("e", (1, "bridge.connect", {}))
    signature = signed(body)

    assert receive(desk, body, signature).ack == 1
    assert receive(desk, body, signature).ack == 1  # Heard twice, stored once.
