"""A draft run over past days: the same plan comes to the same cent, another to what it says, and nothing moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.partners.drafts import service as drafts
from app.partners.plan import Plan
from app.partners.replay import running, service
from app.partners.replay.models import ReplayState, ReplayTotal
from tests.partners import world
from tests.partners.conftest import THERE, here, pays
from tests.partners.test_settlement import AT_NOON, FRIDAY, TreeT1, closed
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

__all__ = ["here", "pays"]

LATER = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
def t1(here: None) -> TreeT1:  # The fixture above is asked for by its name.
    """Tree T1 with three trades of Friday, settled under the examples' plan."""
    with transaction():
        tree = TreeT1()
        world.publish(PLAN)
        tree.platform.store(
            [
                closed(tree.d),
                closed(tree.d, AT_NOON + timedelta(hours=1), symbol="XAUUSD", contract_size=dec(100)),
                closed(tree.b, AT_NOON, opened_at=AT_NOON - timedelta(seconds=9)),
            ]
        )
    world.settle(FRIDAY)
    return tree


def replayed(plan: Plan, day_from: date = FRIDAY, day_to: date = FRIDAY) -> UUID:
    with clock.frozen(LATER):
        with transaction():
            draft = drafts.begin(1, currency="USD", by=BY)
            drafts.change(draft.id, plan, revision=1, by=BY)
            replay = service.ask(draft.id, day_from, day_to, by=BY)
            replay_id = replay.id
        running.run(replay_id)
    return replay_id


def rows(replay_id: UUID, view: str) -> dict[str, tuple[Decimal, Decimal]]:
    with transaction():
        found, _ = service.totals(replay_id, view, limit=100)
        return {row.key: (row.paid, row.would_pay) for row in found}


def whole(replay_id: UUID) -> ReplayTotal:
    found = in_transaction(service.total_of, replay_id)
    assert found is not None
    return found


def standing() -> dict[str, int]:
    """How many rows the real tables hold."""
    tables = ("settled_trade", "commission_line", "commission_reason", "commission_batch", "run_rule", "journal_entry")
    with transaction():
        return {
            table: execute_sql(f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant_id").scalar_one()
            for table in tables
        }


def test_the_plan_in_force_comes_to_what_was_paid(t1: TreeT1) -> None:
    before = standing()
    replay_id = replayed(PLAN)

    assert whole(replay_id).paid == whole(replay_id).would_pay > 0
    for view in service.VIEWS:
        assert all(paid == would_pay for paid, would_pay in rows(replay_id, view).values()), view
    assert standing() == before
    assert in_transaction(lambda: service.replay(replay_id).state) is ReplayState.DONE


def test_another_plan_comes_to_what_its_rules_say(t1: TreeT1) -> None:
    """Without amounts per lot and with the direct level doubled."""
    levels = PLAN.referral.levels if PLAN.referral else ()
    double = (type(levels[0])(name="Direct", share=dec("0.80")), *levels[1:])
    replay_id = replayed(plan_with(god=None, referral={"levels": double}))

    by_partner = rows(replay_id, "partner")
    assert by_partner[str(t1.c)][1] == 2 * by_partner[str(t1.c)][0]
    assert by_partner[str(t1.b)][1] == by_partner[str(t1.b)][0]
    assert by_partner[str(t1.a)][0] - by_partner[str(t1.a)][1] == 16  # Two lots at eight dollars.
    assert set(rows(replay_id, "symbol")) == {"EURUSD", "XAUUSD"}
    assert set(rows(replay_id, "day")) == {"2026-11-20"}
    assert set(rows(replay_id, "client")) == {str(t1.d)}


def test_a_shorter_holding_time_pays_what_was_refused(t1: TreeT1) -> None:
    replay_id = replayed(plan_with(gates={"min_hold_seconds": dec(5)}))

    assert rows(replay_id, "client")[str(t1.b)][0] == 0
    assert rows(replay_id, "client")[str(t1.b)][1] > 0


def test_another_policy_derives_the_path_anew(t1: TreeT1) -> None:
    """Nested under `nearest`, C with its own amount takes it all."""
    with transaction():
        world.grant(t1.c, dec(5))
    replay_id = replayed(plan_with(god={"nested_policy": "nearest"}, referral=None))

    assert rows(replay_id, "partner")[str(t1.c)][1] == 10
    assert rows(replay_id, "partner")[str(t1.a)][1] == 0


def test_only_the_asked_days_count(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d, AT_NOON - timedelta(days=1)), closed(t1.d, AT_NOON + timedelta(days=1))])
    thursday = replayed(PLAN, FRIDAY - timedelta(days=1), FRIDAY - timedelta(days=1))

    assert whole(thursday).paid == 0  # It was not settled.
    assert whole(thursday).would_pay == dec("16.40")


def test_run_twice_it_says_the_same(t1: TreeT1) -> None:
    replay_id = replayed(PLAN)
    before = rows(replay_id, "partner")
    running.run(replay_id)

    assert rows(replay_id, "partner") == before


def test_a_dead_worker_s_replay_is_begun_anew(t1: TreeT1) -> None:
    replay_id = replayed(PLAN)
    before = rows(replay_id, "partner")
    with transaction():
        execute_sql("UPDATE plan_replay SET state = 'running', finished_at = NULL WHERE tenant_id = :tenant_id")
    running.run(replay_id)

    assert rows(replay_id, "partner") == before


def test_a_stopped_replay_stays_stopped(t1: TreeT1) -> None:
    with clock.frozen(LATER):
        with transaction():
            draft = drafts.begin(1, currency="USD", by=BY)
            replay_id = service.ask(draft.id, FRIDAY, FRIDAY, by=BY).id
            service.stop(replay_id, by=BY)
        running.run(replay_id)

    with transaction():
        assert service.replay(replay_id).state is ReplayState.STOPPED
        assert service.total_of(replay_id) is None


def test_impossible_days_and_a_second_one_at_once_are_refused(t1: TreeT1) -> None:
    with clock.frozen(LATER), transaction():
        draft = drafts.begin(1, currency="USD", by=BY)
        for first, last in (
            (FRIDAY, FRIDAY - timedelta(days=1)),
            (FRIDAY - timedelta(days=400), FRIDAY),
            (FRIDAY, LATER.date()),
        ):
            with pytest.raises(Invalid):
                service.ask(draft.id, first, last, by=BY)
        service.ask(draft.id, FRIDAY, FRIDAY, by=BY)
        with pytest.raises(service.Busy):
            service.ask(draft.id, FRIDAY, FRIDAY, by=BY)


def test_another_tenant_sees_no_replay(t1: TreeT1) -> None:
    replay_id = replayed(PLAN)

    with tenant_scope(THERE), transaction():
        with pytest.raises(NotFound):
            service.replay(replay_id)
        assert service.totals(replay_id, "partner", limit=10) == ([], 0)


def test_statements_that_the_server_has_prepared_still_write_apart(t1: TreeT1) -> None:
    """The connection has run the engine's statements on the real tables often enough to keep their plans."""
    for number in range(1, 7):
        with transaction():
            t1.platform.store([closed(t1.d, AT_NOON + timedelta(days=number))])
        with clock.frozen(LATER + timedelta(days=7)):
            world.settle(FRIDAY + timedelta(days=number))
    before = standing()
    first = rows(replayed(PLAN), "partner")

    for _ in range(6):
        assert rows(replayed(PLAN), "partner") == first

    assert standing() == before
