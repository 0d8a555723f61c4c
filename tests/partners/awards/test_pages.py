"""Awards as people see them: the plan editor, a partner's list and explanations, taking back by two people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from flask import Flask

from app.core.db import in_transaction, tenant_scope, transaction
from app.partners import bundle
from app.partners.awards import clawbacks
from app.partners.awards.forms import fill_award_rule
from app.partners.awards.models import ClawbackStatus
from app.partners.awards.terms import AwardRule, ClawbackTerms, Conditions, LadderStep
from app.partners.drafts import service as drafts
from app.partners.drafts.golden import GoldenExample, check
from app.partners.plan import Caps, Level, PartnersBundle, Plan, ReferralRule, ReferralTrack
from tests.partners import world
from tests.partners.awards import cash
from tests.partners.test_pages import add_partners
from tests.partners.trades import dec, plan_with
from tests.support.brands import (
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
    hash_once,
    make_staff,
    make_trader,
    north,
    south,
)
from tests.support.browsing import text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

DAY = datetime.now(UTC).date() - timedelta(days=6)
NOON = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
RULE = AwardRule(
    name="Starter",
    ladder=(LadderStep(deposit=dec(100), pays=dec(35)), LadderStep(deposit=dec(200), pays=dec(60))),
    conditions=Conditions(min_lots=dec(1)),
)
SHARE = AwardRule(name="Deposits", kind="pct_deposit", share=dec("0.05"), window_days=2)
PLAN = plan_with(
    referral=ReferralTrack(
        levels=(Level(name="Direct", share=dec(1)),),
        rules=(ReferralRule(name="default", kind="per_lot", rate=dec(2)),),
    ),
    god=None,
    caps=Caps(max_total_per_lot=dec(10)),
    awards=(RULE,),
)


@dataclass
class Shop:
    """A brand whose partner Pia brought in Dan, who deposited and traded enough, and Eve, who has not traded enough."""

    brand: Brand
    pia: Person
    dan: Person
    deposit: UUID


@pytest.fixture
def shop(north: Brand) -> Shop:
    add_partners(north)
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    eve = make_trader(north, "eve@example.com", name="Eve Beginner")
    with tenant_scope(north.id):
        with transaction():
            assert pia.client_id is not None
            platform = world.make_platform()
            deposits = []
            for one, lots in ((dan, "1.50"), (eve, "0.40")):
                assert one.client_id is not None
                world.link(one.client_id, pia.client_id)
                deposits.append(cash.deposit(one.client_id, "250", NOON - timedelta(hours=2)))
                platform.store(
                    [
                        {
                            "client_id": one.client_id,
                            "volume_lots": dec(lots),
                            "opened_at": NOON - timedelta(minutes=10),
                            "closed_at": NOON,
                        }
                    ]
                )
            world.publish(PLAN)
        world.settle(DAY)
    return Shop(north, pia, dan, deposits[0])


@pytest.mark.parametrize(("audience", "prefix"), [("partner", ""), ("cabinet", "/partner")])
def test_a_partner_sees_awards_what_is_missing_and_every_number(
    app: Flask, shop: Shop, audience: str, prefix: str
) -> None:
    browser = browser_of(app, shop.brand, shop.pia, audience)

    listed = text_of(browser.get(f"{prefix}/awards/"))
    assert "Dan T." in listed
    assert "60.00" in listed
    assert "0.40 of 1.00" in listed.translate(dict.fromkeys((0x2066, 0x2068, 0x2069)))
    assert "Eve B." in listed
    key = f"Starter:{shop.dan.client_id}:{DAY.isoformat()}"
    shown = text_of(browser.get(f"{prefix}/awards/one?kind=cpa&key={key}&component=base"))
    assert "250" in shown
    assert "60 − 0 = 60 USD" in shown
    dispute = browser.get(f"{prefix}/disputes/open-award?kind=cpa&key={key}")
    assert f"{prefix}/disputes/open-award" in browser.get(f"{prefix}/awards/one?kind=cpa&key={key}").text
    assert "60.00" in text_of(dispute)
    assert browser.get(f"{prefix}/awards/one?kind=cpa&key=Starter:nobody&component=base").status_code == 404
    assert "For a client who deposits" in text_of(browser.get(f"{prefix}/statements/{DAY.isoformat()}"))


def test_staff_see_the_money_behind_an_award_and_an_outsider_nothing(app: Flask, shop: Shop, south: Brand) -> None:
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")
    key = f"Starter:{shop.dan.client_id}:{DAY.isoformat()}"

    assert "Dan Trader" in text_of(desk.get(f"/commission/awards/partners/{shop.pia.client_id}"))
    shown = desk.get(f"/commission/awards/partners/{shop.pia.client_id}/one?kind=cpa&key={key}&component=base")
    assert "250.00 USD" in text_of(shown)
    assert "Starter" in text_of(desk.get("/commission/plan"))
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")
    assert stranger.get(f"/commission/awards/partners/{shop.pia.client_id}").status_code == 404
    assert stranger.get(f"/commission/awards/clients/{shop.dan.client_id}/clawback").status_code == 404
    other = browser_of(app, shop.brand, shop.dan, "partner")
    assert "60.00" not in text_of(other.get("/awards/"))
    assert other.get(f"/awards/one?kind=cpa&key={key}&component=base").status_code == 404


def test_taking_back_shows_what_it_takes_and_needs_two_people(app: Flask, shop: Shop) -> None:
    anna = browser_of(app, shop.brand, make_staff(shop.brand, "finance"), "office")
    address = f"/commission/awards/clients/{shop.dan.client_id}/clawback"
    typed = {
        "trigger": "chargeback",
        "deposit": str(shop.deposit),
        "since": DAY.isoformat(),
        "reason": "The bank took it back.",
        "once": "0123456789abcdef",
    }

    assert "63.00" in text_of(anna.post(address, typed | {"act": "preview"}))  # 60 for the deposit, 3 for the lots.
    refused = anna.post(address, typed | {"deposit": ""})
    assert "Choose the deposit" in text_of(refused)
    asked = anna.post(address, typed)
    assert asked.status_code in (302, 303)
    page = asked.headers["Location"].partition("://")[2].partition("/")[2] or asked.headers["Location"].lstrip("/")
    anna.post(f"/{page}/agree", {})
    with acting(shop.brand):
        [waiting] = clawbacks.waiting()
    boris = browser_of(app, shop.brand, make_staff(shop.brand, "compliance"), "office")
    assert "Dan Trader" in text_of(boris.get("/commission/awards/clawbacks"))
    boris.post(f"/commission/awards/clawbacks/{waiting.id}/agree", {})
    with tenant_scope(shop.brand.id):
        assert in_transaction(clawbacks.clawback, waiting.id).status is ClawbackStatus.APPROVED
        world.settle(DAY + timedelta(days=1))
        assert in_transaction(clawbacks.clawback, waiting.id).status is ClawbackStatus.APPLIED
        assert shop.pia.client_id is not None
        assert world.balances(shop.pia.client_id) == {"temporary": dec("0.80"), "redeem": 0}
    assert "63.00" in text_of(boris.get(f"/commission/awards/clawbacks/{waiting.id}"))


def test_support_may_neither_ask_nor_decide(app: Flask, shop: Shop) -> None:
    support = browser_of(app, shop.brand, make_staff(shop.brand, "support"), "office")

    assert support.get(f"/commission/awards/clients/{shop.dan.client_id}/clawback").status_code in (403, 404)


def draft_of(brand: Brand, by: Person, plan: Plan) -> UUID:
    with acting(brand):
        bundle.apply(PartnersBundle(plan=plan))
        return drafts.begin(1, currency="USD", by=by.actor()).id


def plan_in(brand: Brand, draft_id: UUID) -> Plan:
    with acting(brand):
        return drafts.draft(draft_id).plan


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        SHARE,
        AwardRule(name="Fixed", amount=dec(50), weight=dec("0.5"), countries=("DE", "FR"), levels="referral"),
        AwardRule(name="Revenue", kind="revenue_share", share=dec("0.25"), period="week", carry_losses=False),
    ],
    ids=lambda rule: rule.name,
)
def test_a_rule_survives_its_form(app: Flask, north: Brand, rule: AwardRule) -> None:
    desk = make_staff(north, "partner_desk")
    draft_id = draft_of(north, desk, msgspec.structs.replace(PLAN, awards=()))
    office = browser_of(app, north, desk, "office")
    typed: dict[str, Any] = fill_award_rule(rule, 1)

    assert office.get(f"/commission/drafts/{draft_id}/awards/new").status_code == 200
    assert office.post(f"/commission/drafts/{draft_id}/awards/new", typed).status_code in (302, 303)

    assert plan_in(north, draft_id).awards == (rule,)
    assert rule.name in text_of(office.get(f"/commission/drafts/{draft_id}"))
    assert office.get(f"/commission/drafts/{draft_id}/awards/0").status_code == 200
    office.post(f"/commission/drafts/{draft_id}/awards/0/remove", {"revision": "2"})
    assert plan_in(north, draft_id).awards == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": "10"}, "either one amount or a ladder"),
        ({"ladder": "100 35\n200 30"}, "needs a higher deposit"),
        ({"ladder": "100"}, "a deposit and an amount in each line"),
        ({"weight": "0"}, "The weight must be above 0"),
        ({"min_lots": "-1"}, "must not be negative"),
        ({"name": "a:b"}, "without a colon"),
        ({"kind": "revenue_share"}, "The share must be above 0"),
    ],
)
def test_a_wrong_rule_is_refused_beside_its_field(
    app: Flask, north: Brand, changes: dict[str, str], sentence: str
) -> None:
    desk = make_staff(north, "partner_desk")
    draft_id = draft_of(north, desk, msgspec.structs.replace(PLAN, awards=()))
    office = browser_of(app, north, desk, "office")

    answer = office.post(f"/commission/drafts/{draft_id}/awards/new", fill_award_rule(RULE, 1) | changes)

    assert sentence in text_of(answer)
    assert plan_in(north, draft_id).awards == ()


def test_a_rule_that_pays_more_than_the_deposit_needs_somebody_to_accept_it(app: Flask, north: Brand) -> None:
    desk, admin = make_staff(north, "partner_desk"), make_staff(north, "admin")
    draft_id = draft_of(north, desk, msgspec.structs.replace(PLAN, awards=()))
    office = browser_of(app, north, desk, "office")
    generous = AwardRule(name="Generous", amount=dec(120), conditions=Conditions(min_deposit=dec(100)))

    office.post(f"/commission/drafts/{draft_id}/awards/new", fill_award_rule(generous, 1))
    assert "a deposit of 100 USD pays 120" in text_of(office.get(f"/commission/drafts/{draft_id}"))
    boss = browser_of(app, north, admin, "office")
    refused = boss.post(f"/commission/drafts/{draft_id}/publish", {"revision": "2"})
    assert "A deposit can cost more than it brings in" in text_of(refused)
    boss.post(f"/commission/drafts/{draft_id}/accept", {"revision": "2", "reason": "A campaign of one month."})
    assert boss.post(f"/commission/drafts/{draft_id}/publish", {"revision": "2"}).status_code in (302, 303)


def test_what_is_taken_back_is_part_of_the_plan(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft_id = draft_of(north, desk, PLAN)
    office = browser_of(app, north, desk, "office")

    office.post(f"/commission/drafts/{draft_id}/clawback", {"revision": "1", "window_days": "30", "fraud": "y"})

    assert plan_in(north, draft_id).clawback == ClawbackTerms(window_days=30, triggers=("fraud",))
    assert "0 and 366 days" in text_of(
        office.post(f"/commission/drafts/{draft_id}/clawback", {"revision": "2", "window_days": "900"})
    )


@pytest.mark.parametrize(("lots", "held", "awarded"), [("1.00", 600, "60.00"), ("0.99", 600, None), ("1.00", 10, None)])
def test_a_worked_example_may_hold_an_award(lots: str, held: int, awarded: str | None) -> None:
    expected = {"R1": dec(lots) * 2} if held > 180 else {}
    example = GoldenExample(
        name="With a deposit", symbol="EURUSD", lots=dec(lots), spread=dec("0.00012"), contract_size=dec(100_000),
        god_rates=(dec(0),), held_seconds=held, deposit=dec(250),
        expected=expected | ({"A1": dec(awarded)} if awarded else {}),
    )  # fmt: skip

    found = check(PLAN, example)

    assert found.is_right, found.differences
    assert ("A1" in found.reasons) == (awarded is None)


def test_costs_are_entered_for_a_period_that_is_not_over(app: Flask, north: Brand, shop: Shop) -> None:
    finance = browser_of(app, north, make_staff(north, "finance"), "office")
    address = f"/commission/awards/partners/{shop.pia.client_id}/costs"

    assert finance.get(address).status_code == 200
    answer = finance.post(address, {"period_start": DAY.isoformat(), "psp_cost": "12"})
    assert "No rule of the plan" in text_of(answer)
