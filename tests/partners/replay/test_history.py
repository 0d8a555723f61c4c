"""A replay judges each day by the facts of its end, and goes on where a dead worker stopped."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients import service as clients
from app.core import features
from app.core.db import execute_sql, in_transaction, transaction
from app.identity.feature import FEATURE as IDENTITY
from app.kit import clock
from app.partners import permissions
from app.partners.plan import Plan
from app.partners.replay import running, service, stretches
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.conftest import here, pays
from tests.partners.replay.test_replay import replayed, rows, whole
from tests.partners.test_settlement import AT_NOON, FRIDAY, TreeT1, closed
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

__all__ = ["here", "pays"]

SUNDAY = FRIDAY + timedelta(days=2)
REASON = next(iter(REASONS))


@pytest.fixture
def t1(here: None) -> TreeT1:
    """Tree T1 with one lot of EURUSD at noon of three days, none of them settled."""
    with transaction():
        tree = TreeT1()
        world.publish(PLAN)
        tree.platform.store([closed(tree.d, AT_NOON + timedelta(days=number)) for number in range(3)])
    return tree


def at(hours: int) -> datetime:
    """So many hours after the noon of the first day."""
    return AT_NOON + timedelta(hours=hours)


def by_day(plan: Plan, partner: UUID | None = None) -> list[Decimal]:
    """What each of the three days would pay, to all or to one."""
    found = []
    for number in range(3):
        day = FRIDAY + timedelta(days=number)
        replay_id = replayed(plan, day, day)
        found.append(
            rows(replay_id, "partner").get(str(partner), (0, Decimal(0)))[1] if partner else whole(replay_id).would_pay
        )
    return found


def test_a_lock_counts_on_the_days_on_which_it_held(t1: TreeT1) -> None:
    with clock.frozen(at(20)), transaction():
        lock = restrictions.lock(t1.c, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
    with clock.frozen(at(44)), transaction():
        restrictions.lift(lock.id, reason="Checked.", by=BY)

    assert by_day(PLAN, t1.c) == [dec("4.80"), 0, dec("4.80")]
    one = replayed(PLAN, FRIDAY, SUNDAY)
    assert {day: would_pay for day, (_, would_pay) in rows(one, "day").items()} == {
        "2026-11-20": dec("16.40"),
        "2026-11-21": dec("11.60"),
        "2026-11-22": dec("16.40"),
    }


def test_levels_move_up_only_on_the_locked_day(t1: TreeT1) -> None:
    with clock.frozen(at(20)), transaction():
        lock = restrictions.lock(t1.c, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
    with clock.frozen(at(44)), transaction():
        restrictions.lift(lock.id, reason="Checked.", by=BY)
    one = replayed(plan_with(on_ineligible="compress", god=None), FRIDAY, SUNDAY)

    assert rows(one, "partner")[str(t1.b)][1] == dec("2.40") + dec("4.80") + dec("2.40")


def test_verification_counts_from_the_day_on_which_it_was_reached(t1: TreeT1) -> None:
    with clock.frozen(at(20)), transaction():
        clients.set_kyc_level(t1.d, 1, reason="Documents seen.", by=BY)
    with clock.frozen(at(50)), transaction():
        clients.set_kyc_level(t1.d, 2, reason="Address seen.", by=BY)

    assert by_day(plan_with(gates={"client_kyc_level": 1}), t1.c) == [0, dec("4.80"), dec("4.80")]
    assert by_day(plan_with(gates={"client_kyc_level": 2}), t1.c) == [0, 0, dec("4.80")]


def test_a_suspension_counts_while_it_lasted(t1: TreeT1, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_features", [*features.features(), IDENTITY])
    with clock.frozen(at(20)), transaction():
        clients.suspend_client(t1.b, reason_code=REASON, note="", by=BY)
    with clock.frozen(at(44)), transaction():
        clients.activate_client(t1.b, reason="Checked.", by=BY)

    assert by_day(PLAN, t1.b) == [dec("2.40"), 0, dec("2.40")]


def test_a_first_deposit_counts_from_its_day_on(t1: TreeT1) -> None:
    with transaction():
        execute_sql(
            "INSERT INTO deal (tenant_id, platform_id, ticket, login, kind, reason, is_service, order_ticket,"
            " position_id, symbol, volume_lots, contract_size, price, profit, swap, commission, fee, comment,"
            " manager_login, modify_flags, money_digits, is_copied, is_sign_unverified, server_time_msc, at,"
            " content_hash, batch_no, arrived_at, revision)"
            " SELECT :tenant_id, a.platform_id, 77, a.login, 'balance', 'client', false, 0, 0, '', 0, 0, 0, 100, 0, 0,"
            " 0, '', 0, 0, 2, false, false, 0, :at, '', 1, :at, 0"
            " FROM trading_account AS a WHERE a.tenant_id = :tenant_id AND a.client_id = :client_id",
            client_id=t1.d,
            at=at(30),
        )

    assert by_day(plan_with(gates={"client_funded": True}), t1.c) == [0, dec("4.80"), dec("4.80")]


def test_a_dead_worker_s_replay_goes_on_after_the_days_that_it_kept(t1: TreeT1) -> None:
    both = replayed(PLAN, FRIDAY, SUNDAY)
    half = replayed(PLAN, FRIDAY, FRIDAY)
    with transaction():
        execute_sql(
            "UPDATE plan_replay SET day_to = :last, state = 'running', finished_at = NULL, trades_done = 1"
            " WHERE tenant_id = :tenant_id AND id = :id",
            last=SUNDAY,
            id=half,
        )
    running.run(half)

    for view in ("all", *service.VIEWS):
        assert rows(half, view) == rows(both, view), view
    with transaction():
        done = service.replay(half)
        assert (done.trades_done, done.done_until) == (3, SUNDAY)


def test_stretches_come_to_the_same_as_one_piece(t1: TreeT1, monkeypatch: pytest.MonkeyPatch) -> None:
    one = replayed(PLAN, FRIDAY, SUNDAY)
    monkeypatch.setattr(stretches, "TRADES_AT_ONCE", 1)
    three = replayed(PLAN, FRIDAY, SUNDAY)

    for view in ("all", *service.VIEWS):
        assert rows(three, view) == rows(one, view), view


def test_the_plan_in_force_comes_to_what_was_paid_on_each_day(t1: TreeT1) -> None:
    with clock.frozen(at(20)), transaction():
        lock = restrictions.lock(t1.c, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
    for number in range(3):
        if number == 2:
            with clock.frozen(at(44)), transaction():
                restrictions.lift(lock.id, reason="Checked.", by=BY)
        morning = datetime(2026, 11, 21, 1, tzinfo=UTC) + timedelta(days=number)
        with clock.frozen(morning if number else at(13)):
            world.settle(FRIDAY + timedelta(days=number))
    one = replayed(PLAN, FRIDAY, SUNDAY)

    assert all(paid == would_pay for paid, would_pay in rows(one, "day").values())
    assert len(rows(one, "day")) == 3
    assert in_transaction(lambda: service.replay(one).done_until) == SUNDAY


@given(
    counts=st.lists(st.integers(0, 300_000), min_size=1, max_size=80),
    limit=st.sampled_from([None, "day", "week", "month"]),
)
def test_every_day_lies_in_one_stretch_and_in_order(counts: list[int], limit: str | None) -> None:
    days = stretches.days_between(date(2026, 1, 20), date(2026, 1, 20) + timedelta(days=len(counts) - 1))
    plan = PLAN
    if limit is not None:
        plan = plan_with(caps={"partner": type(PLAN.caps.partner)(**{f"per_{limit}": dec(100)})})
    found = stretches.cut(plan, days, dict(zip(days, counts, strict=True)))

    assert [day for part in found for day in part] == days
    if limit == "week":
        assert len(found) == 1
    elif limit is not None:
        assert all(len({(day.year, day.month) for day in part}) == 1 for part in found)
    else:
        by = dict(zip(days, counts, strict=True))
        assert all(sum(by[day] for day in part[:-1]) < stretches.TRADES_AT_ONCE for part in found)
