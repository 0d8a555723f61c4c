"""Worked example 9 of the commission rules, in both engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, transaction
from app.partners.awards import engine
from app.partners.awards.rules import ClientState, Money, cpa_step, share_out
from app.partners.awards.terms import AwardRule, Conditions, LadderStep
from app.partners.plan import Level, Plan, ReferralRule, ReferralTrack
from app.partners.rules import Facts, Path, Upline
from app.partners.settlement import run as settlement
from tests.partners import world
from tests.partners.awards import cash
from tests.partners.trades import C, D, dec, plan_with

FIRST_DAY = date(2026, 3, 2)
LADDER = tuple(
    LadderStep(deposit=dec(deposit), pays=dec(pays))
    for deposit, pays in ((100, 35), (200, 60), (500, 120), (1000, 150))
)
CPA = AwardRule(name="cpa", ladder=LADDER, conditions=Conditions(min_lots=dec(1)))


def plan_of(rule: AwardRule, per_lot: str = "0") -> Plan:
    """The rule, and beside it the direct partner's share of 8 USD per lot."""
    track = ReferralTrack(
        levels=(Level(name="Direct", share=dec(per_lot)),),
        rules=(ReferralRule(name="default", kind="per_lot", rate=dec(8)),),
    )
    return plan_with(referral=track, god=None, awards=(rule,))


HALF = AwardRule(name="cpa", ladder=LADDER, conditions=CPA.conditions, weight=dec("0.5"))
HYBRID = plan_of(HALF, "0.5")


@dataclass(frozen=True)
class Day:
    number: int
    cpa: str  # What the CPA rule pays, and the hybrid's two halves.
    half: str = "0"
    per_lot: str = "0"
    deposit: str = ""
    lots: str = ""
    withdrawal: str = ""


STORY = (
    Day(1, "0", deposit="250"),
    Day(2, "60", "30", "4.80", lots="1.20"),
    Day(9, "90", "45", "8.00", deposit="800", lots="2.00"),
    Day(12, "0", withdrawal="900"),
)


def at(day: int) -> datetime:
    return datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 12, tzinfo=UTC) + timedelta(days=day - 1)


@pytest.mark.parametrize(("plan", "part"), [(plan_of(CPA), "cpa"), (HYBRID, "half")])
def test_example_09_cpa_ladder_and_hybrid_in_the_reference(plan: Plan, part: str) -> None:
    rule = plan.awards[0]
    client, paid, reasons = ClientState(), dec(0), []
    for day in STORY:
        money = [Money(at(day.number), dec(day.deposit))] if day.deposit else []
        money += [Money(at(day.number), -dec(day.withdrawal))] if day.withdrawal else []
        client = replace(client, money=(*client.money, *money), lots=client.lots + dec(day.lots or "0"))
        step = cpa_step(rule, client, at(day.number) + timedelta(hours=12))
        today = dec(0)
        if step is not None:
            client = replace(client, owed=client.owed + step.amount)
            lines, refusals = share_out(rule, step, D, Path((Upline(C, 1),)), plan, Facts())
            today = sum((line.amount for line in lines), dec(0))
            reasons += [(day.number, refusal.primary, step.missing) for refusal in refusals]
        assert today == dec(getattr(day, part))
        paid += today

    assert paid == dec("150.00") * rule.weight
    assert reasons == [(1, "CPA_NOT_QUALIFIED", ("lots",))]


BRIEF = tuple(replace(day, number=place) for place, day in enumerate(STORY, 1))  # Without the days between.


def tell(plan: Plan, story: tuple[Day, ...] = STORY) -> UUID:
    """The story in the product, settled day after day; answers the partner."""
    with transaction():
        partner, client = world.make_client("C"), world.make_client("D")
        world.link(client, partner)
        world.publish(plan)
        platform = world.make_platform()
    for number in range(1, story[-1].number + 1):
        day = next((one for one in story if one.number == number), None)
        with transaction():
            if day is not None and day.deposit:
                cash.deposit(client, day.deposit, at(number))
            if day is not None and day.withdrawal:
                cash.withdrawal(client, day.withdrawal, at(number))
            if day is not None and day.lots:
                closed = at(number)
                platform.store(
                    [
                        {
                            "client_id": client,
                            "volume_lots": dec(day.lots),
                            "opened_at": closed - timedelta(seconds=180),
                            "closed_at": closed,
                        }
                    ]
                )
        world.settle(FIRST_DAY + timedelta(days=number - 1))
    return partner


def awarded() -> dict[int, Decimal]:
    return {(row.business_date - FIRST_DAY).days + 1: row.amount for row in cash.awards()}


def posted(partner: UUID) -> Decimal:
    minor = in_transaction(
        lambda: execute_sql(
            "SELECT sum(posted_minor) FROM commission_statement WHERE tenant_id = :tenant_id AND partner_id = :partner",
            partner=partner,
        ).scalar_one()
    )
    return Decimal(minor) / 100


@pytest.mark.usefixtures("here")
def test_example_09_cpa_ladder_pays_150() -> None:
    partner = tell(plan_of(CPA))

    assert awarded() == {2: dec("60.00"), 9: dec("90.00")}
    assert posted(partner) == dec("150.00")
    [reason] = cash.reasons()
    assert (reason.business_date, reason.partner_id, reason.reason) == (FIRST_DAY, partner, "CPA_NOT_QUALIFIED")
    assert (reason.detail["missing"], reason.detail["lots"]) == (["lots"], "0")


@pytest.mark.usefixtures("here")
def test_example_09_hybrid_pays_87_80() -> None:
    partner = tell(HYBRID)

    assert awarded() == {2: dec("30.00"), 9: dec("45.00")}
    assert {line[7] for line in world.lines()} == {dec("4.80"), dec("8.00")}
    assert posted(partner) == dec("87.80")


@pytest.mark.usefixtures("here")
def test_example_09_takes_back_what_a_withdrawal_undoes_when_the_plan_says_so() -> None:
    partner = tell(
        plan_of(AwardRule(name="cpa", ladder=LADDER, conditions=CPA.conditions, clawback_on_withdrawal=True)), BRIEF
    )

    assert awarded() == {2: dec("60.00"), 3: dec("90.00"), 4: dec("-115.00")}
    assert posted(partner) == dec("35.00")  # What the ladder says for 150.


@pytest.mark.usefixtures("here")
def test_a_run_that_is_taken_up_again_pays_nothing_twice() -> None:
    tell(plan_of(CPA), BRIEF[:2])
    before = cash.awards()

    engine.compute(in_transaction(settlement.get, FIRST_DAY + timedelta(days=1)))

    assert cash.awards() == before
