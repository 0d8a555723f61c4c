"""Several connectors on one database: who owns what, who goes on when one stops, dies or sleeps, and what the platform
sees of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from app.core import db, health
from app.ledger import service as ledger
from app.simulators.mt5 import SimServer
from app.simulators.mt5.faults import FaultKind
from app.trading import bundle
from app.trading.connector import Process, run_connector
from app.trading.models import OperationState, TradingAccount
from app.trading.platforms.base import PasswordKind
from app.trading.queries import leases
from app.trading.service import change_leverage, change_password, fund
from tests.support.brands import Brand
from tests.trading.conftest import FAST, Connector, Desk, make_desk, section, wait_until
from tests.trading.test_connector import expire_leases, usd

ROOT = Path(__file__).parents[2]
PROCESS = """
import threading
from app.factory import install_features
from app.trading.connector import run_connector
from tests.trading.conftest import FAST
from worker import on_stop
stop = threading.Event()
on_stop(stop.set)
install_features()
run_connector(stop, FAST)
"""


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A connector in a process of its own, which can be stopped, frozen and killed."""
    started = subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=dict(os.environ))
    try:
        yield started
    finally:
        started.kill()
        started.wait(10)


def owner_of(desk: Desk) -> str | None:
    """The connector that holds the desk's connection now."""
    with db.directory_scope():
        found = leases.lease_of(desk.brand.id, desk.platform_id)
    return found[0] if found is not None and found[2] else None


def living() -> list[str]:
    with db.directory_scope():
        return leases.living()


def is_up(desk: Desk) -> bool:
    with desk.scope():
        row = db.execute_sql("SELECT link FROM platform_status WHERE tenant_id = :tenant_id").one()
    return bool(row.link == "up")


def money_deals(desk: Desk, account: TradingAccount) -> list[Decimal]:
    """The movements of money that the platform itself has of an account."""
    return desk.simulator.call(lambda s: [deal.profit for deal in s.deals.of_login(account.login) if deal.action == 2])


@pytest.fixture
def other(simulator: SimServer, south: Brand) -> Desk:
    """A second brand on the same trade server."""
    return make_desk(simulator, south)


def quick(desk: Desk, **changes: object) -> None:
    """Short waits: a command is written within two seconds of its claim or not at all."""
    with desk.scope():
        bundle.apply(section(desk.simulator, desk.brand, send_within_s=2, **changes))


def test_a_connector_that_starts_late_gets_its_share_and_no_operation_is_lost(desk: Desk, other: Desk) -> None:
    first = Connector()
    try:
        accounts = [desk.open(), other.open()]
        (only,) = {owner_of(desk), owner_of(other)}
        asked: list[tuple[Desk, UUID]] = []
        second = Connector()
        try:
            wait_until(lambda: len(living()) == 2)
            leverages = iter((200, 50, 500, 100) * 40)
            while len({owner_of(desk), owner_of(other)} - {None}) < 2 or len(asked) < 20:
                place = len(asked) % 2
                at = (desk, other)[place]
                asked.append((at, at.ask(change_leverage, accounts[place].id, next(leverages))))
                asked.append(
                    (at, at.ask(change_password, accounts[place].id, PasswordKind.INVESTOR, f"Aa1!{len(asked):04}xyz"))
                )
                wait_until(lambda: asked[-1][0].operation(asked[-1][1]).state.is_final)
            assert only in {owner_of(desk), owner_of(other)}
            assert {at.outcome(operation_id) for at, operation_id in asked} == {OperationState.CONFIRMED}
        finally:
            second.stop()
        wait_until(lambda: (owner_of(desk), owner_of(other)) == (only, only))
        assert living() == [only]
    finally:
        first.stop()


def test_a_connector_told_to_stop_finishes_what_it_sends_and_leaves_its_place_at_once(desk: Desk) -> None:
    with process() as first:
        wait_until(desk.clock_is_known, seconds=60)
        account = desk.open()
        desk.give("1000")
        before = owner_of(desk)
        second = Connector()
        try:
            wait_until(lambda: len(living()) == 2)
            desk.fault(FaultKind.DELAY_AFTER, "trade/balance", seconds=3)
            sent = desk.ask(fund, account.id, usd("250"))
            wait_until(lambda: desk.sim_balance(account.login) == 250)
            first.send_signal(signal.SIGTERM)
            later = desk.ask(fund, account.id, usd("100"))
            assert first.wait(30) == 0
            assert owner_of(desk) != before  # It did not keep the lease until that ran out.
            assert desk.operation(sent).state is OperationState.CONFIRMED  # It waited for the answer.
            assert desk.outcome(later) is OperationState.CONFIRMED
            wait_until(lambda: owner_of(desk) is not None)
        finally:
            second.stop()
    assert sorted(money_deals(desk, account)) == [100, 250]


