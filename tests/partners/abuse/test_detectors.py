"""The detectors in SQL find what the plain reference finds, over random clients, days, trades and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.db import in_transaction, transaction
from app.partners.abuse import patterns, queries
from app.partners.abuse.patterns import Flow, Found
from app.partners.abuse.terms import AbuseTerms, EmptyVolume, HoldGaming, Scalping
from app.partners.plan import Gates, Plan
from app.partners.rules.engine import spread_of
from app.partners.rules.facts import ClosedTrade
from tests.partners import draws, world
from tests.partners.trades import PLAN, dec, plan_with

FIRST_DAY = date(2026, 3, 2)
_world = iter(range(100_000))


def plan_of(share: str, trades_min: int, window: int, exempt: tuple[str, ...]) -> Plan:
    terms = AbuseTerms(
        scalping=Scalping(action="shadow", share_above=dec(share), trades_min=trades_min, window_days=window),
        hold_gaming=HoldGaming(action="hold", share_above=dec(share), trades_min=trades_min, window_days=window),
        empty_volume=EmptyVolume(action="hold", share_above=dec(share), trades_min=trades_min, window_days=window),
        quiet_days=0,
    )
    gates = Gates(client_kyc_level=0, exempt_from_hold=exempt, exempt_hold_groups=("cent*",))
    return plan_with(PLAN, gates=gates, abuse=terms)


trades = st.fixed_dictionaries(
    {
        "client": st.integers(0, 3),
        "day": st.integers(0, 2),
        "held": st.sampled_from([60, 179.999, 180, 195, 210, 210.001, 600]),
        "lots": st.sampled_from(["0.10", "1.00", "2.50"]),
        "move": st.sampled_from(["0", "0.00023", "0.00024", "0.01"]),
        "reason": st.sampled_from(["client", "client", "stop_out"]),
        "group": st.sampled_from(["standard", "standard", "cent-a"]),
        "has_opening": st.booleans() | st.just(True),
    }
)
plans = st.builds(
    plan_of,
    st.sampled_from(["0.25", "0.30", "0.5"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([(), ("stop_out",)]),
)


@pytest.mark.usefixtures("here")
@draws.examples(20)
@given(plan=plans, drawn=st.lists(trades, max_size=14), sponsors=st.lists(st.booleans(), min_size=4, max_size=4))
def test_sql_finds_what_the_reference_finds(plan: Plan, drawn: list[dict[str, Any]], sponsors: list[bool]) -> None:
    first = FIRST_DAY + timedelta(days=3 * next(_world))
    ids, parents, stored = stage(plan, drawn, sponsors, first)
    found, expected = [], []
    for day in range(3):
        at = first + timedelta(days=day)
        world.settle(at)
        expected.append(
            {
                (one.kind, one.partner_id, one.client_id): (one.score, one.evidence)
                for one in reference(plan, stored, parents, day)
            }
        )
        found.append(
            {
                (row.kind, row.partner_id, row.client_id): (row.score, row.evidence)
                for row in in_transaction(lambda: list(queries.under_way()))
                if row.seen_on == at and {row.partner_id, row.client_id} & ids
            }
        )
    assert found == expected


def stage(
    plan: Plan, drawn: list[dict[str, Any]], sponsors: list[bool], first: date
) -> tuple[set[UUID], dict[UUID, UUID], list[tuple[int, ClosedTrade]]]:
    """A chain of partners with clients below some of it, and their trades of three days."""
    stored = []
    with transaction():
        top, middle = world.make_client("Top"), world.make_client("Middle")
        world.link(middle, top)
        ids = [world.make_client(f"Client {number}") for number in range(4)]
        parents = {middle: top}
        for number, has_sponsor in enumerate(sponsors):
            if has_sponsor:
                parents[ids[number]] = middle if number % 2 else top
                world.link(ids[number], parents[ids[number]])
        world.publish(plan)
        platform = world.make_platform()
        platform.deals = platform.batches = (first - FIRST_DAY).days * 100  # Numbers are the tenant's, not a world's.
        for one in drawn:
            closed = datetime(first.year, first.month, first.day, 12, tzinfo=UTC) + timedelta(days=one["day"])
            opened = closed - timedelta(milliseconds=round(one["held"] * 1000)) if one["has_opening"] else None
            values = {
                "opened_at": opened,
                "closed_at": closed,
                "volume_lots": Decimal(one["lots"]),
                "open_price": dec("1.10012"),
                "close_price": dec("1.10012") + dec(one["move"]),
                "reason": one["reason"],
            }
            client = ids[one["client"]]
            platform.store([{"client_id": client, "group": one["group"], **values}])
            stored.append((one["day"], trade_of(client, one["group"], values)))
    return {*ids, top, middle}, parents, stored


def trade_of(client: UUID, group: str, values: Mapping[str, Any]) -> ClosedTrade:
    return ClosedTrade(
        seq=1,
        client_id=client,
        symbol="EURUSD",
        symbol_class="fx",
        group=group,
        contract_size=dec(100_000),
        open_bid=dec("1.10000"),
        open_ask=dec("1.10012"),
        close_bid=dec("1.10100"),
        close_ask=dec("1.10112"),
        **values,
    )


def reference(plan: Plan, stored: list[tuple[int, ClosedTrade]], parents: dict[UUID, UUID], day: int) -> list[Found]:
    flows: dict[UUID, Flow] = {}
    for at, trade in stored:
        if day - plan.abuse.scalping.window_days < at <= day:
            spread = spread_of(trade, "open", plan)[0]
            flow = patterns.flow_of(trade, spread, plan)
            if flow.trades:
                flows[trade.client_id] = flows.get(trade.client_id, Flow()).plus(flow)
    return patterns.found_in(flows, parents, plan.abuse)
