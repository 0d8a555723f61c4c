"""Random lines are computed again from what their explanations show, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from app.core.db import execute_sql, transaction
from app.partners import queries
from app.partners.plan import CashbackRule, GodRule, Plan
from app.partners.portal.explaining import Background, background
from app.partners.queries import EarningFilter, Explanation
from app.partners.ranks.terms import Band, TierMethod, Tiers
from app.partners.rebates.terms import Rebates
from app.partners.rules import Agreement, ClosedTrade
from app.partners.settlement import wallets
from app.partners.volume.terms import PeriodCaps
from app.referrals.rules import FOREVER
from tests.partners import draws, world, worlds
from tests.partners.examples.stage import FRIDAY, Stage
from tests.partners.portal.calculator import by_hand
from tests.partners.rebates.agreements import agree
from tests.partners.trades import PLAN, dec, plan_with, trade
from tests.partners.world import BY

pytestmark = pytest.mark.usefixtures("here")
_day = iter(range(1, 100_000))


def lines_of(people: list[UUID]) -> Iterator[tuple[Explanation, Background]]:
    for person in people:
        for earning in queries.earnings(person, EarningFilter(kind="paid"), limit=100)[0]:
            if not earning.is_share:
                x = queries.explain(person, earning.trade_id, earning.revision, earning.track, earning.component)
                yield x, background(x)


def given_numbers(x: Explanation, b: Background) -> set[Decimal]:
    """Numbers that the page shows as facts of the trade, the plan, the path and the money."""
    t, m, plan = x.facts, b.more, x.version.plan
    found = [getattr(t, name) for name in FACTS] + [getattr(m, name) for name in MORE]
    found += [x.earning.rate, *(one.amount_before_cap for one in b.siblings), *(one.amount for one in b.siblings)]
    found += [one.granted for one in b.siblings]
    if b.batch is not None:
        found += [b.batch.lines, b.batch.settled, b.batch.carry_in, b.batch.posted.amount]
        found += [b.batch.multiply, b.batch.divide]
    found += [plan.caps.max_total_per_lot, plan.caps.max_total_share_of_revenue, Decimal(2), Decimal(1_000_000)]
    found += [getattr(rule, "max_per_event", None) for rule in rules_of(plan)]
    found += [band.share for band in plan.gates.hold_bands] + list(plan.volume_multipliers.values())
    found += [one.spread for symbol, one in plan.typical.items() if symbol == t.symbol]
    return {abs(number) for number in found if number is not None}


def rules_of(plan: Plan) -> list[Any]:
    return [*(plan.referral.rules if plan.referral else ()), *(plan.god.rules if plan.god else ()), *plan.cashback]


FACTS = (
    "volume_lots", "contract_size", "open_price", "open_bid", "open_ask", "close_bid", "close_ask", "commission",
    "profit", "multiply", "divide",
)  # fmt: skip
MORE = (
    "lots_paid", "lots_netted", "credit_factor", "average", "value_multiply", "value_divide", "paid_multiply",
    "paid_divide",
)  # fmt: skip


def recompute(x: Explanation, b: Background) -> None:
    """Do every step by hand from shown numbers, and come to the amount and to what was posted."""
    where = (x.earning, [str(one.label) for one in b.sums], x.version.plan)
    known = given_numbers(x, b)
    reached: set[Decimal] = set()
    for one in b.sums:
        if one.shown_parts:
            assert by_hand(one) == one.result, (one, where)
        else:
            assert abs(one.result) in known | reached, (one, where)
        reached.add(one.result)
    assert {x.facts.lots, x.earning.amount} <= reached, where
    assert x.amount_before_cap in reached | {-number for number in reached}, where
    if b.batch is not None and x.version.plan.rounding_scope == "day":
        assert {b.batch.posted.amount, b.batch.carry_out} <= reached, where


@draws.examples(15)
@given(drawn=draws.worlds())
def test_random_lines_are_computed_again_from_their_explanations(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, draws.FIRST_DAY + timedelta(days=next(_day)))
    world.settle(built.day)
    with transaction():
        for x, b in lines_of(built.ids):
            if not stands_for_a_position(x, b):
                recompute(x, b)


def stands_for_a_position(x: Explanation, b: Background) -> bool:
    """Whether the trade brings the numbers of other closes of its position, which have explanations of their own."""
    return b.more.lots_paid is not None and b.more.lots_paid + b.more.lots_netted > x.facts.volume_lots


GOLD = {"symbol_class": "metal", "contract_size": dec(100), "bid": dec("4581.23")}
HALF = trade(lots="0.40", is_partial=True, position=7001)
REST = trade(lots="0.60", position=7001, held=timedelta(minutes=20))
BANDS = (Band(rate=dec(5), upto=dec("1.5")), Band(rate=dec(6)))


def tiers(method: TierMethod) -> Plan:
    return plan_with(god={"rules": (GodRule(name="default", tiers=Tiers(method=method, bands=BANDS)),)})


STORIES: dict[str, tuple[Plan, tuple[ClosedTrade, ...], str]] = {
    "hedged volume": (
        plan_with(gates={"hedge_netting": "max_side"}),
        (trade("XAUUSD", "1.50", "0.16", **GOLD), trade("XAUUSD", "2.00", "0.16", side="sell", **GOLD)),
        "Volume less what opposite trades of the day offset",
    ),
    "the last close of a position": (
        plan_with(gates={"partial_close": "final_only"}), (HALF, REST),
        "Volume of the whole position, which the last close pays for",
    ),
    "tiers at the margin": (tiers("marginal"), (trade(), trade(lots="2.00")), "All bands together"),
    "tiers once reached": (tiers("flat_on_reach"), (trade(), trade(lots="2.00")), "At the amount of that band"),
    "a cap of the day": (
        plan_with(caps={"partner": PeriodCaps(per_day=dec("9.50"))}), (trade(), trade()),
        "The cap of the period less what was earned in it before",
    ),
    "line by line": (
        plan_with(rounding_scope="line", rounding_mode="down"), (trade(lots="0.333"),),
        "Every line is rounded by itself",
    ),
    "shared with the trader": (plan_with(rebates=Rebates()), (trade(),), "What stays with the partner"),
    "a partner paid in euro": (PLAN, (trade(), trade(lots="0.07")), "The day's lines in the partner's own currency"),
    "cashback": (
        plan_with(cashback=(CashbackRule(name="all", per_lot=dec("1.25")),)), (trade(lots="0.77"),),
        "Cashback for the lots that count",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_what_made_a_line_what_it_is_can_be_computed_again(name: str) -> None:
    plan, trades, label = STORIES[name]
    stage = Stage()
    with transaction():
        if name == "shared with the trader":
            agree(Agreement("rebate", stage.ids["C"], stage.ids["D"], dec("0.25"), world.FAR_BACK, FOREVER))
        if name == "a partner paid in euro":
            wallets.choose_currency(stage.ids["A"], "EUR", by=BY)
        world.publish(plan)
        stage.store(*trades)
    world.settle(FRIDAY)

    labels = set()
    with transaction():
        for x, b in lines_of(list(stage.ids.values())):
            recompute(x, b)
            labels |= {str(one.label) for one in b.sums}
    assert label in labels


def test_a_line_that_was_taken_back_shows_the_opposite() -> None:
    stage = Stage()
    with transaction():
        world.publish(PLAN)
        [closed] = stage.store(trade())
    world.settle(FRIDAY)
    with transaction():
        stage.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
            " WHERE tenant_id = :tenant_id AND id = :id",
            no=stage.platform.batches,
            id=closed.seq,
        )
    world.settle(FRIDAY + timedelta(days=1))

    with transaction():
        found = list(lines_of([stage.ids["C"]]))
        assert {x.earning.component for x, _ in found} == {"base", "reversal"}
        for x, b in found:
            recompute(x, b)
