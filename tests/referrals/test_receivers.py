"""The receiver table against a walk of every path: levels end with the last paid one, god-mode reaches any depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import execute_sql, session, transaction
from app.partners import receivers
from app.referrals import queries
from tests.partners import world
from tests.partners.trades import PLAN

DAY = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = 6
PEOPLE = 7
LEVELS = 3


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Who stands below whom hour by hour (always somebody earlier, so there is no cycle), and who has an amount."""
    hours = st.integers(0, HOURS)
    links = {}
    for child in range(1, PEOPLE):
        cuts = sorted(draw(st.sets(hours, min_size=2, max_size=4)))
        links[child] = [
            (begin, end, draw(st.integers(0, child - 1))) for begin, end in pairwise(cuts) if draw(st.booleans())
        ]
    grants = draw(st.dictionaries(st.integers(0, PEOPLE - 1), st.tuples(hours, hours), max_size=4))
    return {"links": links, "grants": grants, "asked": draw(st.sets(st.integers(0, PEOPLE - 1), min_size=1)),
            "from": draw(hours)}  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees())
def test_rows_are_what_a_walk_of_the_path_says(here: None, tree: dict[str, Any]) -> None:
    with transaction():
        people = [world.make_client(str(number)) for number in range(PEOPLE)]
        for child, spans in tree["links"].items():
            for begin, end, parent in spans:
                world.link(people[child], people[parent], at(begin), at(end))
        for partner, (begin, end) in tree["grants"].items():
            if begin < end:
                world.grant(people[partner], Decimal(partner + 1), at(begin), at(end))
        receivers.rebuild(PLAN)
        refreshed = [people[number] for number in tree["asked"]]
        world.publish(PLAN)
        receivers.refresh(refreshed, at(tree["from"]))

        for hour in range(HOURS):
            instant = at(hour) + timedelta(minutes=1)
            for client in people:
                assert rows_at(client, instant) == walked(people, tree, client, instant)
        assert receivers.differences() == 0
        session().rollback()  # The next example begins with an empty tenant.


def at(hour: int) -> datetime:
    return DAY + timedelta(hours=hour)


def rows_at(client: UUID, instant: datetime) -> set[tuple[str, int, int, UUID, Decimal | None]]:
    rows = execute_sql(
        "SELECT track, distance, level, beneficiary_id, rate FROM receiver WHERE tenant_id = :tenant_id"
        " AND client_id = :client AND valid_from <= :at AND valid_to > :at",
        client=client,
        at=instant,
    )
    return {tuple(row) for row in rows}


def walked(
    people: list[UUID], tree: dict[str, Any], client: UUID, instant: datetime
) -> set[tuple[str, int, int, UUID, Decimal | None]]:
    found: set[tuple[str, int, int, UUID, Decimal | None]] = set()
    for step in queries.path_at(client, instant):
        number = people.index(step.partner_id)
        if step.distance <= LEVELS:
            found.add(("referral", step.distance, step.distance, step.partner_id, None))
        begin, end = tree["grants"].get(number, (0, 0))
        if at(begin) <= instant < at(end):
            found.add(("god", step.distance, step.distance, step.partner_id, Decimal(number + 1)))
    return found
