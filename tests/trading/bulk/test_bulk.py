"""Changing many accounts: looked at first, confirmed, carried out once each, paused, cancelled, taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core import db, jobs
from app.core.actor import Actor
from app.core.db import execute_sql
from app.core.errors import Forbidden, Invalid
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import market_order
from app.simulators.mt5.faults import FaultKind
from app.simulators.mt5.records import LOT
from app.trading import ingest, permissions
from app.trading.adoption import queries as adoption
from app.trading.adoption.queries import LoginFilter
from app.trading.bulk import acts, queries, service
from app.trading.bulk.models import BulkKind, BulkRun, BulkState, RowState
from app.trading.bulk.queries import Counts
from app.trading.models import PlatformOperation, TradingAccount
from app.trading.queries import account_list
from app.trading.queries import accounts as account_queries
from app.trading.queries.account_list import AccountFilter
from app.trading.service import account_changes, fund
from tests.support.brands import Brand, acting, make_staff, run_jobs
from tests.trading.conftest import Connector, Desk, wait_until

ALL_RIGHTS = frozenset(
    {permissions.LEVERAGE_CHANGE, permissions.ACCOUNT_MANAGE, permissions.CREDIT, permissions.ACCOUNT_BULK}
)
REASON = "The regulator asked for it"


def staff(desk: Desk, name: str, rights: frozenset[str] = ALL_RIGHTS) -> Actor:
    person = make_staff(desk.brand, "admin", email=f"{name}@{desk.brand.slug}.example")
    return replace(person.actor(), permissions=rights)


@pytest.fixture
def ada(desk: Desk) -> Actor:
    return staff(desk, "ada")


def make(desk: Desk, by: Actor, kind: BulkKind, target: Mapping[str, Any], logins: list[str] | None = None) -> UUID:
    """A change that has been checked."""
    with desk.scope(by):
        if logins is None:
            run = service.make_from_filter(kind, target, AccountFilter(), by=by)
        else:
            run = service.make_from_logins(kind, target, desk.platform_id, logins, by=by)
        run_id = run.id
    run_jobs(desk.brand)
    assert run_of(desk, run_id).state is BulkState.DRAFT
    return run_id


def run_of(desk: Desk, run_id: UUID) -> BulkRun:
    with desk.scope():
        return queries.run(run_id)


def counts(desk: Desk, run_id: UUID) -> Counts:
    with desk.scope():
        return queries.counts(run_id)


def confirm(desk: Desk, run_id: UUID, by: Actor, *, with_warned: bool = False) -> None:
    with desk.scope(by):
        service.confirm(run_id, reason=REASON, with_warned=with_warned, by=by)


def rows(desk: Desk, run_id: UUID) -> dict[str, tuple[RowState, str]]:
    with desk.scope():
        found, _ = queries.page_of_rows(run_id, outcome="", limit=1000, offset=0)
        return {
            f"{each.row.number}:{each.row.login_text}": (each.row.state, str((each.row.problem or {}).get("text", "")))
            for each in found
        }


def asked(kind: str) -> int:
    """How many operations of a kind stand."""
    statement = "SELECT count(*) FROM platform_operation WHERE tenant_id = :tenant_id AND kind = :kind"
    return int(db.execute_sql(statement, kind=kind).scalar_one())


def leverage_of(desk: Desk, account: TradingAccount) -> int:
    return desk.simulator.call(lambda server: server.user(account.login or 0).leverage)


def test_a_search_for_a_digit_of_another_kind_finds_nothing(desk: Desk) -> None:
    with desk.scope():
        assert account_list.account_ids(AccountFilter(search="²"), 10) == []
        assert adoption.page_of_logins(desk.platform_id, LoginFilter(search="²"), limit=10, offset=0) == ([], 0)


@pytest.mark.usefixtures("connector")
def test_the_leverage_of_many_accounts_is_changed_once_each(desk: Desk, ada: Actor) -> None:
    accounts = [desk.open() for _ in range(4)]
    has_it = desk.open(leverage=200)
    other = desk.open("netting")
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 200})

    before = counts(desk, run_id)
    assert (before.total, before.ready, before.skipped) == (6, 4, 2)
    problems = {problem for state, problem in rows(desk, run_id).values() if state is RowState.SKIPPED}
    assert problems == {
        "The account has this leverage already.",
        "This leverage is not offered for this account.",
    }
    assert [leverage_of(desk, account) for account in accounts] == [100] * 4
    with desk.scope():
        asked = db.execute_sql(
            "SELECT count(*) FROM platform_operation WHERE tenant_id = :tenant_id AND kind <> 'open_account'"
        )
        assert asked.scalar_one() == 0

    with desk.scope(ada), pytest.raises(Invalid):
        service.confirm(run_id, reason="no", with_warned=False, by=ada)
    confirm(desk, run_id, ada)
    with desk.scope(ada), pytest.raises(service.BulkMoved):
        service.confirm(run_id, reason=REASON, with_warned=False, by=ada)
    run_jobs(desk.brand)

    assert run_of(desk, run_id).state is BulkState.DONE
    after = counts(desk, run_id)
    assert (after.done, after.refused, after.finished, after.of) == (4, 0, 4, 4)
    assert [leverage_of(desk, account) for account in accounts] == [200] * 4
    assert [leverage_of(desk, account) for account in (has_it, other)] == [200, 100]
    with desk.scope():
        operations = db.session().query(PlatformOperation).filter(PlatformOperation.kind == "set_leverage").all()
        assert {(row.actor_id, row.reason) for row in operations} == {(ada.id, REASON)}


@pytest.mark.usefixtures("connector")
def test_a_list_of_logins_says_of_each_line_what_is_wrong(desk: Desk, ada: Actor) -> None:
    account = desk.open()
    login = str(account.login)
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 50}, [login, " ", login, "abc", "424242"])

    assert rows(desk, run_id) == {
        f"1:{login}": (RowState.READY, ""),
        f"2:{login}": (RowState.SKIPPED, "This account stands in the list already."),
        "3:abc": (RowState.SKIPPED, "No account on this platform has this login."),
        "4:424242": (RowState.SKIPPED, "No account on this platform has this login."),
    }
    confirm(desk, run_id, ada)
    run_jobs(desk.brand)
    assert leverage_of(desk, account) == 50


@pytest.mark.usefixtures("connector")
def test_groups_types_and_rights_are_changed_and_refusals_are_told(desk: Desk, ada: Actor) -> None:
    desk.give("5000")
    calm, busy = desk.open(), desk.open()
    desk.outcome(desk.ask(fund, busy.id, Money(Decimal(1000), "USD")))
    desk.simulator.call(
        lambda server: market_order(server, server.user(busy.login or 0), "EURUSD", Action.BUY, LOT // 10)
    )
    with desk.scope():
        ingest.want_refresh(desk.platform_id, [busy.login or 0])
    wait_until(lambda: _has_open(desk, busy))

    run_id = make(desk, ada, BulkKind.TYPE, {"type": "netting"})
    assert (counts(desk, run_id).ready, counts(desk, run_id).warned) == (2, 1)
    confirm(desk, run_id, ada)
    assert counts(desk, run_id).skipped == 1
    run_jobs(desk.brand)
    assert group_of(desk, calm) == "real\\netting-usd"
    assert group_of(desk, busy) == "real\\standard-usd"

    again = make(desk, ada, BulkKind.GROUP, {"group": "real\\netting-usd"})
    confirm(desk, again, ada, with_warned=True)
    run_jobs(desk.brand)
    done = counts(desk, again)
    assert (done.done, done.refused, done.skipped) == (0, 1, 1)
    assert group_of(desk, busy) == "real\\standard-usd"

    taken = make(desk, ada, BulkKind.RIGHTS, {"functions": ["trade"], "is_taken": True})
    confirm(desk, taken, ada)
    run_jobs(desk.brand)
    assert counts(desk, taken).done == 2
    assert [may_trade(desk, account) for account in (calm, busy)] == [False, False]
    given = make(desk, ada, BulkKind.RIGHTS, {"functions": ["trade"], "is_taken": False}, [str(calm.login)])
    confirm(desk, given, ada)
    run_jobs(desk.brand)
    assert [may_trade(desk, account) for account in (calm, busy)] == [True, False]


@pytest.mark.usefixtures("connector")
def test_what_somebody_withholds_meanwhile_stays_withheld(desk: Desk, ada: Actor) -> None:
    account = desk.open()

    def by_hand() -> None:
        with desk.scope(ada):
            account_changes.withhold_rights(account.id, {"trade"}, reason=REASON, key=str(new_id()), by=ada)
            operation = execute_sql(
                "UPDATE platform_operation SET state = 'confirmed', finished_at = now() WHERE tenant_id = :tenant_id"
                " AND kind = 'set_rights' RETURNING id"
            )
            assert len(operation.all()) == 1

    target = {"functions": ["expert_trading"], "is_taken": True}
    with desk.scope(ada):
        read = account_queries.account(account.id)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(by_hand).result()
        acts.ask(BulkKind.RIGHTS, target, read, reason=REASON, key=str(new_id()), by=ada, accepted=False)

    with desk.scope():
        assert sorted(account_queries.account(account.id).withheld) == ["expert_trading", "trade"]


def _has_open(desk: Desk, account: TradingAccount) -> bool:
    with desk.scope():
        return queries.has_open_positions(account)


def group_of(desk: Desk, account: TradingAccount) -> str:
    return desk.simulator.call(lambda server: server.user(account.login or 0).group)


def may_trade(desk: Desk, account: TradingAccount) -> bool:
    return not desk.simulator.call(lambda server: server.user(account.login or 0).rights & 0x4)


@pytest.mark.usefixtures("connector")
def test_credit_for_many_needs_a_second_person_and_moves_no_money_of_the_books(desk: Desk, ada: Actor) -> None:
    ben = staff(desk, "ben")
    accounts = [desk.open(), desk.open()]
    desk.open(currency="EUR")
    run_id = make(desk, ada, BulkKind.CREDIT, {"money": Money(Decimal("25.50"), "USD"), "is_taken": False})
    assert (counts(desk, run_id).ready, counts(desk, run_id).skipped) == (2, 1)
    confirm(desk, run_id, ada)
    assert run_of(desk, run_id).state is BulkState.WAITING
    run_jobs(desk.brand)
    with desk.scope(ada), pytest.raises(service.SamePerson):
        service.approve(run_id, by=ada)
    with desk.scope(ben):
        service.approve(run_id, by=ben)
    run_jobs(desk.brand)

    assert counts(desk, run_id).done == 2
    credits = [desk.simulator.call(lambda server, a=a: server.user(a.login or 0).credit) for a in accounts]
    assert credits == [Decimal("25.50")] * 2
    assert desk.on_platform() == 0
    with desk.scope():
        assert ledger.verify() == []


@pytest.mark.usefixtures("connector")
def test_many_accounts_need_two_people(desk: Desk, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SECOND_PERSON_ABOVE", 1)
    for _ in range(2):
        desk.open()
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 50})
    confirm(desk, run_id, ada)
    assert run_of(desk, run_id).state is BulkState.WAITING
    with desk.scope(ada):
        service.cancel(run_id, by=ada)
    assert (run_of(desk, run_id).state, counts(desk, run_id).cancelled) == (BulkState.CANCELLED, 2)
    with desk.scope(ada), pytest.raises(service.BulkMoved):
        service.approve(run_id, by=ada)


def test_it_rests_and_goes_on_and_waits_for_a_platform_that_is_away(desk: Desk, ada: Actor) -> None:
    running = Connector()
    wait_until(desk.clock_is_known)
    accounts = [desk.open() for _ in range(3)]
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 50})
    with desk.scope(ada), pytest.raises(service.BulkMoved):
        service.pause(run_id, by=ada)
    confirm(desk, run_id, ada)
    with desk.scope(ada):
        service.pause(run_id, by=ada)
    run_jobs(desk.brand)
    assert counts(desk, run_id).ready == 3
    running.stop()

    with desk.scope(ada):
        service.resume(run_id, by=ada)
        db.execute_sql("UPDATE platform_status SET link = 'down' WHERE tenant_id = :tenant_id")
    run_jobs(desk.brand)
    assert counts(desk, run_id).ready == 3
    again = Connector()
    try:
        wait_until(lambda: not _is_away(desk, run_id))
        _do_what_waits(desk)
        assert run_of(desk, run_id).state is BulkState.DONE
    finally:
        again.stop()
    assert [leverage_of(desk, account) for account in accounts] == [50] * 3


def _is_away(desk: Desk, run_id: UUID) -> bool:
    with desk.scope():
        return queries.links_down(run_id)


def _do_what_waits(desk: Desk) -> None:
    """What is due a little later is due now."""
    with desk.scope():
        db.execute_sql("UPDATE outbox SET due_at = created_at WHERE tenant_id = :tenant_id AND failed_at IS NULL")
    run_jobs(desk.brand)


@pytest.mark.usefixtures("connector")
def test_a_worker_that_dies_in_the_middle_asks_nothing_twice(desk: Desk, ada: Actor) -> None:
    accounts = [desk.open() for _ in range(3)]
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 50})
    desk.fault(FaultKind.DROP_AFTER, "user/update", count=1)
    confirm(desk, run_id, ada)
    with desk.scope():
        service.advance(run_id)  # The worker dies here: what it asked for is written, its job is not done.
    first = counts(desk, run_id)
    assert first.ready == 0
    run_jobs(desk.brand)
    with desk.scope():
        row = db.execute_sql("SELECT id FROM outbox WHERE tenant_id = :tenant_id AND job LIKE 'trading.bulk%'").first()
    if row is not None:
        jobs.perform(desk.brand.id, str(row.id))

    assert run_of(desk, run_id).state is BulkState.DONE
    wait_until(lambda: counts(desk, run_id).done == 3)  # The lost answer is looked for, and found done.
    assert [leverage_of(desk, account) for account in accounts] == [50] * 3
    with desk.scope():
        asked = db.execute_sql(
            "SELECT count(*) FROM platform_operation WHERE tenant_id = :tenant_id AND kind = 'set_leverage'"
        )
        assert asked.scalar_one() == 3


@pytest.mark.usefixtures("connector")
def test_rights_of_the_single_act_are_asked_and_brands_are_apart(desk: Desk, ada: Actor, south: Brand) -> None:
    desk.open()
    sales = staff(desk, "sales", frozenset({permissions.ACCOUNT_BULK}))
    with desk.scope(sales), pytest.raises(Forbidden):
        service.make_from_filter(BulkKind.LEVERAGE, {"leverage": 50}, AccountFilter(), by=sales)
    run_id = make(desk, ada, BulkKind.LEVERAGE, {"leverage": 50})
    with desk.scope(sales), pytest.raises(Forbidden):
        service.confirm(run_id, reason=REASON, with_warned=False, by=sales)
    with acting(south):
        assert queries.page_of_runs(limit=10, offset=0) == ([], 0)
        with pytest.raises(Exception, match="does not exist"):
            queries.run(run_id)
        with pytest.raises(service.NothingChosen):
            service.make_from_filter(BulkKind.LEVERAGE, {"leverage": 50}, AccountFilter(), by=ada)
