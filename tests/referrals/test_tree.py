"""The sponsor tree: codes, first sponsors, moves with their history, cycles refused also when two people race."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import DomainError, Invalid
from app.kit import clock
from app.partners import receivers
from app.referrals import permissions, queries, rules, service
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import PLAN
from tests.partners.world import BY

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def move(client: UUID, parent: UUID | None, when: service.When = "immediate", key: str = "") -> None:
    with transaction():
        service.move(client, parent, when=when, reason="asked for it", by=BY, request_id=key or f"{client}>{parent}")


def path(client: UUID, at: datetime) -> list[UUID]:
    return [step.partner_id for step in in_transaction(queries.path_at, client, at)]


@pytest.fixture
def people(here: None) -> list[UUID]:
    """Five clients; the receivers follow a plan with both tracks."""
    with transaction():
        world.publish(PLAN)
        return [world.make_client(name) for name in "ABCDE"]


def test_every_client_gets_one_code_and_keeps_it(people: list[UUID]) -> None:
    with transaction():
        codes = [service.give_code(person) for person in people]
        again = [service.give_code(person) for person in people]

    assert codes == again
    assert len(set(codes)) == 5
    with transaction():
        assert service.sponsor_by_code(codes[0].lower()) == people[0]
        assert service.sponsor_by_code("no-such-code") is None
    with tenant_scope(THERE), transaction():
        assert service.sponsor_by_code(codes[0]) is None


def test_a_locked_partner_brings_in_nobody(people: list[UUID]) -> None:
    with transaction():
        code = service.give_code(people[0])
        restrictions.lock(people[0], permissions.REFERRAL_ATTRIBUTION, reason_code=next(iter(REASONS)), by=BY)
        assert service.sponsor_by_code(code) is None


def test_the_first_sponsor_is_given_once(people: list[UUID]) -> None:
    a, b, c, *_ = people
    with clock.frozen(NOON), transaction():
        service.attribute(b, a, reason="link", by=BY)
    assert path(b, NOON) == [a]
    assert path(b, NOON - timedelta(seconds=1)) == []
    with pytest.raises(service.AlreadyAttributed), transaction():
        service.attribute(b, c, reason="link", by=BY)


def test_a_move_takes_the_sub_tree_along_and_keeps_the_past(people: list[UUID]) -> None:
    a, b, c, d, e = people
    with transaction():
        world.link(b, a)
        world.link(c, b)
        world.link(d, c)
        receivers.rebuild()
    with clock.frozen(NOON):
        move(b, e)

    assert path(d, NOON - timedelta(milliseconds=1)) == [c, b, a]
    assert path(d, NOON) == [c, b, e]
    assert in_transaction(receivers.differences) == 0


def test_a_move_may_wait_for_the_next_settlement_day(people: list[UUID]) -> None:
    a, b, c, *_ = people
    with transaction():
        world.link(b, a)
        receivers.rebuild()
    with clock.frozen(NOON):
        move(b, c, "next_settlement_day")
    midnight = datetime(2026, 11, 21, tzinfo=UTC)

    assert path(b, midnight - timedelta(milliseconds=1)) == [a]
    assert path(b, midnight) == [c]
    with clock.frozen(NOON + timedelta(hours=1)):
        move(b, a, "immediate", key="thought better of it")
    assert path(b, midnight) == [a]
    assert in_transaction(receivers.differences) == 0


def test_nobody_becomes_their_own_upline(people: list[UUID]) -> None:
    a, b, c, *_ = people
    with transaction():
        world.link(b, a)
        world.link(c, b)
    for parent in (a, b, c):
        with pytest.raises(service.WouldCloseCycle), clock.frozen(NOON):
            move(a, parent)
    with pytest.raises(service.AlreadyThere), clock.frozen(NOON):
        move(c, b)
    with pytest.raises(Invalid), transaction():
        service.move(a, None, when="immediate", reason=" ", by=BY, request_id="x")


def test_a_dated_move_counts_when_cycles_are_looked_for(people: list[UUID]) -> None:
    a, b, *_ = people
    with clock.frozen(NOON):
        move(a, b, "next_settlement_day")
        with pytest.raises(service.WouldCloseCycle):
            move(b, a, "immediate")


def test_two_racing_moves_cannot_close_a_cycle_together(people: list[UUID]) -> None:
    a, b, *_ = people
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def race(child: UUID, parent: UUID) -> None:
        with tenant_scope(HERE):
            barrier.wait()
            try:
                move(child, parent)
                outcomes.append("moved")
            except DomainError as refusal:
                outcomes.append(refusal.code)

    jobs: list[Callable[[], None]] = [lambda: race(a, b), lambda: race(b, a)]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["WouldCloseCycle", "moved"]
    assert in_transaction(receivers.differences) == 0


def test_the_same_request_moves_once(people: list[UUID]) -> None:
    a, b, *_ = people
    with clock.frozen(NOON):
        move(b, a, key="one click")
        move(b, a, key="one click")

    assert len(in_transaction(queries.links_of, b)) == 1


def test_the_database_refuses_a_second_parent(people: list[UUID]) -> None:
    a, b, c, *_ = people
    with transaction():
        world.link(b, a)
    with pytest.raises(IntegrityError), transaction():
        world.link(b, c, NOON, rules.FOREVER)


def test_the_tree_opens_level_by_level(people: list[UUID]) -> None:
    a, b, c, d, _ = people
    with transaction():
        for child, parent in ((b, a), (c, a), (d, b)):
            world.link(child, parent)
        roots = queries.roots(NOON)
        level = queries.children(a, NOON)

        assert [branch.client_id for branch in roots] == [a]
        assert {branch.client_id: branch.children for branch in level} == {b: 1, c: 0}
        assert queries.people_below(a, NOON) == {1: 2, 2: 1}
        first = queries.children(a, NOON, limit=1)
        rest = queries.children(a, NOON, after=first[0].client_id)
        assert {first[0].client_id, rest[0].client_id} == {b, c}


def test_another_tenant_sees_no_link(people: list[UUID]) -> None:
    a, b, *_ = people
    with transaction():
        world.link(b, a)
    with tenant_scope(THERE):
        with transaction():
            assert queries.path_at(b, NOON) == []
            assert execute_sql("SELECT count(*) FROM partner_link").scalar_one() == 0
        with pytest.raises(IntegrityError), transaction():
            world.link(b, a)
