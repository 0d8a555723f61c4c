"""Worked examples 8 to 11 and 14: moves, awards, holds, rounding and rebates, in both engines and in the books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, transaction
from app.kit import clock
from app.kit.ids import new_id
from app.ledger import service as ledger
from app.partners.awards import clawbacks
from app.partners.payouts import service as payouts
from app.partners.plan import Level, Plan, ReferralRule, ReferralTrack
from app.partners.rebates.terms import Rebates
from app.partners.rules import Agreement, Facts, Path, Upline, settle_trade, share_out
from app.partners.rules.posting import post_day
from app.partners.settlement import posting
from app.partners.settlement import run as settlement
from app.referrals import service as referrals
from app.referrals.rules import FOREVER
from tests.partners import world
from tests.partners.awards import cash
from tests.partners.examples.stage import FRIDAY, Stage, at
from tests.partners.rebates.agreements import agree, shares
from tests.partners.trades import PLAN, dec, plan_with, trade
from tests.partners.world import BY

pytestmark = pytest.mark.usefixtures("here")
SATURDAY = FRIDAY + timedelta(days=1)
NOTHING = dec(0)


@pytest.mark.parametrize(
    ("tree_as_of", "move_effective", "paid"),
    [
        ("close", "immediate", "Q"),
        ("close", "next_settlement_day", "P"),
        ("open", "immediate", "P"),
        ("open", "next_settlement_day", "P"),
    ],
)
def test_example_08_the_client_moves_to_another_partner(
    tree_as_of: str, move_effective: Literal["immediate", "next_settlement_day"], paid: str
) -> None:
    plan = plan_with(referral=None, tree_as_of=tree_as_of, move_effective=move_effective)
    stage = Stage(("P",), {"P": "8.00"})
    with transaction():
        q = world.make_client("Q")
        world.grant(q, dec(8))
        world.publish(plan)
    with clock.frozen(at(FRIDAY, 12)), transaction():
        referrals.move(
            stage.ids["D"],
            q,
            when=move_effective,
            reason="asked for it",
            by=BY,
            request_id="move",
        )
    with transaction():
        [closed] = stage.store(trade(lots="2.00", opened_at=at(FRIDAY, 9), held=timedelta(hours=6)))
    world.settle(FRIDAY)

    [line] = world.lines()
    assert (line[2], line[7]) == ({"P": stage.ids["P"], "Q": q}[paid], dec("16.00"))
    assert world.balances(line[2])["temporary"] == dec("16.00")
    as_of = closed.closed_at if tree_as_of == "close" else closed.opened_at
    assert as_of is not None
    moved = at(FRIDAY, 12) if move_effective == "immediate" else at(SATURDAY, 0)
    path = Path((Upline(q if as_of >= moved else stage.ids["P"], 1, dec(8)),))
    assert [(one.partner_id, one.amount) for one in settle_trade(closed, path, plan, Facts()).lines] == [
        (line[2], dec(16))
    ]


AT_TEN = ReferralTrack(
    levels=(Level(name="Direct", share=dec(1)),), rules=(ReferralRule(name="default", kind="per_lot", rate=dec(10)),)
)
ANNA, BORIS = (Actor(kind="staff", id=new_id(), name=name) for name in ("Anna", "Boris"))


def settle_days(first: date, count: int) -> None:
    """Settle days one after the other, each at the midnight that ends it."""
    for number in range(count):
        day = first + timedelta(days=number)
        with clock.frozen(at(day + timedelta(days=1), 0)):
            world.settle(day)


def expense() -> Decimal:
    return in_transaction(lambda: -ledger.balance(ledger.wallet(posting.EXPENSE, "commission", "USD").id).amount)


def balances(stage: Stage) -> tuple[Decimal, Decimal]:
    return stage.temporary("P"), stage.redeemable("P")


def ten_per_lot(plan: Plan, stage: Stage, day: date, lots: str) -> Decimal:
    """A trade of the day in the product; answers what the reference pays for it."""
    with transaction():
        [closed] = stage.store(trade(lots=lots, opened_at=at(day, 11)))
    [line] = settle_trade(closed, stage.path, plan, Facts()).lines
    return line.amount


def test_example_10_hold_release_clawback() -> None:
    plan = plan_with(referral=AT_TEN, god=None)
    stage = Stage(("P",), {})
    with transaction():
        world.publish(plan)
        deposit = cash.deposit(stage.ids["D"], "500", at(FRIDAY, 8))
    tuesday = FRIDAY + timedelta(days=4)

    first = ten_per_lot(plan, stage, FRIDAY, "2.00")
    settle_days(FRIDAY, 3)
    assert balances(stage) == (first, NOTHING) == (dec("20.00"), NOTHING)
    with clock.frozen(at(tuesday, 0) - timedelta(seconds=1)):
        assert settlement.release(BY) == 0
    with clock.frozen(at(tuesday, 0)):
        assert settlement.release(BY) == 1
        assert balances(stage) == (NOTHING, dec("20.00"))
        in_transaction(world.pay_out, stage.ids["P"], "15.00", "one")

    second = ten_per_lot(plan, stage, tuesday - timedelta(days=1), "1.20")
    settle_days(tuesday - timedelta(days=1), 1)
    assert balances(stage) == (second, dec("5.00")) == (dec("12.00"), dec("5.00"))

    with clock.frozen(at(tuesday, 1)):
        asked = in_transaction(
            clawbacks.ask, stage.ids["D"], "chargeback", FRIDAY, "The bank took it back.", deposit_id=deposit,
            once="once", by=ANNA,
        )  # fmt: skip
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)
    settle_days(tuesday, 1)
    assert sorted(line[7] for line in world.lines() if line[3] == "reversal") == [-first, -second]
    assert balances(stage) == (NOTHING, dec("-15.00"))

    wednesday = tuesday + timedelta(days=1)
    third = ten_per_lot(plan, stage, wednesday, "1.80")
    settle_days(wednesday, 4)
    with clock.frozen(at(wednesday + timedelta(days=4), 0)):
        settlement.release(BY)
        assert balances(stage) == (NOTHING, dec("3.00"))
        with pytest.raises(payouts.NotEnoughRedeemable):
            in_transaction(world.pay_out, stage.ids["P"], "5.00", "two")
        in_transaction(world.pay_out, stage.ids["P"], "3.00", "three")

    assert third == dec("18.00")
    assert expense() == first + second - second - first + third == dec("15.00") + dec("3.00")


def test_example_10_three_business_days_end_later() -> None:
    stage = Stage(("P",), {})
    plan = plan_with(referral=AT_TEN, god=None, audit_calendar="business")
    stage.play(plan, trade(lots="2.00"))

    with clock.frozen(datetime(2026, 11, 25, 23, 59, tzinfo=UTC)):
        assert posting.release_due(clock.business_now(), BY) == 0
    with clock.frozen(datetime(2026, 11, 26, tzinfo=UTC)):
        assert posting.release_due(clock.business_now(), BY) == 1
    assert balances(stage) == (NOTHING, dec("20.00"))


def small(day: date, count: int) -> Iterator[Any]:
    for second in range(count):
        yield trade(lots="0.01", opened_at=at(day, 10) + timedelta(seconds=second))


@pytest.mark.parametrize(
    ("scope", "mode", "day_1", "carry_1", "day_2", "carry_2"),
    [
        ("day", "half_even", "0.34", "-0.004", "0.14", "0"),
        ("line", "half_even", "0.35", "-0.014", "0.15", "-0.006"),
        ("line", "down", "0.28", "0.056", "0.12", "0.024"),
    ],
)
def test_example_11_rounding_and_carry(
    scope: str, mode: str, day_1: str, carry_1: str, day_2: str, carry_2: str
) -> None:
    assert PLAN.referral is not None
    plan = plan_with(referral={"levels": PLAN.referral.levels[:1]}, god=None, rounding_scope=scope, rounding_mode=mode)
    stage = Stage()
    key = ("C", "referral")

    first = stage.play(plan, *small(FRIDAY, 7))
    assert {line["R1 C"] for line in first.raw} == {dec("0.048")}
    assert (first.total, first.posted[key], first.carried[key]) == (dec("0.336"), dec(day_1), dec(carry_1))
    second = stage.play(plan, *small(SATURDAY, 3), day=SATURDAY, publish=False, carry=first.carried)
    assert (second.total, second.posted[key], second.carried[key]) == (dec("0.144"), dec(day_2), dec(carry_2))
    assert stage.temporary("C") == dec(day_1) + dec(day_2)
    assert post_day([dec("0.048")] * 7, dec(0), plan, "USD").posted.amount == dec(day_1)


SHARING = plan_with(rebates=Rebates())


def shared_stage() -> tuple[Stage, Agreement]:
    stage = Stage()
    agreement = Agreement("rebate", stage.ids["C"], stage.ids["D"], dec("0.25"), world.FAR_BACK, FOREVER)
    with transaction():
        world.publish(SHARING)
        agree(agreement)
    return stage, agreement


def waits_and_is_free(stage: Stage, name: str) -> tuple[Decimal, Decimal]:
    return stage.temporary(name), stage.redeemable(name)


def test_example_14_rebate_to_the_trader() -> None:
    stage, agreement = shared_stage()
    with transaction():
        [closed] = stage.store(trade())
    world.settle(FRIDAY)
    outcome = settle_trade(closed, stage.path, SHARING, Facts())
    [share] = share_out(closed, stage.path, outcome.lines, SHARING, Facts(), [agreement])

    assert {(one[2], one[3], one[6]) for one in shares()} == {(share.giver_id, share.receiver_id, share.amount)}
    assert share.amount == dec("1.20")
    assert (stage.temporary("C"), stage.temporary("D")) == (dec("3.60"), dec("1.20"))
    due = datetime(2026, 11, 24, tzinfo=UTC)
    posting.release_due(due - timedelta(seconds=1), BY)
    assert (stage.redeemable("C"), stage.redeemable("D")) == (NOTHING, NOTHING)
    posting.release_due(due, BY)
    assert (stage.redeemable("C"), stage.redeemable("D")) == (dec("3.60"), dec("1.20"))


def test_example_14_a_rejected_line_takes_the_rebate_with_it() -> None:
    stage, _ = shared_stage()
    with transaction():
        [closed] = stage.store(trade())
    world.settle(FRIDAY)
    with transaction():
        take_away(stage, closed.seq)
    world.settle(SATURDAY)

    assert [waits_and_is_free(stage, name) for name in "CD"] == [(NOTHING, NOTHING)] * 2


def take_away(stage: Stage, trade_id: int) -> None:
    """The platform cancels a trade."""
    stage.platform.batches += 1
    execute_sql(
        "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
        " WHERE tenant_id = :tenant_id AND id = :id",
        no=stage.platform.batches,
        id=trade_id,
    )
