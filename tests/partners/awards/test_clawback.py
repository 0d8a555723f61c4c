"""Worked example 10: hold, release and clawback in the ledger, and who may take commission back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.partners.awards import clawbacks
from app.partners.awards.models import ClawbackStatus
from app.partners.awards.terms import AwardRule
from app.partners.payouts import service as payouts
from app.partners.plan import Level, Plan, ReferralRule, ReferralTrack
from app.partners.settlement import run as settlement
from tests.partners import world
from tests.partners.awards import cash
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY

FRIDAY = date(2026, 11, 20)
ANNA, BORIS = (Actor(kind="staff", id=new_id(), name=name) for name in ("Anna", "Boris"))


def plan_of(*awards: AwardRule) -> Plan:
    track = ReferralTrack(
        levels=(Level(name="Direct", share=dec(1)),),
        rules=(ReferralRule(name="default", kind="per_lot", rate=dec(10)),),
    )
    return plan_with(referral=track, god=None, awards=awards)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


class Story:
    """A partner, their client, and days that are settled one after the other."""

    def __init__(self, plan: Plan) -> None:
        with transaction():
            self.partner, self.client = world.make_client("P"), world.make_client("D")
            world.link(self.client, self.partner)
            world.publish(plan)
            self.platform = world.make_platform()

    def trade(self, day: date, lots: str) -> None:
        with transaction():
            self.platform.store(
                [
                    {
                        "client_id": self.client,
                        "volume_lots": dec(lots),
                        "opened_at": at(day) - timedelta(minutes=10),
                        "closed_at": at(day),
                    }
                ]
            )

    def ask(self, since: date, trigger: str = "chargeback", deposit: UUID | None = None, by: Actor = ANNA) -> Any:
        return in_transaction(
            clawbacks.ask, self.client, trigger, since, "The bank took it back.", deposit_id=deposit,
            once=str(new_id()), by=by,
        )  # fmt: skip

    @property
    def balances(self) -> dict[str, Decimal]:
        return world.balances(self.partner)


@pytest.fixture
def on_day(here: None) -> Iterator[Any]:
    """A business clock that stands where a test puts it."""
    with clock.frozen(at(FRIDAY)) as frozen:
        yield frozen


def expense() -> Decimal:
    minor = in_transaction(
        lambda: execute_sql(
            "SELECT coalesce(sum(p.amount_minor), 0) FROM posting AS p JOIN wallet AS w USING (tenant_id)"
            " WHERE p.tenant_id = :tenant_id AND w.id = p.wallet_id AND w.purpose = 'commission'"
        ).scalar_one()
    )
    return -Decimal(minor) / 100


@pytest.mark.usefixtures("here")
def test_example_10_holds_releases_and_claws_back() -> None:
    story = Story(plan_of())
    with transaction():
        deposit = cash.deposit(story.client, "500", at(FRIDAY, 8))
    story.trade(FRIDAY, "2.00")
    with clock.frozen(at(FRIDAY + timedelta(days=1), 0)):
        world.settle(FRIDAY)
        assert settlement.release(BY) == 0
    assert story.balances == {"temporary": dec("20.00"), "redeem": 0}

    for days in (1, 2):
        with clock.frozen(at(FRIDAY + timedelta(days=days + 1), 0)):
            world.settle(FRIDAY + timedelta(days=days))
    tuesday = FRIDAY + timedelta(days=4)
    with clock.frozen(at(tuesday, 0)):
        assert settlement.release(BY) == 1
        assert story.balances == {"temporary": 0, "redeem": dec("20.00")}
        in_transaction(world.pay_out, story.partner, "15.00", "one")
    story.trade(FRIDAY + timedelta(days=3), "1.20")
    with clock.frozen(at(tuesday, 1)):
        world.settle(FRIDAY + timedelta(days=3))
        assert story.balances == {"temporary": dec("12.00"), "redeem": dec("5.00")}
        asked = story.ask(FRIDAY, deposit=deposit)
        assert [(row.partner_id, row.lines, row.amount) for row in in_transaction(
            clawbacks.preview, story.client, FRIDAY
        )] == [(story.partner, 2, dec("32.00"))]  # fmt: skip
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)
    with clock.frozen(at(tuesday + timedelta(days=1), 0)):
        world.settle(tuesday)
    assert story.balances == {"temporary": 0, "redeem": dec("-15.00")}
    done = in_transaction(clawbacks.clawback, asked.id)
    assert (done.status, done.applied_on, done.lines, done.amount) == (
        ClawbackStatus.APPLIED, tuesday, 2, dec("32.00"),
    )  # fmt: skip

    wednesday = tuesday + timedelta(days=1)
    story.trade(wednesday, "1.80")
    with clock.frozen(at(wednesday + timedelta(days=1), 0)):
        world.settle(wednesday)
    for days in (1, 2, 3):
        with clock.frozen(at(wednesday + timedelta(days=days + 1), 0)):
            world.settle(wednesday + timedelta(days=days))
    with clock.frozen(at(wednesday + timedelta(days=4), 0)):
        settlement.release(BY)
        assert story.balances == {"temporary": 0, "redeem": dec("3.00")}
        with pytest.raises(payouts.NotEnoughRedeemable):
            in_transaction(world.pay_out, story.partner, "5.00", "two")
        in_transaction(world.pay_out, story.partner, "3.00", "three")
    assert expense() == dec("18.00")


@pytest.mark.usefixtures("here")
def test_a_chargeback_takes_the_cpa_back_and_what_is_left_counts_anew() -> None:
    story = Story(plan_of(AwardRule(name="cpa", amount=dec(50))))
    with transaction():
        cash.deposit(story.client, "100", at(FRIDAY, 8))
        charged = cash.deposit(story.client, "400", at(FRIDAY, 9))
    world.settle(FRIDAY)
    assert story.balances["temporary"] == 50

    with clock.frozen(at(FRIDAY + timedelta(days=1))):
        asked = story.ask(FRIDAY, deposit=charged)
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)
    world.settle(FRIDAY + timedelta(days=1))
    assert story.balances["temporary"] == 0

    world.settle(FRIDAY + timedelta(days=2))
    assert story.balances["temporary"] == 50  # The other deposit of 100 stayed.
    assert [row.amount for row in cash.awards()] == [dec(50), dec(-50), dec(50)]


@pytest.mark.usefixtures("here")
def test_what_was_taken_back_for_fraud_is_not_earned_again() -> None:
    story = Story(plan_of(AwardRule(name="cpa", amount=dec(50))))
    with transaction():
        cash.deposit(story.client, "100", at(FRIDAY, 8))
    story.trade(FRIDAY, "1.00")
    world.settle(FRIDAY)
    with clock.frozen(at(FRIDAY + timedelta(days=1))):
        asked = story.ask(FRIDAY, "fraud")
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)
    for days in (1, 2):
        world.settle(FRIDAY + timedelta(days=days))

    assert story.balances == {"temporary": 0, "redeem": 0}


@pytest.mark.usefixtures("on_day")
def test_the_second_person_must_be_another_one() -> None:
    story = Story(plan_of())
    asked = story.ask(FRIDAY, "fraud")

    with pytest.raises(clawbacks.SamePerson):
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=ANNA)
    in_transaction(clawbacks.decide, asked.id, agrees=False, by=BORIS)
    with pytest.raises(clawbacks.AlreadyDecided):
        in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)


@pytest.mark.usefixtures("on_day")
@pytest.mark.parametrize(
    ("since", "trigger", "field"),
    [
        (FRIDAY - timedelta(days=91), "fraud", "since"),
        (FRIDAY + timedelta(days=1), "fraud", "since"),
        (FRIDAY, "chargeback", "deposit"),
        (FRIDAY, "weather", "trigger"),
    ],
)
def test_what_the_plan_does_not_allow_is_refused_beside_its_field(since: date, trigger: str, field: str) -> None:
    story = Story(plan_of())

    with pytest.raises(Invalid) as refused:
        story.ask(since, trigger)
    assert refused.value.field == field


@pytest.mark.usefixtures("pays")
def test_another_tenants_clients_and_requests_are_not_there() -> None:
    with tenant_scope(THERE):
        there = Story(plan_of())
        with clock.frozen(at(FRIDAY)):
            asked = there.ask(FRIDAY, "fraud")
    with tenant_scope(HERE), clock.frozen(at(FRIDAY)):
        here = Story(plan_of())
        for client in (there.client, new_id()):
            with pytest.raises(NotFound):
                in_transaction(clawbacks.preview, client, FRIDAY)
        with pytest.raises(NotFound):
            in_transaction(clawbacks.decide, asked.id, agrees=True, by=BORIS)
        with transaction():
            deposit = cash.deposit(here.client, "10", at(FRIDAY))
            stranger = world.make_client("Stranger")
        with pytest.raises(NotFound):
            in_transaction(
                clawbacks.ask, stranger, "chargeback", FRIDAY, "Not this one's.", deposit_id=deposit, once="x", by=ANNA
            )
