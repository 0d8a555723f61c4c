"""Receivers of large structures are written as changes alone: what stands then is what a full derivation gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, session, transaction
from app.core.errors import DomainError
from app.kit import clock
from app.partners import receivers
from app.referrals import moves
from app.referrals.models import MoveScope
from tests.partners import world
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def every_structure_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivers, "FEW", 0)


def rows() -> set[tuple[object, ...]]:
    found = execute_sql(
        "SELECT client_id, valid_from, valid_to, track, distance, beneficiary_id FROM receiver"
        " WHERE tenant_id = :tenant_id"
    )
    return {tuple(row) for row in found}


def test_a_structure_that_moves_keeps_the_rows_inside_it(here: None) -> None:
    with transaction():
        world.publish(PLAN)
        people = [world.make_client(name) for name in "ABCDEFG"]
        for child, parent in zip(people[1:6], people, strict=False):
            world.link(child, parent)
        world.grant(people[0], dec(8))
        receivers.rebuild()
        before = rows()
    top, target, bottom = people[2], people[6], people[5]
    with clock.frozen(NOON), transaction():
        moves.enter(top, target, when="immediate", reason="asked", by=BY, request_id="one")
        after = rows()

    assert in_transaction(receivers.differences) == 0
    inside = {row for row in before if row[0] == bottom and row[5] in people[2:5]}
    assert len(inside) == 3
    assert inside <= after  # Not even cut in two.
    assert {row[2] for row in after if row[0] == bottom and row[5] == people[0]} == {NOON}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_moved_the_table_is_what_a_derivation_gives(here: None, data: st.DataObject) -> None:
    policy = data.draw(st.sampled_from(["full", "difference", "nearest", "split", "highest"]))
    with transaction():
        god = {"nested_policy": policy, "split_shares": (dec("0.2"), dec("0.1")), "rules": PLAN.god.rules}  # type: ignore[union-attr]
        world.publish(plan_with(god=god))
        people = [world.make_client(f"P{number}") for number in range(8)]
        for place in range(1, 6):
            world.link(people[place], people[data.draw(st.integers(0, place - 1))])
        for one in data.draw(st.lists(st.sampled_from(people), max_size=4, unique=True)):
            world.grant(one, dec(data.draw(st.sampled_from(["4", "8"]))))
        receivers.rebuild()
    for step in range(data.draw(st.integers(1, 5))):
        child, parent = data.draw(st.sampled_from(people)), data.draw(st.sampled_from([None, *people]))
        _move(step, child, parent, data)
        assert in_transaction(receivers.differences) == 0
    with transaction():
        session().expire_all()
        execute_sql("DELETE FROM receiver WHERE tenant_id = :tenant_id")


def _move(step: int, child: UUID, parent: UUID | None, data: st.DataObject) -> None:
    scope = data.draw(st.sampled_from(list(MoveScope)))
    ways: tuple[moves.When, ...] = ("immediate", "next_settlement_day")
    when = data.draw(st.sampled_from(ways))
    with clock.frozen(NOON + timedelta(hours=step)):
        try:
            with transaction():
                moves.enter(
                    child, parent, when=when, scope=scope, reason="drawn", by=BY, request_id=f"{child}:{parent}:{step}"
                )
        except DomainError:
            return
