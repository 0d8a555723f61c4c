"""An explanation holds every number that a person needs to compute the line again, and they do give it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, tenant_scope, transaction
from app.core.errors import NotFound
from app.kit.money import Rounding, round_decimal
from app.partners import labels, queries
from app.partners.plan import Caps, GodRule, GodTrack, Plan, ReferralRule, ReferralTrack
from app.partners.portal.explaining import Background, background
from app.partners.queries import EarningFilter, Explanation
from app.partners.rules.facts import ReasonCode
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.trades import LEVELS, PLAN, dec, plan_with

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HALVES = ReferralTrack(levels=LEVELS, level_base="previous")


def rules(kind: str, **more: Any) -> ReferralTrack:
    rule = ReferralRule(name="other", kind=kind, **more)  # type: ignore[arg-type]  # The parameter names a kind.
    return ReferralTrack(levels=LEVELS, rules=(rule,))


def caps(**given: Any) -> Plan:
    return plan_with(caps=Caps(**given))


def nested(policy: str, **more: Any) -> Plan:
    track = GodTrack(nested_policy=policy, **more)  # type: ignore[arg-type]  # The parameter names a policy.
    return plan_with(god=track)


PLANS = {
    "plain": PLAN,
    "of the level below": plan_with(referral=HALVES),
    "spread at the closing": plan_with(referral=ReferralTrack(levels=LEVELS, spread_basis="close")),
    "mean of both spreads": plan_with(referral=ReferralTrack(levels=LEVELS, spread_basis="half_half")),
    "commission of the client": plan_with(referral=rules("pct_commission")),
    "profit of the client": plan_with(referral=rules("pct_profit")),
    "for every lot": plan_with(referral=rules("per_lot", rate=dec("3.3"))),
    "for every million": plan_with(referral=rules("per_million", rate=dec("25"))),
    "difference": nested("difference"),
    "split": nested("split", split_shares=(dec("0.3"),)),
    "highest": nested("highest"),
    "weighted": nested("full", rules=(GodRule(name="default", weight=dec("0.7")),)),
    "cap of each trade": plan_with(
        god=GodTrack(nested_policy="full", rules=(GodRule(name="default", max_per_event=dec("3")),))
    ),
    "cap per lot": caps(max_total_per_lot=dec("11")),
    "cap per lot, alike": caps(max_total_per_lot=dec("11"), cap_policy="pro_rata"),
    "cap per lot, nearest first": caps(max_total_per_lot=dec("7"), cap_policy="nearest_first"),
    "cap per lot, top first": caps(max_total_per_lot=dec("9"), cap_policy="top_first"),
    "cap of the revenue": caps(max_total_share_of_revenue=dec("0.63")),
    "rounded down": plan_with(rounding_mode="down"),
    "lots that count less": plan_with(volume_multipliers={"EURUSD": dec("0.333")}),
}


def settle(plan: Plan) -> tuple[list[UUID], list[int]]:
    """A day under the plan: C, B and A above the trader, B and A with amounts per lot; trades in two currencies."""
    trader, c, b, a = (world.make_client(name) for name in ("Dan Trader", "Carl Near", "Bea Middle", "Ann Top"))
    for child, parent in ((trader, c), (c, b), (b, a)):
        world.link(child, parent)
    world.grant(b, dec(5))
    world.grant(a, dec(8))
    world.publish(plan)
    common = {"client_id": trader, "opened_at": NOON - timedelta(minutes=9), "closed_at": NOON}
    yen = {"symbol": "USDJPY", "profit_currency": "JPY", "open_bid": dec("118.868"), "open_ask": dec("118.888"),
           "close_bid": dec("118.900"), "close_ask": dec("118.907"), "open_price": dec("118.888"),
           "close_price": dec("118.900")}  # fmt: skip
    trades = world.make_platform().store(
        [
            {**common, "volume_lots": dec("0.37"), "commission": dec("-2.35"), "profit": dec("31.02")},
            {**common, **yen, "volume_lots": dec("0.5"), "commission": dec("-1.10"), "profit": dec("8.83")},
        ]
    )
    return [c, b, a], trades


def explained(partner: UUID, trade: int, track: str) -> tuple[Explanation, Background]:
    x = queries.explain(partner, trade, 0, track, "base")
    return x, background(x)


@pytest.mark.parametrize("name", PLANS)
def test_every_line_can_be_computed_again_from_what_is_shown(here: None, name: str) -> None:
    with transaction():
        partners, _trades = settle(PLANS[name])
    world.settle(DAY)
    seen = 0
    with transaction():
        for partner in partners:
            for earning in queries.earnings(partner, EarningFilter(kind="paid"), limit=50)[0]:
                x, b = explained(partner, earning.trade_id, earning.track)
                computed = [one for one in b.sums if one.parts]
                assert [str(one.label) for one in computed if not one.holds] == [], (name, x.earning)
                reached = {one.result for one in b.sums}
                assert {x.facts.lots, x.amount_before_cap, earning.amount} <= reached
                assert x.facts.base in reached or earning.track == "god"
                assert b.batch is not None
                assert b.batch.posted.amount in reached
                assert b.batch.carry_out in reached
                seen += 1
    assert seen >= 4


def test_a_capped_line_shows_all_that_shared_the_cap(here: None) -> None:
    with transaction():
        partners, trades = settle(caps(max_total_per_lot=dec("11"), cap_policy="pro_rata"))
    world.settle(DAY)
    with transaction():
        x, b = explained(partners[0], trades[0], "referral")
        everything = sum(one.amount for one in b.siblings)

    assert {(one.track, one.distance) for one in b.siblings} == {
        ("referral", 1), ("referral", 2), ("referral", 3), ("god", 2), ("god", 3),
    }  # fmt: skip
    limit = x.facts.lots * 11
    assert limit - Decimal("0.000000001") < everything <= limit
    shown = [one.shown_parts for one in b.sums if one.rounding == "down"]
    assert shown[0][0][1] == x.amount_before_cap


def test_it_names_trade_quotes_rate_rule_path_verdict_run_and_journal(here: None) -> None:
    with transaction():
        partners, trades = settle(PLAN)
    run = world.settle(DAY)
    with transaction():
        x, b = explained(partners[0], trades[1], "referral")

    assert (b.more.platform_name, b.more.group_name, b.more.position_id) == ("Test", "standard", trades[1])
    assert (x.facts.open_bid, x.facts.open_ask, x.facts.spread_source) == (dec("118.868"), dec("118.888"), "deal")
    assert (x.facts.rate_source, x.facts.rate_at.date()) == ("ecb", DAY)
    assert (x.rule, b.rule_number, x.version.number) == ("default", 1, 1)
    assert [step.partner_id for step in x.path] == partners
    assert {step.link_id for step in x.path} == set(b.links)
    assert (b.more.run_id, b.more.verdict) == (run.id, None)
    assert b.batch is not None
    assert b.batch.entry_id is not None
    assert b.batch.posted.amount == round_decimal(b.batch.carry_in + b.batch.lines, 2, Rounding.HALF_EVEN)


def test_a_line_of_somebody_else_does_not_exist(here: None) -> None:
    with transaction():
        partners, trades = settle(PLAN)
        outsider = world.make_client("Olga Outside")
    world.settle(DAY)
    with transaction(), pytest.raises(NotFound):
        queries.explain(outsider, trades[0], 0, "referral", "base")
    with tenant_scope(THERE), transaction(), pytest.raises(NotFound):
        queries.explain(partners[0], trades[0], 0, "referral", "base")


def test_every_reason_is_a_sentence() -> None:
    assert set(ReasonCode) == set(labels.REASONS)
    assert all(str(sentence).endswith(".") for sentence in labels.REASONS.values())


def test_a_verdict_is_shown_with_its_evidence(here: None) -> None:
    with transaction():
        partners, trades = settle(PLAN)
        execute_sql(
            "INSERT INTO trade_verdict (tenant_id, trade_id, verdict, reason, decided_by, decided_at)"
            " VALUES (:tenant_id, :trade, 'hold', 'case 7', 'Officer', :at)",
            trade=trades[0],
            at=NOON,
        )
    world.settle(DAY)
    with transaction():
        _x, b = explained(partners[0], trades[0], "referral")

    assert (b.more.verdict, b.more.verdict_reason, b.more.verdict_by) == ("hold", "case 7", "Officer")
    assert b.hold is not None
    assert (b.hold.held_on, b.hold.outcome) == (DAY, None)
    assert b.batch is None


def test_unpaid_trades_are_narrowed_to_one_reason(here: None) -> None:
    with transaction():
        partners, _trades = settle(nested("difference"))
        world.grant(partners[0], dec(20))
        world.publish(nested("difference"))
    world.settle(DAY)
    with transaction():
        found, total = queries.earnings(partners[1], EarningFilter(reason="NESTED_POLICY"), limit=50)
        nothing, _ = queries.earnings(partners[1], EarningFilter(reason="DEMO"), limit=50)

    assert {(one.track, one.reason) for one in found} == {("god", "NESTED_POLICY")}
    assert (len(found), total, nothing) == (2, 2, [])