def test_a_password_that_waits_goes_over_to_the_next_connector(desk: Desk) -> None:
    first = Connector()
    account = desk.open()
    desk.fault(FaultKind.DROP_BEFORE, "*", count=None)  # The link goes down: nothing can be sent.
    wait_until(lambda: not is_up(desk))
    operation_id = desk.ask(change_password, account.id, PasswordKind.INVESTOR, "Bb2!waiting")
    first.stop()
    desk.simulator.simulator.faults.clear()
    second = Connector()
    try:
        assert desk.outcome(operation_id) is OperationState.CONFIRMED
    finally:
        second.stop()
    stored = desk.simulator.call(lambda server: server.passwords[account.login or 0])
    assert stored.investor == "Bb2!waiting"


def wake_and_end(frozen: subprocess.Popen[bytes]) -> None:
    """Let it go on and finish whatever it believes it has to do."""
    frozen.send_signal(signal.SIGCONT)
    frozen.send_signal(signal.SIGTERM)
    assert frozen.wait(40) == 0


def test_a_connector_frozen_between_claim_and_write_writes_nothing_when_it_wakes(desk: Desk) -> None:
    quick(desk, connections=1)
    with process() as frozen:
        wait_until(lambda: is_up(desk), seconds=60)
        account = desk.open()
        desk.give("1000")
        desk.fault(FaultKind.DELAY, "test/access", seconds=6)  # The only connection is busy with this.
        wait_until(lambda: desk.simulator.simulator.faults.listed() == [])
        operation_id = desk.ask(fund, account.id, usd("250"))
        wait_until(lambda: desk.operation(operation_id).state is OperationState.SENT)
        frozen.send_signal(signal.SIGSTOP)
        assert money_deals(desk, account) == []

        expire_leases()
        second = Connector()
        try:
            assert desk.outcome(operation_id, seconds=60) is OperationState.REFUSED
            wake_and_end(frozen)
            assert desk.outcome(desk.ask(fund, account.id, usd("70"))) is OperationState.CONFIRMED
        finally:
            second.stop()
    assert money_deals(desk, account) == [70]
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (930, 0, 70)


def test_a_connector_frozen_after_the_write_moves_the_money_once(desk: Desk) -> None:
    quick(desk)
    with process() as frozen:
        wait_until(lambda: is_up(desk), seconds=60)
        account = desk.open()
        desk.give("1000")
        desk.fault(FaultKind.DELAY_AFTER, "trade/balance", seconds=2)
        operation_id = desk.ask(fund, account.id, usd("250"))
        wait_until(lambda: desk.sim_balance(account.login) == 250)
        frozen.send_signal(signal.SIGSTOP)  # The answer comes while it sleeps, and lies in its socket.

        expire_leases()
        second = Connector()
        try:
            assert desk.outcome(operation_id, seconds=60).is_done
            wake_and_end(frozen)
        finally:
            second.stop()
    assert desk.operation(operation_id).state.is_done
    assert money_deals(desk, account) == [250]
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (750, 0, 250)


def test_a_connector_frozen_before_the_claim_leaves_the_command_to_the_next(desk: Desk) -> None:
    quick(desk)
    with process() as frozen:
        wait_until(lambda: is_up(desk), seconds=60)
        account = desk.open()
        desk.give("1000")
        frozen.send_signal(signal.SIGSTOP)
        operation_id = desk.ask(fund, account.id, usd("250"))  # Redis hands the message to the one that sleeps.

        expire_leases()
        second = Connector()
        try:
            assert desk.outcome(operation_id, seconds=60) is OperationState.CONFIRMED
            wake_and_end(frozen)
            assert desk.outcome(desk.ask(fund, account.id, usd("50"))) is OperationState.CONFIRMED
        finally:
            second.stop()
    assert sorted(money_deals(desk, account)) == [50, 250]
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (700, 0, 300)


def test_a_connector_tells_its_health_and_its_figures_while_it_owns_a_platform(desk: Desk) -> None:
    """Prometheus sees a platform from the connector that owns it, and from no other."""
    connector, stop = Process(replace(FAST, notes=0.2)), threading.Event()
    thread = threading.Thread(target=run_connector, args=(stop,), kwargs={"process": connector}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: is_up(desk))
        assert connector.facts() | {"beat": 0} == {"connections": 1, "share": 1, "beat": 0, "ok": True}
        labels = f'platform="mt5",tenant="{desk.brand.slug}"'
        wait_until(lambda: f"kontor_platform_link_up{{{labels}}} 1.0" in health.metrics().decode())
        figures = health.metrics().decode()
        assert "kontor_connector_leases 1.0" in figures
        assert f'kontor_platform_operations{{platform="mt5",state="unknown",tenant="{desk.brand.slug}"}} 0.0' in figures
        assert f"kontor_platform_gaps_open{{{labels}}}" in figures
        assert f'kontor_platform_latency_seconds_count{{kind="ping",{labels}}}' in figures
    finally:
        stop.set()
        thread.join(30)
    assert f"kontor_platform_link_up{{{labels}}}" not in health.metrics().decode()
