"""Properties 1, 2, 4, 8, 9 and 10 of the commission rules: random worlds, settled, and looked at in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.ledger import service as ledger
from app.partners.models import RunStep
from app.partners.plan import Plan
from app.partners.settlement import run as settlement
from app.partners.volume.terms import PeriodCaps
from tests.partners import draws, world, worlds
from tests.partners.conftest import HERE, THERE
from tests.partners.draws import FIRST_DAY, Link
from tests.partners.world import BY

pytestmark = pytest.mark.usefixtures("here")
STEPS = [step for step in RunStep if step is not RunStep.OPENED]
ONE_DAY = timedelta(days=1)


class Days:
    """Settlement days that follow on one another, so many for every world of a test."""

    def __init__(self, each: int = 1) -> None:
        self._first = iter(range(0, 1_000_000, each))

    def next(self) -> date:
        return FIRST_DAY + timedelta(days=next(self._first))


def told(built: worlds.Built, *days: date) -> dict[str, Any]:
    """Everything that days have left, with people and trades by their numbers: the same for the same world."""

    def row(values: Any, columns: str) -> tuple[Any, ...]:
        shown: list[Any] = []
        for name, value in zip(columns.split(), values, strict=True):
            if isinstance(value, UUID):
                shown.append(built.person(value))
            elif name == "trade_id":
                shown.append(built.place(value))
            elif isinstance(value, date) and not isinstance(value, datetime):
                shown.append((value - built.day).days)
            else:
                shown.append(tuple(value) if isinstance(value, list) else value)
        return tuple(shown)

    def read() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for table, columns in TABLES.items():
            rows = execute_sql(
                f"SELECT {columns.replace(' ', ', ')} FROM {table} WHERE tenant_id = :tenant_id"
                f" AND {'held_on' if table == 'commission_hold' else 'business_date'} = ANY (CAST(:days AS date[]))",
                days=list(days),
            )
            found[table] = sorted((row(one, columns) for one in rows), key=repr)
        return found

    return in_transaction(read) | {"money": [world.balances(one, built.plan.currency) for one in built.ids]}


TABLES = {
    "settled_trade": "trade_id revision business_date client_id lots spread base revenue is_held",
    "commission_line": "trade_id revision track partner_id component business_date level distance rate amount cap",
    "commission_reason": "trade_id revision track partner_id business_date distance reason gates",
    "commission_hold": "trade_id track partner_id held_on gates",
    "commission_share": "trade_id track giver_id receiver_id kind component business_date share amount",
    "commission_batch": "partner_id track business_date sequence purpose lines carry_in carry_out posted_minor status",
    "commission_statement": "partner_id business_date line_count reason_count lines held carry_in posted_minor",
}


class Stopped(RuntimeError):
    """Where a run was cut off."""


@contextmanager
def stopped_at(step: RunStep, *, is_after: bool) -> Iterator[None]:
    """A run ends just before, or just after, it has come to a step."""
    whole = settlement._advance

    def stop(day: date, expected: Any, to: Any, work: Any) -> bool:
        if to is step and not is_after:
            raise Stopped
        done = whole(day, expected, to, work)
        if to is step:
            raise Stopped
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settlement, "_advance", stop)
        with pytest.raises(Stopped):
            yield


days_1 = Days()


@draws.examples(6)
@given(drawn=draws.worlds(), step=st.sampled_from(STEPS), is_after=st.booleans())
def test_property_01_a_run_that_crashes_or_runs_twice_gives_the_same(
    drawn: dict[str, Any], step: RunStep, is_after: bool
) -> None:
    day = days_1.next()
    with tenant_scope(THERE):
        undisturbed = worlds.build(drawn, day)
        world.settle(day)
        wanted = told(undisturbed, day)
    with tenant_scope(HERE):
        built = worlds.build(drawn, day)
        with stopped_at(step, is_after=is_after):
            settlement.settle_day(day, by=BY)
        world.settle(day)
        assert told(built, day) == wanted
        world.settle(day)
        assert told(built, day) == wanted


def without_order(plan: Plan) -> Plan:
    """The plan without tiers, caps by period and hedge netting, and without legs that wait for others."""
    gates = msgspec.structs.replace(plan.gates, hedge_netting="off", partial_close="pro_rata", close_by="both")
    return msgspec.structs.replace(plan, gates=gates, caps=msgspec.structs.replace(plan.caps, partner=PeriodCaps()))


days_2 = Days()


@draws.examples(6)
@given(drawn=draws.worlds(), shuffle=st.randoms(use_true_random=False), batches=st.integers(1, 3))
def test_property_02_the_order_of_arrival_changes_nothing(drawn: dict[str, Any], shuffle: Any, batches: int) -> None:
    drawn["plan"] = without_order(drawn["plan"])
    day = days_2.next()
    order = list(range(len(drawn["trades"])))
    shuffle.shuffle(order)
    with tenant_scope(THERE):
        as_drawn = worlds.build(drawn, day)
        world.settle(day)
        wanted = told(as_drawn, day)
    with tenant_scope(HERE):
        built = worlds.build(drawn, day, order=order, batches=batches)
        world.settle(day)
        assert told(built, day) == wanted


days_2_late = Days(each=2)


@draws.examples(5)
@given(drawn=draws.worlds())
def test_property_02_a_deal_that_arrives_a_day_late_is_paid_the_same(drawn: dict[str, Any]) -> None:
    """By its own close: path, rate and plan of that instant. What looks at the settlement itself is left out."""
    drawn["plan"] = msgspec.structs.replace(without_order(drawn["plan"]), tree_as_of="close", fx_time="event")
    day = days_2_late.next()
    with tenant_scope(THERE):
        as_drawn = worlds.build(drawn, day)
        world.settle(day)
        world.settle(day + ONE_DAY)
        wanted = told(as_drawn, day)
    with tenant_scope(HERE):
        with transaction():
            world.publish(drawn["plan"], draws.hours(day, 0))
        world.settle(day)
        built = worlds.build(drawn, day, publish=False)
        world.settle(day + ONE_DAY)
        found = told(built, day + ONE_DAY)
    for table in ("settled_trade", "commission_line", "commission_reason", "commission_share"):
        place = TABLES[table].split().index("business_date")
        assert without(place, found[table]) == without(place, wanted[table]), table


def without(place: int, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows without the day on which they were settled."""
    return [(*row[:place], *row[place + 1 :]) for row in rows]


