"""The bridge's parts: how records are written, what is left out, and what waits where."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from app.simulators.mt5 import running_simulator
from app.simulators.mt5.records import wire
from app.trading import signatures
from tests.bridge.support import FAKE, PROGRAM
from tests.simulators.support import Control, WebAPI
from tests.trading.conftest import wait_until

UNSENT = {"ApiData", "TradeAccounts", "PhonePassword"}


@pytest.fixture(scope="module", autouse=True)
def on_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FAKE))
        patch.syspath_prepend(str(PROGRAM))
        yield


def part(name: str) -> ModuleType:
    import importlib

    return importlib.import_module(f"kontor_mt5_bridge.{name}")


def item(kind: str, values: Any) -> Any:
    return part("queue").Item(kind, 1, values)


def test_records_read_as_the_web_api_writes_them() -> None:
    import MT5Manager

    records = part("records")
    with running_simulator() as sim, WebAPI(sim) as api, Control(sim) as control:
        login = api.sign_in().open_account(group="real\\raw-eur", name="Ünal Ayşe", email="a@b.example", city="Köln")
        control.trade(login, symbol="USDJPY", side="sell", volume="0.17", sl="199.123", comment="π")
        control.trade(login, symbol="EURUSD", side="buy", volume="1", type="limit", price="0.5")
        closing = control.trade(login, symbol="EURUSD", side="buy", volume="0.03")["position"]
        control.trade(login, "close", position=closing)

        def real(server: Any) -> dict[str, list[dict[str, Any]]]:
            user = server.users[login]
            return {
                "deal": [wire(deal) for deal in server.deals.of_login(login)],
                "position": [wire(each) for each in server.positions_of(login)],
                "order": [wire(each) for each in server.orders_of(login)],
                "user": [wire(user, server.currency_digits(user))],
            }

        found = sim.call(real)
        found["account"] = [api.answer("user/account/get", login=login)]
    made_of = {"deal": "Deal", "position": "Position", "order": "Order", "user": "User", "account": "Account"}
    for kind, originals in found.items():
        assert originals
        for original in originals:
            record = getattr(MT5Manager, f"MT{made_of[kind]}")(MT5Manager.ManagerAPI())._load(original)
            layout = records.BY_KIND[kind]
            sent = layout.write(layout.copy(record))
            assert sent == {name: value for name, value in original.items() if name not in UNSENT}
            assert list(sent) == [name for name in original if name not in UNSENT]


def test_fields_that_an_older_build_lacks_are_left_out() -> None:
    layout = part("records").Layout("Login:i Fee:m Comment:s Time:i MarketBid:p")
    instant = datetime(2024, 3, 13, 9, 0, tzinfo=UTC)
    record = SimpleNamespace(Login=5, Comment="a\x00b\ud800", Time=instant)

    assert layout.write(layout.copy(record)) == {"Login": "5", "Comment": "ab?", "Time": str(int(instant.timestamp()))}


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [(0.1 + 0.2, 2, "0.30"), (-0.0, 2, "0.00"), (-0.001, 2, "0.00"), (1e-8, 8, "0.00000001"), (None, 2, "0.00")],
)
def test_numbers_are_written_plainly(value: Any, places: int, written: str) -> None:
    assert part("records").fixed(value, places) == written


def test_both_sides_sign_alike() -> None:
    body = b'{"bridge":"b"}'
    signature = part("signing").sign_now("bridge-secret-16", body)

    assert signatures.signed_nonce("bridge-secret-16", signature, body) is not None
    assert signatures.signed_nonce("bridge-secret-17", signature, body) is None
    assert signatures.signed_nonce("bridge-secret-16", signature, body + b" ") is None


class Translating:
    """A translator with two groups and one position that was open before."""

    def __init__(self) -> None:
        records = part("records")
        self.user = records.Layout("Login:i Group:s Balance:m LastAccess:i")
        self.position = records.Layout("Position:i Login:i Digits:i PriceOpen:p Volume:i")
        self.patched = {**records.BY_KIND, "user": self.user, "position": self.position}
        before = self.values("position", Position=7, Login=1, Digits=3, PriceOpen=1.5, Volume=100)
        self.translator = part("translate").Translator({"yen": 0, "usd": 2}.get, lambda: [before])

    def values(self, kind: str, **fields: Any) -> Any:
        return getattr(self, kind).copy(SimpleNamespace(**fields))

    def __call__(self, *items: Any) -> list[tuple[str, dict[str, str]]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(part("translate"), "BY_KIND", self.patched)
            return [(event.kind, event.record) for event in self.translator.translate(items)]


def test_only_real_changes_of_an_account_are_told() -> None:
    translate = Translating()

    def user(balance: float, access: int = 1, group: str = "usd", kind: str = "user.update") -> Any:
        return item(kind, translate.values("user", Login=1, Group=group, Balance=balance, LastAccess=access))

    assert len(translate(user(1), user(1), user(1, access=2), user(2), user(2))) == 2
    assert translate(user(2), user(1)) == [
        ("user.update", {"Login": "1", "Group": "usd", "Balance": "1.00", "LastAccess": "1"})
    ]
    assert translate(user(1, group="yen"), user(1, group="yen"))[0][1]["Balance"] == "1"
    assert len(translate(user(1, group="yen", kind="user.delete"), user(1, group="yen", kind="user.add"))) == 2
    assert len(translate(item("bridge.disconnect", {}), user(1, group="yen"))) == 2  # Who knows what was missed.


def test_positions_are_completed_and_moves_are_no_closes() -> None:
    translate = Translating()

    def position(kind: str, ticket: int, volume: int, price: float = 2.0, digits: int = 3) -> Any:
        fields = {"Position": ticket, "Login": 1, "Digits": digits, "PriceOpen": price, "Volume": volume}
        return item(f"position.{kind}", translate.values("position", **fields))

    parts = [item("part.sync", {"Part": name}) for name in ("order", "user", "position")]
    assert translate(*parts, *parts) == [("bridge.sync", {})]
    (gone,) = translate(position("delete", 7, 0, 0.0, 0))
    assert gone == (
        "position.delete",
        {"Position": "7", "Login": "1", "Digits": "3", "PriceOpen": "1.500", "Volume": "100"},
    )
    assert translate(position("delete", 8, 0, 0.0))[0][1]["Volume"] == "0"  # Nothing was known of it.
    moved = translate(position("add", 9, 5), position("delete", 9, 0, 0.0), position("add", 9, 5))
    assert [kind for kind, _ in moved] == ["position.add", "position.update"]
    closed = translate(position("add", 10, 5), position("delete", 10, 0, 0.0))
    assert [(kind, record["Volume"]) for kind, record in closed] == [("position.add", "5"), ("position.delete", "5")]


def test_a_full_queue_loses_the_newest_and_says_where() -> None:
    queue = part("queue").EventQueue(5)
    for number in range(8):
        queue.put("deal.add", (number,))
    taken = queue.take(3, 0, 0)
    queue.put("deal.add", (9,))
    taken += queue.take(100, 0, 0)

    assert [each.kind for each in taken] == ["deal.add"] * 5 + ["bridge.overflow", "deal.add"]
    assert [each.values[0] for each in taken if each.kind == "deal.add"] == [0, 1, 2, 3, 4, 9]
    assert taken[5].values == {"Lost": "3"}
    queue.lose()
    assert [each.kind for each in queue.take(1, 0, 0)] == ["bridge.overflow"]


def test_many_threads_put_and_nothing_is_lost_or_waits() -> None:
    queue = part("queue").EventQueue(100_000)
    threads = [
        threading.Thread(target=lambda n=n: [queue.put("deal.add", (n, i)) for i in range(2000)]) for n in range(4)
    ]
    for each in threads:
        each.start()
    found: list[Any] = []
    wait_until(lambda: found.extend(queue.take(200, 0.005, 0.1)) or len(found) >= 8000)
    for each in threads:
        each.join()

    assert len(found) == 8000
    for number in range(4):
        assert [each.values[1] for each in found if each.values[0] == number] == list(range(2000))


def make_journal(path: Path, events_max: int = 1000) -> Any:
    return part("journal").Journal(path, events_max)


def events(*kinds: str) -> list[Any]:
    return [part("translate").Event(kind, 1, {"Comment": "é'\""}) for kind in kinds]


def test_the_journal_keeps_what_is_not_acknowledged_and_numbers_each_run_anew(tmp_path: Path) -> None:
    first = make_journal(tmp_path / "j.sqlite")
    first.append(events("a", "b", "c"))
    first.acknowledge(first.oldest(10), 1)
    # No close: what another process finds is what a killed one leaves.
    second = make_journal(tmp_path / "j.sqlite")
    second.append(events("d"))

    left = second.oldest(10)
    assert [(each.epoch, each.seq, each.kind) for each in left] == [(first.epoch, 2, "b"), (first.epoch, 3, "c")]
    assert second.waiting == 3
    assert second.acknowledge(left, 99) == 2
    assert [(each.epoch, each.seq, each.kind) for each in second.oldest(10)] == [(second.epoch, 1, "d")]
    assert second.epoch != first.epoch
    first.close()
    second.close()


def test_a_journal_that_grows_too_long_gives_way_to_an_overflow(tmp_path: Path) -> None:
    journal = make_journal(tmp_path / "j.sqlite", 10)
    journal.append(events(*"abcdefgh"))
    journal.append(events("i", "j", "k"))

    assert [(each.seq, each.kind) for each in journal.oldest(10)] == [(9, "bridge.overflow")]
    journal.append(events("l"))
    journal.put_aside(journal.oldest(1)[0])
    assert [(each.seq, each.kind) for each in journal.oldest(10)] == [(10, "l")]
    assert (journal.waiting, journal.refused()) == (1, 1)
    journal.close()
    with pytest.raises(sqlite3.ProgrammingError):
        journal.oldest(1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"url": "http://crm.example.com/bridge/x"}, "https"),
        ({"url": "crm.example.com"}, "no address"),
        ({"secret": "short"}, "shorter"),
        ({"secret": ""}, "empty"),
        ({"bridge": {"batch_events": 500}}, "at most 200"),
        ({"bridge": {"colour": 1}}, "no setting colour"),
        ({"login": '"x"'}, "whole number"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    from tests.bridge.support import write_config

    given = {
        "url": "https://crm.example.com/bridge/x",
        "secret": "s" * 16,
        "server": "a:443",
        "login": 5,
        "password": "p",
    }
    path = write_config(tmp_path / "c", **{**given, **change})
    config = part("config")
    with pytest.raises(config.ConfigError) as refused:
        config.load(path)
    wording = {"no address": "is not an address"}.get(complaint, complaint)
    assert wording in str(refused.value)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("s" * 20)
    file.chmod(0o644)
    config = part("config")
    with pytest.raises(config.ConfigError, match="chmod 600"):
        config.read_secret(file)
    file.chmod(0o600)
    assert config.read_secret(file) == "s" * 20


def test_secrets_show_in_no_representation(tmp_path: Path) -> None:
    from tests.bridge.support import write_config

    given = {"url": "https://crm.example.com/bridge/x", "server": "a:443", "login": 5}
    path = write_config(tmp_path / "c", secret="the-secret-of-the-crm", password="the-password", **given)
    shown = repr(part("config").load(path))
    assert "the-secret" not in shown
    assert "the-password" not in shown
