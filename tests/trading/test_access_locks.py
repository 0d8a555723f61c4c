"""Locks on the platform's own rights: set, lifted, overlapping, late, and changed by hand in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.errors import NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.kit.money import Money
from app.restrictions import queries as restriction_queries
from app.restrictions import service as restrictions
from app.restrictions.models import Source
from app.simulators.mt5.faults import FaultKind
from app.trading import ingest, permissions
from app.trading.access import queries as access_queries
from app.trading.access.rules import RIGHTS
from app.trading.ingest import Batch
from app.trading.models import TradingAccount
from app.trading.platforms.base import Access, AccountRecord
from app.trading.service import account_changes, archiving, fund, trading_locks
from app.trading.service.funds import RightsBeingApplied
from app.trading.service.requesting import ready
from app.trading.service.trading_locks import CannotCloseOnly
from tests.support.brands import Brand
from tests.trading.conftest import SYSTEM, Connector, Desk, make_desk, slower, wait_until
from tests.trading.one_account import (
    SETTINGS,
    STANDARD,
    TWIN,
    WHY,
    account_now,
    change_by_hand,
    group,
    offer,
    rights,
)

QUICK = slower(locks=0.3)
DEFAULT = 0x1E3
STAFF = replace(SYSTEM, kind="staff", id=new_id(), name="Anna")


@pytest.fixture
def platform_settings() -> dict[str, Any]:
    return SETTINGS


@pytest.fixture
def running(app: Flask, desk: Desk) -> Iterator[Connector]:
    """A connector that looks at locks all the time."""
    started = Connector(QUICK)
    wait_until(desk.clock_is_known)
    yield started
    started.stop()


def lock(desk: Desk, function: str, **kwargs: Any) -> UUID:
    with desk.scope():
        return restrictions.lock(desk.client_id, function, reason_code="aml_review", by=SYSTEM, **kwargs).id


def lift(desk: Desk, lock_id: UUID) -> None:
    with desk.scope():
        restrictions.lift(lock_id, reason="Cleared.", by=SYSTEM)


def is_settled(desk: Desk, account: TradingAccount) -> bool:
    with desk.scope():
        row = ready(account.id)[0]
        return not trading_locks.unsettled(row) and not trading_locks.is_being_applied(row)


def holds(desk: Desk, condition: Callable[[], bool], account: TradingAccount) -> None:
    wait_until(lambda: condition() and is_settled(desk, account))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (permissions.PLATFORM_SIGN_IN, DEFAULT & ~0x1),
        (permissions.TRADE, DEFAULT | 0x4),
        (permissions.EXPERT_TRADING, DEFAULT & ~0x40),
        (permissions.PLATFORM_SECRET, DEFAULT & ~0x2),
    ],
)
@pytest.mark.usefixtures("running")
def test_a_lock_takes_its_own_right_and_lifting_gives_it_back(desk: Desk, function: str, expected: int) -> None:
    account = desk.open()

    lock_id = lock(desk, function)
    holds(desk, lambda: rights(desk, account) == expected, account)
    lift(desk, lock_id)
    holds(desk, lambda: rights(desk, account) == DEFAULT, account)


@pytest.mark.usefixtures("running")
def test_close_only_moves_to_the_twin_and_back(desk: Desk) -> None:
    account = desk.open()

    lock_id = lock(desk, permissions.TRADE_OPEN)
    holds(desk, lambda: group(desk, account) == TWIN, account)
    whole = lock(desk, permissions.TRADE)
    holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)
    lift(desk, lock_id)
    lift(desk, whole)
    holds(desk, lambda: (group(desk, account), rights(desk, account)) == (STANDARD, DEFAULT), account)


@pytest.mark.usefixtures("running")
def test_staff_learn_that_an_account_cannot_close_only(desk: Desk) -> None:
    account = desk.open(currency="EUR")

    with pytest.raises(CannotCloseOnly) as refusal, desk.scope(STAFF):
        restrictions.lock(desk.client_id, permissions.TRADE_OPEN, reason_code="aml_review", by=STAFF)
    assert str(account.login) in refusal.value.message.in_english()
    with desk.scope():
        assert restriction_queries.active_for(desk.client_id, clock.now()) == []


@pytest.mark.usefixtures("running")
def test_of_two_locks_both_must_end(desk: Desk) -> None:
    account = desk.open()
    first, second = lock(desk, permissions.TRADE), lock(desk, permissions.TRADE)
    holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)

    lift(desk, first)
    assert is_settled(desk, account)
    assert rights(desk, account) == DEFAULT | 0x4
    lift(desk, second)
    holds(desk, lambda: rights(desk, account) == DEFAULT, account)


@pytest.mark.usefixtures("running")
def test_several_locks_at_once_all_arrive(desk: Desk) -> None:
    account = desk.open()
    for function in (permissions.TRADE, permissions.PLATFORM_SIGN_IN, permissions.EXPERT_TRADING):
        lock(desk, function)

    holds(desk, lambda: rights(desk, account) == (DEFAULT | 0x4) & ~0x41, account)


@pytest.mark.usefixtures("running")
def test_a_new_account_is_locked_from_its_first_moment(desk: Desk) -> None:
    lock(desk, permissions.EXPERT_TRADING)
    account = desk.open()

    holds(desk, lambda: rights(desk, account) == DEFAULT & ~0x40, account)


def test_no_money_goes_to_an_account_while_a_lock_is_on_its_way(app: Flask, desk: Desk) -> None:
    started = Connector(QUICK)
    account = desk.open()
    started.stop()
    desk.give("100")
    lock(desk, permissions.TRADE)

    with pytest.raises(RightsBeingApplied):
        desk.ask(fund, account.id, Money.from_minor(1000, "USD"))
    assert desk.wallet() == 100
    started = Connector(QUICK)
    try:
        holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)
        desk.outcome(desk.ask(fund, account.id, Money.from_minor(1000, "USD")))
    finally:
        started.stop()
    assert desk.wallet() == 90


@pytest.mark.usefixtures("running")
def test_a_lock_outlives_a_platform_that_is_away(desk: Desk) -> None:
    account = desk.open()
    desk.fault(FaultKind.ANTIFLOOD, "*", seconds=1.5)
    desk.simulator.call(lambda _: desk.simulator.simulator.gateway.drop_all())

    lock(desk, permissions.TRADE)
    assert rights(desk, account) == DEFAULT
    holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)


@pytest.mark.usefixtures("running")
def test_a_right_taken_by_hand_becomes_a_lock_that_a_person_can_lift(desk: Desk) -> None:
    account, other = desk.open(), desk.open()

    change_by_hand(desk, account, rights=DEFAULT | 0x4)
    read_again(desk, account)
    wait_until(lambda: platform_locks(desk) == [permissions.TRADE])
    holds(desk, lambda: rights(desk, other) == DEFAULT | 0x4, other)  # The lock is the client's, as all are.
    assert drift(desk, account) == [(permissions.TRADE, True, "adopted")]
    change_by_hand(desk, account, rights=DEFAULT)
    read_again(desk, account)
    wait_until(lambda: platform_locks(desk) == [])
    holds(desk, lambda: rights(desk, other) == DEFAULT, other)
    assert drift(desk, account) == [(permissions.TRADE, False, "adopted"), (permissions.TRADE, True, "adopted")]


@pytest.mark.usefixtures("running")
def test_a_right_given_back_by_hand_is_taken_again(desk: Desk) -> None:
    account = desk.open()
    lock(desk, permissions.TRADE)
    holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)

    change_by_hand(desk, account, rights=DEFAULT)
    read_again(desk, account)
    wait_until(lambda: drift(desk, account) == [(permissions.TRADE, False, "overwritten")])
    holds(desk, lambda: rights(desk, account) == DEFAULT | 0x4, account)


@pytest.mark.usefixtures("running")
def test_where_the_bundle_says_so_changes_by_hand_are_overwritten(desk: Desk) -> None:
    offer(desk, platform={"drift": "overwrite"})
    account = desk.open()

    change_by_hand(desk, account, rights=DEFAULT & ~0x40)
    read_again(desk, account)
    wait_until(lambda: drift(desk, account) == [(permissions.EXPERT_TRADING, True, "overwritten")])
    holds(desk, lambda: rights(desk, account) == DEFAULT, account)
    assert platform_locks(desk) == []


@pytest.mark.usefixtures("running")
def test_what_an_account_lacked_before_us_is_not_ours_to_give(desk: Desk) -> None:
    account = desk.open()
    change_by_hand(desk, account, rights=DEFAULT & ~0x40)
    with desk.scope():  # As an account that was there before us: it has never been settled.
        row = ready(account.id)[0]
        row.access_known = None
    read_again(desk, account)
    wait_until(lambda: account_now(desk, account.id).access_known is not None)

    lock_id = lock(desk, permissions.TRADE)
    holds(desk, lambda: rights(desk, account) == (DEFAULT | 0x4) & ~0x40, account)
    lift(desk, lock_id)
    holds(desk, lambda: rights(desk, account) == DEFAULT & ~0x40, account)
    assert (drift(desk, account), platform_locks(desk)) == ([], [])


def test_an_account_that_is_being_put_away_was_not_changed_by_hand(desk: Desk, connector: Connector) -> None:
    """Some platforms archive by taking every right away: seen before the answer, that is no lock of the client."""
    account = desk.open()
    connector.stop()
    desk.ask(archiving.archive, account.id, reason=WHY, handed_over=False)
    nothing = Access(can_sign_in=False, can_trade=False, can_open=False)
    record = AccountRecord(
        login=int(account.login or 0),
        group=account.group_name,
        name="",
        leverage=account.leverage,
        rights=0,
        balance=Decimal(0),
        credit=Decimal(0),
        comment="",
        access=nothing,
    )
    with desk.scope():
        ingest.store(desk.platform_id, Batch(accounts=[record]))

    with desk.scope():
        assert trading_locks.drifted_logins(desk.platform_id) == []
        assert not trading_locks.note_reading(desk.platform_id, record, clock.now())
    assert (drift(desk, account), platform_locks(desk)) == ([], [])


@pytest.mark.usefixtures("running")
def test_a_brands_lock_stays_its_own(desk: Desk, south: Brand) -> None:
    elsewhere = make_desk(desk.simulator, south, **SETTINGS)
    account, theirs = desk.open(), elsewhere.open()
    lock(elsewhere, permissions.TRADE)

    holds(elsewhere, lambda: rights(elsewhere, theirs) == DEFAULT | 0x4, theirs)
    assert is_settled(desk, account)
    assert rights(desk, account) == DEFAULT
    with elsewhere.scope(), pytest.raises(NotFound):
        ready(account.id)


def read_again(desk: Desk, account: TradingAccount) -> None:
    with desk.scope():
        account_changes.refresh(account.id, by=SYSTEM)


def platform_locks(desk: Desk) -> list[str]:
    with desk.scope():
        rows = restriction_queries.active_for(desk.client_id, clock.now())
        return [row.function for row in rows if row.source is Source.PLATFORM and row.function in RIGHTS]


def drift(desk: Desk, account: TradingAccount) -> list[tuple[str, bool, str]]:
    with desk.scope():
        return [(row.access_right, row.is_taken, row.handling) for row in access_queries.drift_of(account.id)]