days_4 = Days()


@draws.examples(6)
@given(drawn=draws.worlds(), data=st.data())
def test_property_04_users_and_trades_elsewhere_change_no_line(drawn: dict[str, Any], data: st.DataObject) -> None:
    plan: Plan = drawn["plan"]
    assume("capped" not in plan.bases)  # The average spread of earlier days is everybody's.
    gates = msgspec.structs.replace(plan.gates, include_sub_ib_accounts=True)
    caps = msgspec.structs.replace(plan.caps, partner=PeriodCaps())
    drawn["plan"] = msgspec.structs.replace(plan, gates=gates, caps=caps)
    day, count = days_4.next(), drawn["count"]
    added = data.draw(st.integers(1, 3))
    more = drawn | {
        "count": count + added,
        "people": [*drawn["people"], *drawn["people"][:1] * added],
        "links": [
            *drawn["links"],
            *(Link(count + place, data.draw(st.integers(0, count - 1 + place)), -1, 25) for place in range(added)),
        ],
        "trades": [
            *drawn["trades"],
            *(
                data.draw(draws.trades(1)) | {"person": count + place, "position": 1000 + place, "is_close_by": False}
                for place in range(added)
            ),
        ],
    }
    with tenant_scope(THERE):
        before = worlds.build(drawn, day)
        world.settle(day)
        wanted = told(before, day)
    with tenant_scope(HERE):
        crowded = worlds.build(more, day)
        world.settle(day)
        found = told(crowded, day)
    for table in ("settled_trade", "commission_line", "commission_reason", "commission_hold", "commission_share"):
        assert [row for row in found[table] if row[0] < len(drawn["trades"])] == wanted[table], table


days_8 = Days(each=2)


@draws.examples(6)
@given(drawn=draws.worlds())
def test_property_08_a_line_and_its_reversal_are_nothing(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, days_8.next())
    world.settle(built.day)
    with transaction():
        built.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
            " WHERE tenant_id = :tenant_id AND id >= :first",
            no=built.platform.batches,
            first=built.first,
        )
    world.settle(built.day + ONE_DAY)

    left = in_transaction(
        lambda: execute_sql(
            "SELECT l.partner_id, l.trade_id, l.track FROM commission_line AS l WHERE l.tenant_id = :tenant_id"
            " AND l.trade_id >= :first GROUP BY 1, 2, 3, l.revision HAVING sum(l.amount) <> 0 OR count(*) <> 2"
            " UNION ALL SELECT giver_id, trade_id, track FROM commission_share WHERE tenant_id = :tenant_id"
            " AND trade_id >= :first GROUP BY 1, 2, 3, kind, receiver_id HAVING sum(amount) <> 0 OR count(*) <> 2",
            first=built.first,
        ).all()
    )
    assert left == []
    assert [wallet for one in built.ids for wallet in wallets(one) if wallet[1] != 0] == []


