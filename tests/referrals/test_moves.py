"""Moves as the partner desk knows them: single or whole, dated, looked at, called off, undone, limited."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.money import Money
from app.partners import receivers
from app.referrals import limits, links, moves, queries, service
from app.referrals.models import MoveScope, MoveStatus, TreeMove
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY
from tests.support.brands import Brand, extend_bundle

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 21, tzinfo=UTC)
SINGLE = MoveScope.SINGLE


@pytest.fixture
def people(here: None) -> list[UUID]:
    """Six clients: C and D below B, B below A; E and F on their own."""
    with transaction():
        world.publish(PLAN)
        a, b, c, d, e, f = (world.make_client(name) for name in ("Ann A", "Ben B", "Cid C", "Dan D", "Eve E", "Fay F"))
        for child, parent in ((b, a), (c, b), (d, b)):
            world.link(child, parent)
        world.grant(a, dec(8))
        receivers.rebuild()
        return [a, b, c, d, e, f]


def enter(client: UUID, parent: UUID | None, when: moves.When = "immediate", **more: Any) -> TreeMove:
    with transaction():
        key = str(more.pop("key", f"{client}>{parent}>{when}>{clock.now()}"))
        return moves.enter(client, parent, when=when, reason="asked", by=BY, request_id=key, **more)


def path(client: UUID, at: datetime) -> list[UUID]:
    return [step.partner_id for step in in_transaction(queries.path_at, client, at)]


def said(**referrals: Any) -> None:
    """Give the tenant a bundle with these referral settings."""
    extend_bundle(Brand(HERE, f"pays{HERE}"), referrals=referrals)


class TestAlone:
    def test_those_below_go_to_the_former_sponsor(self, people: list[UUID]) -> None:
        a, b, c, d, e, _ = people
        with clock.frozen(NOON):
            move = enter(b, e, scope=SINGLE)

        assert path(b, NOON) == [e]
        assert (path(c, NOON), path(d, NOON)) == ([a], [a])
        assert path(c, NOON - timedelta(seconds=1)) == [b, a]
        assert move.people_count == 1
        assert in_transaction(receivers.differences) == 0

    def test_they_may_then_stand_above(self, people: list[UUID]) -> None:
        a, b, c, *_ = people
        with clock.frozen(NOON):
            enter(b, c, scope=SINGLE)

        assert path(b, NOON) == [c, a]
        assert in_transaction(receivers.differences) == 0

    def test_without_a_sponsor_they_stand_on_their_own(self, people: list[UUID]) -> None:
        a, b, c, _, e, _ = people
        with clock.frozen(NOON):
            enter(a, e, scope=SINGLE)

        assert path(b, NOON) == []
        assert path(c, NOON) == [b]

    def test_a_newcomer_goes_along_with_what_is_dated(self, people: list[UUID]) -> None:
        a, b, _, _, e, f = people
        with clock.frozen(NOON):
            move = enter(b, e, "next_settlement_day", scope=SINGLE)
            with transaction():
                service.attribute(f, b, reason="link", by=BY)
        assert path(f, NOON) == [b, a]
        assert path(f, NEXT_DAY) == [a]

        with clock.frozen(NOON + timedelta(hours=1)), transaction():
            moves.cancel(move.id, reason="not now", by=BY)
        assert path(f, NEXT_DAY) == [b, a]
        assert in_transaction(receivers.differences) == 0


class TestTakingBack:
    @pytest.mark.parametrize("scope", list(MoveScope))
    def test_undone_everything_stands_as_before(self, people: list[UUID], scope: MoveScope) -> None:
        _, b, c, _, e, _ = people
        before = {one: path(one, NOON) for one in people}
        with clock.frozen(NOON):
            move = enter(b, e, scope=scope)
        with clock.frozen(NOON + timedelta(minutes=5)), transaction():
            undone = moves.undo(move.id, reason="typed the wrong number", by=BY)

        assert undone.status is MoveStatus.UNDONE
        assert {one: path(one, NOON) for one in people} == before
        assert path(c, NEXT_DAY) == before[c]
        assert in_transaction(receivers.differences) == 0
        with pytest.raises(moves.MoveEnded), transaction():
            moves.undo(move.id, reason="again", by=BY)

    def test_a_dated_move_is_called_off(self, people: list[UUID]) -> None:
        a, b, _, _, e, _ = people
        day = datetime(2026, 12, 1, tzinfo=UTC)
        with clock.frozen(NOON):
            move = enter(b, e, "dated", dated=day)
            assert path(b, day) == [e]
            with transaction():
                moves.cancel(move.id, reason="not after all", by=BY)

        assert path(b, day) == [a]
        assert move.status is MoveStatus.CANCELLED
        assert in_transaction(receivers.differences) == 0

    def test_a_move_that_took_effect_is_not_called_off(self, people: list[UUID]) -> None:
        _, b, _, _, e, _ = people
        with clock.frozen(NOON):
            move = enter(b, e)
            with pytest.raises(moves.MoveEnded), transaction():
                moves.cancel(move.id, reason="too late", by=BY)

    def test_what_came_later_is_taken_back_first(self, people: list[UUID]) -> None:
        _, b, _, _, e, f = people
        with clock.frozen(NOON):
            first = enter(b, e)
        with clock.frozen(NOON + timedelta(hours=1)):
            second = enter(b, f)
            with pytest.raises(moves.LaterChange), transaction():
                moves.undo(first.id, reason="wrong", by=BY)
            with transaction():
                moves.undo(second.id, reason="wrong", by=BY)
            with transaction():
                moves.undo(first.id, reason="wrong", by=BY)
        assert in_transaction(receivers.differences) == 0

    def test_a_cycle_that_came_since_is_refused(self, people: list[UUID]) -> None:
        a, b, _, _, e, _ = people
        with clock.frozen(NOON):
            move = enter(b, e)
        with clock.frozen(NOON + timedelta(hours=1)):
            enter(a, b)
            with pytest.raises(links.WouldCloseCycle), transaction():
                moves.undo(move.id, reason="wrong", by=BY)

    def test_commission_that_depends_on_it_is_named(self, people: list[UUID]) -> None:
        _, b, c, _, e, _ = people
        with transaction():
            platform = world.make_platform()
        with clock.frozen(NOON):
            move = enter(b, e)
        three = NOON + timedelta(hours=3)
        with transaction():
            platform.store([{"client_id": c, "opened_at": NOON, "closed_at": three}])
        world.settle(NOON.date())

        found = in_transaction(moves.what_depends, move)
        assert found is not None
        assert found.in_english() == "Commission of 2026-11-20 was computed on it."
        with clock.frozen(NEXT_DAY + timedelta(hours=1)), pytest.raises(moves.SomethingDepends), transaction():
            moves.undo(move.id, reason="wrong", by=BY)
        assert path(c, NOON) == [b, e]


class TestDates:
    @pytest.mark.parametrize("dated", [None, NOON - timedelta(days=1), NOON + timedelta(days=4000)])
    def test_a_day_that_has_passed_or_lies_far_ahead_is_refused(
        self, people: list[UUID], dated: datetime | None
    ) -> None:
        with clock.frozen(NOON), pytest.raises(Invalid) as refusal:
            enter(people[1], people[4], "dated", dated=dated)
        assert refusal.value.field == "dated"

    def test_a_later_move_for_the_same_client_replaces_one_to_come(self, people: list[UUID]) -> None:
        a, b, _, _, e, f = people
        with clock.frozen(NOON):
            first = enter(b, e, "dated", dated=NOON + timedelta(days=5))
            enter(b, f, "next_settlement_day")
            assert in_transaction(queries.move, first.id).status is MoveStatus.CANCELLED
        assert (path(b, NOON), path(b, NOON + timedelta(days=9))) == ([a], [f])
        assert in_transaction(receivers.differences) == 0


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "sentence"),
        [
            ({"only_verified": True}, "not verified"),
            ({"account_younger_days": 7}, "more than 7 days ago"),
            ({"only_untraded": True}, "has traded"),
            ({"partner_registered_first": True}, "the other way round"),
        ],
    )
    def test_a_limit_stands_against_a_move(self, people: list[UUID], limit: dict[str, Any], sentence: str) -> None:
        _, b, *_ = people
        said(move=limit)
        with transaction():
            partner = world.make_client("Young Partner", created_at=NOON)
            world.make_platform().store([{"client_id": b, "opened_at": NOON, "closed_at": NOON}])
        with clock.frozen(NOON), pytest.raises(limits.MoveNotAllowed, match=sentence):
            enter(b, partner)

    def test_a_client_changes_the_partner_once(self, people: list[UUID]) -> None:
        _, b, _, _, e, f = people
        said(move={"once_per_client": True})
        with clock.frozen(NOON):
            enter(e, f)  # The first sponsor is no change.
            enter(b, e)
        with clock.frozen(NOON + timedelta(hours=1)):
            with pytest.raises(limits.MoveNotAllowed):
                enter(b, f)
            enter(e, None)
            with pytest.raises(limits.MoveNotAllowed):
                enter(e, f)


class TestPreview:
    def test_it_says_who_gains_and_who_loses_and_changes_nothing(self, people: list[UUID]) -> None:
        a, b, c, _, e, _ = people
        with transaction():
            platform = world.make_platform()
            platform.store([{"client_id": c, "opened_at": NOON - timedelta(days=1, hours=1),
                             "closed_at": NOON - timedelta(days=1)}])  # fmt: skip
        world.settle(NOON.date() - timedelta(days=1))
        before = {one: path(one, NOON) for one in people}
        with clock.frozen(NOON), transaction():
            seen = moves.preview(b, e, when="immediate", by=BY)

        assert (seen.old_parent_id, seen.people_count, seen.takes_effect_at) == (a, 3, NOON)
        assert {(place.partner_id, place.before, place.after) for place in seen.places} == {(a, 1, None), (e, None, 1)}
        # One lot of 12 USD spread: level 2 is 2.40, and A has 8 per lot.
        assert {row.partner_id: (row.before, row.after) for row in seen.worth} == {
            a: (Money(dec("10.40"), "USD"), Money.zero("USD")),
            e: (Money.zero("USD"), Money(dec("2.40"), "USD")),
        }
        assert {one: path(one, NOON) for one in people} == before
        assert in_transaction(receivers.differences) == 0
        with transaction():
            assert queries.moves(limit=10) == ([], 0)

    def test_it_refuses_what_the_move_would_refuse(self, people: list[UUID]) -> None:
        a, b, c, *_ = people
        with clock.frozen(NOON):
            for parent in (a, c):
                with pytest.raises(DomainError), transaction():
                    moves.preview(b, parent, when="immediate", by=BY)

    def test_it_names_moves_that_it_calls_off(self, people: list[UUID]) -> None:
        _, b, _, _, e, f = people
        with clock.frozen(NOON):
            pending = enter(b, e, "next_settlement_day")
            with transaction():
                seen = moves.preview(b, f, when="immediate", by=BY)
            assert [move.id for move in seen.called_off] == [pending.id]
            assert in_transaction(queries.move, pending.id).status is MoveStatus.ENTERED


class TestLetters:
    def letters(self) -> list[tuple[str, str]]:
        with transaction():
            rows = execute_sql(
                "SELECT template, params ->> 'client_name' AS who FROM mail WHERE tenant_id = :tenant_id"
            )
            return sorted((row.template, row.who) for row in rows)

    def test_both_partners_are_told_with_a_masked_name(self, people: list[UUID]) -> None:
        _, b, _, _, e, _ = people
        with clock.frozen(NOON):
            move = enter(b, e)
            with transaction():
                moves.undo(move.id, reason="wrong", by=BY)

        assert self.letters() == [
            ("referrals.client_moved_away", "Ben B."),
            ("referrals.client_moved_here", "Ben B."),
            ("referrals.client_stays_away", "Ben B."),
            ("referrals.client_stays_here", "Ben B."),
        ]

    def test_nobody_is_told_where_the_brand_says_so(self, people: list[UUID]) -> None:
        said(mail_partners=False)
        with clock.frozen(NOON):
            enter(people[1], people[4])
        assert self.letters() == []


def test_two_racing_moves_cannot_close_a_cycle_together_when_people_go_alone(people: list[UUID]) -> None:
    _, _, c, d, *_ = people
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def race(child: UUID, parent: UUID) -> None:
        with tenant_scope(HERE):
            barrier.wait()
            try:
                enter(child, parent, scope=SINGLE)
                outcomes.append("moved")
            except DomainError as refusal:
                outcomes.append(refusal.code)

    jobs: list[Callable[[], None]] = [lambda: race(c, d), lambda: race(d, c)]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Whoever is second leaves the first one behind with the former sponsor, so both may move; a cycle never comes.
    assert outcomes.count("moved") >= 1
    with transaction():
        at = clock.business_now()
        for person in people:
            assert person not in [step.partner_id for step in queries.path_at(person, at)]
    assert in_transaction(receivers.differences) == 0


def test_another_tenant_neither_sees_nor_ends_a_move(people: list[UUID]) -> None:
    with clock.frozen(NOON):
        move = enter(people[1], people[4])
    with tenant_scope(THERE):
        with transaction():
            assert queries.moves(limit=10) == ([], 0)
        with pytest.raises(NotFound), transaction():
            moves.undo(move.id, reason="mine", by=BY)
        with pytest.raises(NotFound), transaction():
            moves.preview(people[1], people[4], when="immediate", by=BY)


@pytest.mark.parametrize("policy", ["full", "difference", "nearest", "topmost", "highest", "split"])
def test_receivers_follow_moves_under_every_policy(here: None, policy: str) -> None:
    shares = (dec("0.2"), dec("0.1")) if policy == "split" else ()
    with transaction():
        a, b, c, d, e, f = (world.make_client(name) for name in "ABCDEF")
        for child, parent in ((b, a), (c, b), (d, c)):
            world.link(child, parent)
        for partner, rate in ((a, 8), (b, 5), (e, 3)):
            world.grant(partner, dec(rate))
        world.publish(plan_with(god={"nested_policy": policy, "split_shares": shares}))
    with clock.frozen(NOON):
        enter(e, f)
        enter(b, e, "next_settlement_day")
        enter(c, a, scope=SINGLE)

    assert in_transaction(receivers.differences) == 0
