"""Who owns a connection, and what is left when a connector dies in the middle of an act."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from app.core import db
from app.core import redis as core_redis
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.mt5.faults import FaultKind
from app.trading import wire
from app.trading.models import OperationState
from app.trading.queries import accounts as queries
from app.trading.queries import leases
from app.trading.queries.leases import Lease
from app.trading.service import change_leverage, fund, operations
from tests.trading.conftest import Connector, Desk, wait_until
from tests.trading.test_intake import closed, trade

ROOT = Path(__file__).parents[2]
PROCESS = """
import threading
from app.factory import install_features
from app.trading.connector import run_connector
from tests.trading.conftest import FAST
install_features()
run_connector(threading.Event(), FAST)
"""


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A connector in a process of its own, which can be killed."""
    started = subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=dict(os.environ))
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


def expire_leases() -> None:
    with db.directory_scope(), db.transaction():
        db.execute_sql("UPDATE platform_lease SET expires_at = clock_timestamp()")


def test_a_connection_has_one_owner_and_each_owner_an_epoch(desk: Desk) -> None:
    with db.directory_scope(), db.transaction():
        (first,) = leases.take("one", 10)
        assert leases.take("two", 10) == []
        assert leases.renew("one") == [first]
        assert leases.renew("two") == []
    expire_leases()
    with db.directory_scope(), db.transaction():
        assert leases.renew("one") == []
        (second,) = leases.take("two", 10)
    assert (first.tenant_id, first.platform_id) == (desk.brand.id, desk.platform_id)
    assert second.epoch == first.epoch + 1


def test_only_a_live_lease_of_the_right_epoch_may_send_and_only_once(desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    operation_id = desk.ask(change_leverage, account.id, 200, handed_over=False)
    with db.directory_scope(), db.transaction():
        (lease,) = leases.take("me", 10)

    def claims(lease: Lease, owner: str) -> bool:
        with desk.scope():
            return operations.claim(operation_id, lease, owner) is not None

    assert not claims(lease, "somebody else")
    assert not claims(Lease(lease.tenant_id, lease.platform_id, lease.epoch - 1), "me")
    assert not claims(Lease(lease.tenant_id, new_id(), lease.epoch), "me")
    expire_leases()
    assert not claims(lease, "me")
    with db.directory_scope(), db.transaction():
        (lease,) = leases.take("me", 10)
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(claims(lease, "me"))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(results) == [False, False, False, True]
    expire_leases()
    running = Connector()
    try:
        assert (
            desk.outcome(operation_id) is OperationState.REFUSED
        )  # Never written: looked for three times, then absent.
    finally:
        running.stop()
    assert desk.simulator.call(lambda server: server.user(account.login or 0).leverage) == 100


def test_a_connector_killed_in_the_middle_moves_money_exactly_once(desk: Desk) -> None:
    with process() as first:
        wait_until(desk.clock_is_known, seconds=60)
        account = desk.open()
        desk.give("1000")
        desk.fault(FaultKind.DELAY_AFTER, "trade/balance", seconds=30)
        operation_id = desk.ask(fund, account.id, usd("250"))
        wait_until(lambda: desk.sim_balance(account.login) == 250)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    waiting = desk.ask(fund, account.id, usd("100"))
    assert desk.operation(operation_id).state is OperationState.SENT
    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (650, 350)

    running = Connector()  # It waits until the dead one's lease has run out.
    try:
        assert desk.outcome(operation_id, seconds=60).is_done
        assert desk.outcome(waiting, seconds=60).is_done
        trade(desk, account)
        wait_until(lambda: len(closed(desk)) == 1)
    finally:
        running.stop()
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (650, 0, 350)
    moved = desk.simulator.call(lambda s: [d.profit for d in s.deals.of_login(account.login) if d.action == 2])
    assert sorted(moved) == [100, 250]


def test_a_flushed_redis_loses_no_operation(desk: Desk, connector: Connector) -> None:
    account = desk.open()
    desk.give("100")
    core_redis.client().flushdb()
    operation_id = desk.ask(fund, account.id, usd("40"))
    core_redis.client().flushdb()

    assert desk.outcome(operation_id).is_done
    assert (desk.wallet(), desk.sim_balance(account.login)) == (60, 40)


def test_figures_of_watched_accounts_are_kept_current_and_published(desk: Desk, connector: Connector) -> None:
    account = desk.open()
    desk.give("1000")
    desk.outcome(desk.ask(fund, account.id, usd("1000")))
    listener = core_redis.client().pubsub()
    listener.subscribe(core_redis.key("t", desk.brand.id, f"client:{desk.client_id}"))
    wire.watch(desk.brand.id, [desk.client_id])

    def is_shown() -> bool:
        message = listener.get_message(ignore_subscribe_messages=True)
        return message is not None and f"acc-{account.id}-equity".encode() in message["data"]

    wait_until(is_shown)
    listener.close()
    with desk.scope():
        state = queries.account_view(account.id).state
    assert state is not None
    assert state.equity == 1000


def test_a_message_that_is_not_ours_is_ignored(desk: Desk) -> None:
    tenant, operation_id = desk.brand.id, new_id()
    message = wire.encode_request(tenant, wire.Request(operation_id, {"main": "Secret1!"}))

    assert wire.decode_request(tenant, message.encode()) == wire.Request(operation_id, {"main": "Secret1!"})
    assert "Secret1!" not in message
    assert wire.decode_request(tenant + 1, message.encode()) is None
    for broken in (
        b"",
        b"{}",
        b"[]",
        b'{"id": "x", "sealed": ""}',
        message.replace(str(operation_id), str(new_id())).encode(),
    ):
        assert wire.decode_request(tenant, broken) is None
