"""True-ups and what ranks get of others, against the plain rules, over random chains, bands, ranks and days."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, transaction
from app.partners.plan import Gates, GodRule, GodTrack, Level, Plan, ReferralRule, ReferralTrack
from app.partners.ranks.paying import Above, shares_in
from app.partners.ranks.terms import Band, Rank, Ranks, Tiers
from app.partners.rules.own import flat_true_up
from tests.partners import world
from tests.partners.draws import LOTS, examples
from tests.partners.ranks import people

RANKS = ("Bronze", "Silver", "Gold")
_month = iter(range(2020 * 12 + 1, 2020 * 12 + 100_000))
weights = st.sampled_from([Decimal(1), Decimal("0.7")])
parts = st.lists(st.sampled_from([Decimal("0.05"), Decimal("0.1"), Decimal("0.3333")]), max_size=3).map(tuple)


@st.composite
def tiers(draw: st.DrawFn) -> Tiers:
    bounds = sorted(
        draw(st.sets(st.sampled_from([Decimal("0.5"), Decimal(1), Decimal("2.5"), Decimal(4)]), max_size=3))
    )
    rates = [draw(st.sampled_from([Decimal("2.5"), Decimal(5), Decimal("6.66"), Decimal(8)])) for _ in range(4)]
    bands = [Band(rate=rate, upto=bound) for rate, bound in zip(rates, bounds, strict=False)]
    return Tiers(method="flat_on_reach", bands=(*bands, Band(rate=rates[-1])))


@st.composite
def stories(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(2, 5))
    named = [
        Rank(
            name=name,
            more_than={} if name == "Bronze" else {"lots": Decimal(1_000_000)},  # Nobody is raised meanwhile.
            override=draw(parts),
            same_rank=draw(parts),
        )
        for name in RANKS
    ]
    plan = Plan(
        name="Awards of ranks",
        currency="USD",
        referral=ReferralTrack(
            levels=(Level(name="Direct", share=Decimal("0.4")), Level(name="Indirect", share=Decimal("0.1"))),
            rules=(ReferralRule(name="default", kind="per_lot", rate=Decimal(5), tiers=draw(tiers())),),
        ),
        god=GodTrack(
            nested_policy="full",
            rules=(
                GodRule(
                    name="default", weight=draw(st.sampled_from([Decimal(1), Decimal("0.7")])), tiers=draw(tiers())
                ),
            ),
        ),
        ranks=Ranks(ranks=tuple(named)),
        gates=Gates(client_kyc_level=0),
    )
    trade = st.tuples(st.integers(0, count - 2), st.sampled_from(LOTS), st.sampled_from([0, 0, 1]))
    return {
        "count": count,
        "plan": plan,
        "ranks": [draw(st.sampled_from([None, *RANKS])) for _ in range(count)],
        "god": [draw(st.booleans()) for _ in range(count)],
        "trades": draw(st.lists(trade, min_size=1, max_size=6)),
    }


@pytest.mark.usefixtures("here")
@examples(7)
@given(story=stories())
def test_true_ups_and_shares_of_ranks_are_what_the_plain_rules_say(story: dict[str, Any]) -> None:
    number = next(_month)
    last = date(number // 12, number % 12 + 1, 1) - timedelta(days=1)
    days = [last - timedelta(days=1), last]
    plan: Plan = story["plan"]
    with transaction():
        ids = [world.make_client(f"P{n}") for n in range(story["count"])]
        for child, parent in pairwise(ids):
            world.link(child, parent)
        for person, rank, is_god in zip(ids, story["ranks"], story["god"], strict=True):
            if rank is not None:
                people.hold_rank(person, rank, is_pinned=True)
            if is_god:
                world.grant(person, Decimal(9))
        world.publish(plan, datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC))
        platform = world.make_platform()
        newest = execute_sql(
            "SELECT coalesce(max(id), 0) AS id, coalesce(max(batch_no), 0) AS no FROM closed_trade"
            " WHERE tenant_id = :tenant_id"
        ).one()
        platform.deals, platform.batches = newest.id, newest.no
        people.proved_day(days[0] - timedelta(days=1), platform.batches)
        drawn = enumerate(story["trades"])
        platform.store([_trade(ids[person], lots, days[day], n) for n, (person, lots, day) in drawn])
    for day in days:
        world.settle(day)

    lines = in_transaction(_lines, newest.id)
    expected = _true_ups(plan, [row for row in lines if row.business_date in days], last)
    for day in days:
        received: dict[UUID, Decimal] = defaultdict(Decimal)
        for row in lines:
            if row.business_date == day:
                received[row.partner_id] += row.amount
        for partner, kind, on_day, amount in list(expected):
            if kind == "true_up" and on_day == day:
                received[partner] += amount
        expected |= _of_ranks(plan, story, ids, received, day)
    assert in_transaction(_awards, ids) == sorted(expected, key=repr)


def _trade(client_id: UUID, lots: Decimal, day: date, place: int) -> dict[str, Any]:
    closed = datetime(day.year, day.month, day.day, 12, place, tzinfo=UTC)
    return {"client_id": client_id, "volume_lots": lots, "opened_at": closed - timedelta(hours=1), "closed_at": closed}


def _lines(after: int) -> list[Any]:
    return list(
        execute_sql(
            "SELECT l.partner_id, l.track, l.business_date, l.rate, l.amount, l.amount_before_cap, s.lots"
            " FROM commission_line AS l JOIN settled_trade AS s"
            " ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision"
            " WHERE l.tenant_id = :tenant_id AND l.trade_id > :after",
            after=after,
        ).all()
    )


def _awards(ids: list[UUID]) -> list[tuple[Any, ...]]:
    rows = execute_sql(
        "SELECT partner_id, kind, business_date, sum(amount) AS amount FROM commission_award"
        " WHERE tenant_id = :tenant_id AND partner_id = ANY (:ids)"
        " GROUP BY partner_id, kind, business_date, source_key",
        ids=ids,
    )
    return sorted((tuple(row) for row in rows), key=repr)


def _true_ups(plan: Plan, lines: list[Any], last: date) -> set[tuple[Any, ...]]:
    """What each partner's month is still due in each track, from their lines by the plain rule."""
    assert plan.god is not None
    assert plan.referral is not None
    by_track = {"god": plan.god.rules[0], "referral": plan.referral.rules[0]}
    months: dict[tuple[UUID, Any], list[Any]] = defaultdict(list)
    for row in lines:
        months[(row.partner_id, row.track)].append(row)
    found = set()
    for (partner, track), rows in months.items():
        rule: Any = by_track[track]
        paid = [(row.lots, rule.weight if track == "god" else row.rate, row.amount_before_cap) for row in rows]
        due = flat_true_up(rule.tiers, track, paid, sum((row.lots for row in rows), Decimal(0)))
        if due:
            found.add((partner, "true_up", last, due))
    return found


def _of_ranks(
    plan: Plan, story: dict[str, Any], ids: list[UUID], received: dict[UUID, Decimal], day: date
) -> set[tuple[Any, ...]]:
    """What everybody above gets of what somebody received on a day."""
    assert plan.ranks is not None
    found = set()
    for place, below in enumerate(ids):
        if received[below] <= 0:
            continue
        path = [Above(ids[n], n - place, story["ranks"][n]) for n in range(place, len(ids))]
        for one in shares_in(received[below], path, plan.ranks):
            found.add((one.partner_id, "override", day, one.amount))
    return found
