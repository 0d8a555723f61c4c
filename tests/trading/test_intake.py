"""Deals from the platform to rows: by push, by catching up, late, twice, changed, deleted, and in any order."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Route

from app.core import db
from app.kit import clock
from app.kit.ids import new_token
from app.kit.money import Money
from app.simulators.mt5.config import PushConfig
from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import close_position, market_order
from app.trading import bridge, ingest, signatures
from app.trading.ingest import Batch
from app.trading.models import ClosedTrade, DealRow, TradingAccount, UnmatchedDeal
from app.trading.platforms.base import Deal
from app.trading.platforms.mt5 import codec
from app.trading.queries import accounts as account_queries
from app.trading.queries import ingest as ingest_queries
from app.trading.queries import platforms
from app.trading.service import connections, fund, proof
from tests.support.brands import Brand
from tests.trading.conftest import BRIDGE_SECRET, Connector, Desk, wait_until

LOT = 100_000_000


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def funded(desk: Desk, amount: str = "10000", type_code: str = "standard") -> TradingAccount:
    account = desk.open(type_code)
    desk.give(amount)
    desk.outcome(desk.ask(fund, account.id, usd(amount)))
    return account


def trade(desk: Desk, account: TradingAccount, lots: str = "0.10", parts: int = 1) -> None:
    """Open a position on the platform and close it in so many parts."""

    def act(server: Any) -> None:
        user = server.user(account.login)
        volume = int(Decimal(lots) * LOT)
        position_id = market_order(server, user, "EURUSD", Action.BUY, volume * parts).position
        for _ in range(parts):
            close_position(server, user, server.positions[account.login][position_id], None, volume)

    desk.simulator.call(act)


def closed(desk: Desk) -> list[ClosedTrade]:
    with desk.scope():
        statement = select(ClosedTrade).where(ClosedTrade.deleted_at.is_(None)).order_by(ClosedTrade.id)
        return list(db.session().scalars(statement))


def content(trades: list[ClosedTrade]) -> set[tuple[Any, ...]]:
    """What must come out the same however the deals arrived."""
    skipped = {"id", "batch_no", "arrived_at", "revision", "corrected_at", "tenant_id", "platform_id"}
    names = [column.key for column in ClosedTrade.__table__.columns if column.key not in skipped]
    return {tuple(getattr(each, name) for name in names) for each in trades}


def platform_deals(desk: Desk, login: int | None) -> list[Deal]:
    from app.simulators.mt5.records import wire as to_wire

    return desk.simulator.call(
        lambda server: [codec.deal(to_wire(deal)) for deal in server.deals.of_login(int(login or 0))]
    )


@pytest.mark.usefixtures("connector")
def test_deals_are_caught_up_and_closed_trades_derived(desk: Desk) -> None:
    account = funded(desk)
    trade(desk, account, "0.10", parts=2)

    wait_until(lambda: len(closed(desk)) == 2)
    first, second = closed(desk)
    assert [each.volume_lots for each in (first, second)] == [Decimal("0.10")] * 2
    assert (first.client_id, first.side, first.symbol, first.symbol_class) == (desk.client_id, "buy", "EURUSD", "forex")
    assert (first.is_partial, second.is_partial) == (True, False)
    assert (first.profit_currency, first.account_currency, first.contract_size) == ("USD", "USD", 100_000)
    assert first.open_ask is not None
    assert first.open_bid is not None
    assert first.id != second.id
    with desk.scope():
        theirs = desk.sim_balance(account.login)
        assert platforms.balances_by_deals(desk.platform_id)[int(account.login or 0)] == theirs


@pytest.mark.usefixtures("connector")
def test_a_balance_operation_of_somebody_else_goes_to_suspense(desk: Desk) -> None:
    from app.simulators.mt5.money import change_balance

    account = funded(desk, "100")
    desk.simulator.call(lambda s: change_balance(s, s.user(account.login), 2, Decimal(25), "gift", dealer=1))

    wait_until(lambda: desk.house("suspense", "suspense") == -25)
    assert desk.on_platform() == 125
    with desk.scope():
        (row,) = platforms.unmatched_deals()
        assert (row.reason, row.amount, row.comment) == ("unmatched", 25, "gift")


@pytest.mark.usefixtures("connector")
def test_an_account_moved_to_a_group_of_nobody_keeps_its_deals(desk: Desk) -> None:
    account = funded(desk)
    trade(desk, account)
    wait_until(lambda: len(closed(desk)) == 1)
    group = "real\\raw-usd"  # No account type of the brand lies there.

    def move(server: Any) -> None:
        server.user(account.login).group = group

    desk.simulator.call(move)
    with desk.scope():
        connections.want_catch_up(desk.platform_id)

    def is_known() -> bool:
        with desk.scope():
            return account_queries.account(account.id).group_name == group

    wait_until(is_known)
    assert len(closed(desk)) == 1
    trade(desk, account)
    wait_until(lambda: len(closed(desk)) == 2)


def test_a_push_after_a_silence_does_not_hide_the_silence(desk: Desk, connector: Connector) -> None:
    account = funded(desk)

    def high_water() -> int:
        with desk.scope():
            return platforms.status(desk.platform_id).high_water_msc

    wait_until(high_water)
    connector.stop()
    read_until = high_water()
    latest = platform_deals(desk, account.login)[-1]
    pushed = replace(latest, ticket=latest.ticket + 1000, server_time_msc=read_until + 5 * 3_600_000, comment="later")
    with desk.scope():
        ingest.store(desk.platform_id, Batch(deals=[pushed]))

    with desk.scope():
        plan = connections.plan_catch_up(desk.platform_id, every_s=0, without_bridge_s=0)
        ingest.store(desk.platform_id, Batch(deleted_deals=[pushed.ticket]))

    assert plan is not None
    assert plan.from_msc < read_until


@pytest.mark.usefixtures("connector")
def test_changed_and_deleted_deals_are_corrections(desk: Desk) -> None:
    account = funded(desk)
    trade(desk, account)
    wait_until(lambda: len(closed(desk)) == 1)
    (before,) = closed(desk)

    def change(server: Any) -> None:
        import msgspec

        deal = server.deals.by_ticket[before.closing_deal]
        server.change_deal(msgspec.structs.replace(deal, volume_ext=LOT // 20, volume=500, volume_closed_ext=LOT // 20))

    desk.simulator.call(change)
    wait_until(lambda: closed(desk)[0].volume_lots == Decimal("0.05"))
    (corrected,) = closed(desk)
    assert (corrected.id, corrected.revision) == (before.id, 2)
    assert corrected.batch_no > before.batch_no
    assert corrected.corrected_at is not None

    time.sleep(6)  # A deal must be a few seconds old before its absence means anything.
    desk.simulator.call(lambda server: server.delete_deal(before.closing_deal))
    wait_until(lambda: closed(desk) == [], seconds=15)
    with desk.scope():
        row = db.session().get(DealRow, (desk.brand.id, desk.platform_id, before.closing_deal))
        assert row is not None
        assert row.deleted_at is not None


def test_any_order_and_repetition_ends_in_the_same_rows(desk: Desk, connector: Connector) -> None:
    account = funded(desk)
    connector.stop()
    for lots, parts in (("0.10", 3), ("0.20", 1), ("0.05", 2)):
        trade(desk, account, lots, parts)
    deals = platform_deals(desk, account.login)
    with desk.scope():
        ingest.store(desk.platform_id, Batch(deals=deals))
    in_order = content(closed(desk))
    assert len(in_order) == 6

    for seed in range(3):
        with desk.scope():
            ingest.store(desk.platform_id, Batch(deleted_deals=[deal.ticket for deal in deals]))
        assert closed(desk) == []
        shuffled = deals * 2
        random.Random(seed).shuffle(shuffled)
        for begin in range(0, len(shuffled), 3):
            with desk.scope():
                ingest.store(desk.platform_id, Batch(deals=shuffled[begin : begin + 3]))
        assert content(closed(desk)) == in_order
    with desk.scope():
        assert ingest.store(desk.platform_id, Batch(deals=deals)).deals == 0


def test_batches_of_one_tenant_become_visible_in_their_order(desk: Desk, connector: Connector) -> None:
    account = funded(desk)
    connector.stop()
    for _ in range(8):
        trade(desk, account)
    deals = platform_deals(desk, account.login)

    def store(part: list[Deal]) -> None:
        with desk.scope():
            ingest.store(desk.platform_id, Batch(deals=part))

    threads = [threading.Thread(target=store, args=(deals[n::4],)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rows = closed(desk)
    assert len(rows) == 8
    assert len({row.id for row in rows}) == 8


def test_a_bridge_that_waits_for_a_batch_does_not_hold_it_up(desk: Desk, connector: Connector) -> None:
    """A bridge's batch takes the platform's status first and its number second; one that is read has its number first.
    Did it wait for the status, each would wait for the other."""
    account = funded(desk)
    connector.stop()
    trade(desk, account)
    deals = platform_deals(desk, account.login)

    def read_in() -> int:
        with desk.scope():
            return ingest.store(desk.platform_id, Batch(deals=deals)).deals

    with desk.scope(), ThreadPoolExecutor(1) as thread:
        ingest_queries.lock_status(desk.platform_id)
        stored = thread.submit(read_in)
        try:
            assert stored.result(timeout=15) >= 2
        except TimeoutError:
            db.session().rollback()
            raise


def test_another_brand_sees_none_of_it(desk: Desk, connector: Connector, south: Brand) -> None:
    account = funded(desk)
    trade(desk, account)
    wait_until(lambda: len(closed(desk)) == 1)

    with db.tenant_scope(south.id):
        for table in ("trading_platform", "trading_account", "deal", "closed_trade", "platform_operation"):
            assert db.execute_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
        with pytest.raises(Exception, match="does not exist"):
            account_queries.account_view(account.id)


# ---- The bridge ------------------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str = BRIDGE_SECRET, at: int | None = None) -> str:
    return signatures.sign(secret, at if at is not None else int(clock.now().timestamp()), new_token(128), body)


def message(epoch: str, *events: tuple[int, str, dict[str, str]]) -> bytes:
    rows = [{"seq": seq, "type": kind, "at": 0, "record": record} for seq, kind, record in events]
    last = events[-1][0] if events else 0
    return json.dumps({"bridge": "b", "epoch": epoch, "seq": last, "sent_at": 0, "events": rows}).encode()


def test_the_signature_vector() -> None:
    body = b'{"bridge":"b","epoch":"e","seq":0,"sent_at":0,"events":[]}'
    expected = "d7b5e9e6407b4f8946fa2d424cd052a9b583d581c4b1dd73d41b8e732f03bbeb"

    found = signatures.sign("bridge-secret", 1790000000, "0123456789abcdef", body)

    assert found == f"t=1790000000,n=0123456789abcdef,v1={expected}"


def test_only_our_bridge_is_heard(desk: Desk) -> None:
    body = message("e1")
    key = f"{desk.brand.slug}-mt5"

    assert bridge.receive("nobody-mt5", signed(body), body).status == 403
    assert bridge.receive(key, signed(body, "another secret"), body).status == 401
    assert bridge.receive(key, signed(body, at=int(clock.now().timestamp()) - 61), body).status == 401
    assert bridge.receive(key, signed(body), body + b" ").status == 401
    assert bridge.receive(key, "", body).status == 401
    assert bridge.receive(key, signed(b"no json"), b"no json").status == 400
    good = signed(body)
    assert bridge.receive(key, good, body).status == 200
    assert bridge.receive(key, good, body).status == 401
    assert bridge.receive(key, signed(body), body) == bridge.Outcome(200, 0)


def test_a_batch_counts_once_and_a_hole_asks_for_a_catch_up(desk: Desk) -> None:
    key = f"{desk.brand.slug}-mt5"
    with desk.scope():
        connections.record_server_time(desk.platform_id, int(clock.now().timestamp() * 1000) + 7_200_000, clock.now())
        connections.record_caught_up(desk.platform_id, 1, "start")
    deal = {"Deal": "900001", "Login": "5", "Action": "2", "Profit": "10.00", "Time": "1790000000", "Comment": "x"}

    def send(epoch: str, *events: tuple[int, str, dict[str, str]]) -> int | None:
        body = message(epoch, *events)
        return bridge.receive(key, signed(body), body).ack

    def wanted() -> str:
        with desk.scope():
            return platforms.status(desk.platform_id).catch_up_wanted

    assert send("e1", (1, "bridge.connect", {}), (2, "deal.add", deal)) == 2
    assert send("e1", (1, "bridge.connect", {}), (2, "deal.add", deal), (3, "deal.add", deal)) == 3
    assert wanted() == ""
    assert send("e1", (5, "bridge.heartbeat", {})) == 5
    assert wanted() == "gap"
    with desk.scope():
        connections.record_caught_up(desk.platform_id, 2, "gap")
    assert send("e2", (1, "bridge.connect", {})) == 1
    assert wanted() == "gap"
    with desk.scope():
        assert db.execute_sql("SELECT count(*), max(revision) FROM deal").one() == (1, 1)


@contextmanager
def bridge_server() -> Iterator[str]:
    """The bridge's endpoint on a port of its own."""
    app = Starlette(routes=[Route("/bridge/{key}", bridge.bridge_endpoint, methods=["POST"])])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def test_pushed_deals_arrive_without_catching_up(desk: Desk, connector: Connector) -> None:
    account = funded(desk)
    connector.stop()
    with bridge_server() as address:
        push = PushConfig(url=f"{address}/bridge/{desk.brand.slug}-mt5", secret=BRIDGE_SECRET)
        desk.simulator.call(lambda _: desk.simulator.simulator.push_to(push))
        trade(desk, account)
        wait_until(lambda: len(closed(desk)) == 1)
        with desk.scope():
            state = account_queries.account_view(account.id).state
            assert state is not None
            assert state.balance == desk.sim_balance(account.login)
        desk.simulator.call(lambda _: desk.simulator.simulator.bridge.pause(True))


# ---- Completeness ----------------------------------------------------------------------------------------------------


def test_a_day_is_complete_when_all_its_deals_have_been_read(desk: Desk, connector: Connector) -> None:
    cutoff = clock.now()

    def is_complete() -> bool:
        with desk.scope():
            return proof.completeness(desk.platform_id, cutoff).is_complete

    wait_until(is_complete)
    connector.stop()
    with desk.scope():
        assert not proof.completeness(desk.platform_id, clock.now()).is_complete
        connections.want_catch_up(desk.platform_id)
        assert len(proof.completeness(desk.platform_id, cutoff).reasons) == 1
        assert db.session().scalars(select(UnmatchedDeal)).all() == []