def wallets(client_id: UUID) -> list[tuple[str, int]]:
    """Every wallet of somebody as a partner, in every currency."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT purpose || ' ' || currency AS name, balance_minor FROM wallet WHERE tenant_id = :tenant_id"
            " AND owner_kind = 'partner' AND owner_id = :id",
            id=client_id,
        ).all()
    )
    return [(row.name, row.balance_minor) for row in rows]


days_9 = Days(each=2)


@draws.examples(6)
@given(drawn=draws.worlds(), gone=st.integers(0, 4))
def test_property_09_lines_journals_and_statements_say_the_same(drawn: dict[str, Any], gone: int) -> None:
    built = worlds.build(drawn, days_9.next())
    world.settle(built.day)
    with transaction():
        built.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET volume_lots = volume_lots / 3, corrected_at = closed_at, revision = 1,"
            " batch_no = :no WHERE tenant_id = :tenant_id AND id >= :first AND mod(id, 3) = mod(:gone, 3)",
            no=built.platform.batches,
            first=built.first,
            gone=gone,
        )
    world.settle(built.day + ONE_DAY)

    for day in (built.day, built.day + ONE_DAY):
        lines, carried, journals, stated = (in_transaction(sums, text, day) for text in THREE_WAYS)
        for partner in {*lines, *carried, *journals, *stated}:
            from_lines = lines[partner] - carried[partner]
            assert from_lines == journals[partner] == stated[partner], (day, built.person(partner))


def sums(text: str, day: date) -> dict[UUID, Decimal]:
    """An amount by partner, zero where there is none."""
    found: dict[UUID, Decimal] = defaultdict(Decimal)
    for row in execute_sql(text, day=day):
        found[row.partner_id] += row.amount
    return found


_PAID = """
SELECT l.partner_id, l.amount, l.trade_id, l.revision, l.track, l.component FROM commission_line AS l
WHERE l.tenant_id = :tenant_id AND l.business_date = :day
UNION ALL SELECT s.giver_id, -s.amount, s.trade_id, s.revision, s.track, s.component FROM commission_share AS s
WHERE s.tenant_id = :tenant_id AND s.business_date = :day
"""
THREE_WAYS = (
    # Lines and shares of the day, without what waits: a line on hold is paid on no day, and neither is its reversal.
    f"""SELECT p.partner_id, p.amount FROM ({_PAID}) AS p WHERE NOT EXISTS (
      SELECT FROM commission_hold AS h WHERE h.tenant_id = :tenant_id AND h.partner_id = p.partner_id
        AND h.trade_id = p.trade_id AND h.revision = p.revision AND h.track = p.track)
    UNION ALL SELECT s.receiver_id, s.amount FROM commission_share AS s
    WHERE s.tenant_id = :tenant_id AND s.business_date = :day AND NOT EXISTS (
      SELECT FROM commission_hold AS h WHERE h.tenant_id = :tenant_id AND h.partner_id = s.giver_id
        AND h.trade_id = s.trade_id AND h.revision = s.revision AND h.track = s.track)""",
    "SELECT partner_id, carry_out - carry_in AS amount FROM commission_batch"
    " WHERE tenant_id = :tenant_id AND business_date = :day",
    "SELECT w.owner_id AS partner_id, p.amount_minor / 100.0 AS amount FROM journal_entry AS e"
    " JOIN posting AS p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id"
    " JOIN wallet AS w ON w.tenant_id = p.tenant_id AND w.id = p.wallet_id"
    " WHERE e.tenant_id = :tenant_id AND e.business_date = :day AND w.owner_kind = 'partner'"
    " AND e.kind IN ('commission.settle', 'commission.clawback')",
    "SELECT partner_id, posted_minor / 100.0 AS amount FROM commission_statement"
    " WHERE tenant_id = :tenant_id AND business_date = :day",
)

days_10 = Days()
NAMED = {
    "commission_line": ("partner_id",),
    "commission_reason": ("partner_id",),
    "commission_hold": ("partner_id",),
    "commission_share": ("giver_id", "receiver_id"),
    "settled_trade": ("client_id",),
    "commission_batch": ("partner_id",),
    "commission_statement": ("partner_id",),
}


@draws.examples(5)
@given(drawn=draws.worlds())
def test_property_10_no_line_names_anybody_of_another_tenant(drawn: dict[str, Any]) -> None:
    day = days_10.next()
    built = {}
    for tenant in (HERE, THERE):
        with tenant_scope(tenant):
            built[tenant] = worlds.build(drawn, day)
    for tenant in (HERE, THERE):
        with tenant_scope(tenant):
            world.settle(day)
    for tenant in (HERE, THERE):
        with tenant_scope(tenant):
            assert in_transaction(strangers) == []
            owners = {ledger.Owner("partner", one) for one in built[tenant].ids}
            assert owners.isdisjoint({ledger.Owner("partner", one) for one in built[THERE + HERE - tenant].ids})


def strangers() -> list[Any]:
    """Rows that name somebody, a trade or a plan that this tenant does not have."""
    found: list[Any] = []
    for table, columns in NAMED.items():
        for column in columns:
            found += execute_sql(
                f"SELECT '{table}' AS place, t.{column} FROM {table} AS t WHERE t.tenant_id = :tenant_id AND NOT EXISTS"
                f" (SELECT FROM client AS c WHERE c.tenant_id = :tenant_id AND c.id = t.{column})"
            ).all()
    found += execute_sql(
        "SELECT s.trade_id, s.plan_number FROM settled_trade AS s WHERE s.tenant_id = :tenant_id AND (NOT EXISTS"
        " (SELECT FROM closed_trade AS t WHERE t.tenant_id = :tenant_id AND t.id = s.trade_id"
        "  AND t.client_id = s.client_id)"
        " OR NOT EXISTS (SELECT FROM plan_version AS v WHERE v.tenant_id = :tenant_id AND v.number = s.plan_number))"
    ).all()
    return found
