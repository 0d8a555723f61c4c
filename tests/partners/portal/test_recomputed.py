"""Random lines are computed again from what their explanations show, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from app.core.db import transaction
from app.kit.money import Rounding, round_decimal
from app.partners import queries
from app.partners.plan import Plan
from app.partners.portal.explaining import Background, background
from app.partners.portal.sums import Sum
from app.partners.queries import EarningFilter, Explanation
from app.partners.rules.steps import quotient_down, quotient_step
from tests.partners import draws, world, worlds

pytestmark = pytest.mark.usefixtures("here")
_day = iter(range(1, 100_000))


def by_hand(one: Sum) -> Decimal:
    """What a reader gets who types the shown numbers into a calculator, and rounds as the page says."""
    exact, divisor = Decimal(0), Decimal(1)
    is_sum = any(operator in ("+", "−") for operator, _ in one.shown_parts)
    if is_sum:
        for operator, number in one.shown_parts:
            exact += -number if operator == "−" else number
    else:
        exact = Decimal(1)
        for operator, number in one.shown_parts:
            if operator == "÷":
                divisor *= number
            else:
                exact *= number
    if isinstance(one.rounding, Rounding):
        return round_decimal(exact, one.places, one.rounding)
    return quotient_down(exact, divisor) if one.rounding == "down" else quotient_step(exact, divisor)


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
    found += [one.spread for symbol, one in plan.typical.items() if symbol == t.symbol]
    return {abs(number) for number in found if number is not None}


def rules_of(plan: Plan) -> list[Any]:
    return [*(plan.referral.rules if plan.referral else ()), *(plan.god.rules if plan.god else ()), *plan.cashback]


FACTS = (
    "volume_lots", "contract_size", "open_price", "open_bid", "open_ask", "close_bid", "close_ask", "commission",
    "profit", "multiply", "divide",
)  # fmt: skip
MORE = ("lots_paid", "lots_netted", "credit_factor", "average")


@draws.examples(15)
@given(drawn=draws.worlds())
def test_random_lines_are_computed_again_from_their_explanations(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, draws.FIRST_DAY + timedelta(days=next(_day)))
    world.settle(built.day)
    with transaction():
        for x, b in lines_of(built.ids):
            where = (x.earning, [str(one.label) for one in b.sums], built.plan)
            known = given_numbers(x, b)
            reached = set()
            for one in b.sums:
                if one.shown_parts:
                    assert by_hand(one) == one.result, (one, where)
                else:
                    assert abs(one.result) in known | reached, (one, where)
                reached.add(one.result)
            assert {x.facts.lots, x.amount_before_cap, x.earning.amount} <= reached, where
            if b.batch is not None and built.plan.rounding_scope == "day":
                assert {b.batch.posted.amount, b.batch.carry_out} <= reached, where
