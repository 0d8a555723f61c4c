"""Who takes part in the referral programme: joined, refused, left; and what that means for links and for pay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.identity import service as identity
from app.kit import clock
from app.kit.money import Money
from app.partners import receivers
from app.partners.payouts import service as payouts
from app.partners.payouts.service import NotEnoughRedeemable
from app.referrals import bundle, membership, queries, service
from app.referrals.models import MembershipStatus
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.test_pages import add_partners
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    PASSWORD,
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
    extend_bundle,
    mails,
    make_staff,
    make_trader,
    north,
    south,
)
from tests.support.browsing import text_of

__all__ = ["app", "brands", "north", "south"]
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def said(**referrals: Any) -> None:
    extend_bundle(Brand(HERE, f"pays{HERE}"), referrals={"requires_kyc_level": 0, **referrals})


def newcomer(brand: Brand, sponsor: Person, *, country: str = "AE", email: str = "new@example.com") -> UUID | None:
    """Whom somebody who signs up with the sponsor's code stands below."""
    with acting(brand):
        assert sponsor.client_id is not None
        code = service.give_code(sponsor.client_id)
    with acting(brand):
        user = identity.create_trader(
            email=email, name="New Comer", country=country, password=PASSWORD, language="en", referral_code=code
        )
        assert user.client_id is not None
        return queries.parent_at(user.client_id, clock.business_now())


@pytest.fixture
def pia(north: Brand) -> Person:
    add_partners(north)
    return make_trader(north, "pia@example.com", name="Pia Partner")


@pytest.mark.parametrize(
    ("rules", "comes"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"join": "approval"}, False),
        ({"join": "invitation"}, False),
        ({"countries_denied": ["AE"]}, False),  # Both live there.
        ({"countries_denied": ["DE"]}, True),
    ],
)
def test_a_link_brings_in_somebody_only_where_its_owner_takes_part(
    north: Brand, pia: Person, rules: dict[str, Any], comes: bool
) -> None:
    extend_bundle(north, referrals=rules)

    assert newcomer(north, pia) == (pia.client_id if comes else None)


def test_a_newcomer_from_a_denied_country_stands_below_nobody(north: Brand, pia: Person) -> None:
    extend_bundle(north, referrals={"countries_denied": ["FR"]})

    assert newcomer(north, pia, country="FR") is None
    assert newcomer(north, pia, country="DE", email="second@example.com") == pia.client_id


def test_an_application_is_decided_by_staff_with_a_reason(app: Flask, north: Brand, south: Brand, pia: Person) -> None:
    extend_bundle(north, referrals={"join": "approval"})
    portal, desk = (
        browser_of(app, north, pia, "partner"),
        browser_of(app, north, make_staff(north, "partner_desk"), "office"),
    )
    support = browser_of(app, north, make_staff(north, "support"), "office")

    assert portal.post("/programme/apply", {"note": "I run a school."}).status_code == 303
    assert portal.post("/programme/apply", {"note": "Again."}).status_code == 409
    assert "I run a school." in text_of(desk.get(f"/tree/{pia.client_id}/membership"))
    assert "Pia Partner" in text_of(desk.get("/tree/members?state=applied"))
    assert "One application waits" in text_of(desk.get("/tree/"))
    assert support.post(f"/tree/{pia.client_id}/membership/admit", {"reason": ""}).status_code == 403
    assert desk.post(f"/tree/{pia.client_id}/membership/refuse", {"reason": " "}).status_code == 422
    assert desk.post(f"/tree/{pia.client_id}/membership/refuse", {"reason": "No website."}).status_code == 303
    assert "No website." in text_of(portal.get("/programme/"))
    assert portal.post("/programme/apply", {"note": "Now?"}).status_code == 409  # For thirty days.
    assert newcomer(north, pia) is None
    assert desk.post(f"/tree/{pia.client_id}/membership/admit", {"reason": "Seen it."}).status_code == 303
    assert newcomer(north, pia, email="second@example.com") == pia.client_id

    subjects = [mail.subject for mail in mails(north, "pia@example.com")]
    assert {"You take part in the referral programme", "You do not take part in the referral programme"} <= set(
        subjects
    )
    with acting(north):
        acts = set(execute_sql("SELECT action FROM audit_record WHERE tenant_id = :tenant_id").scalars())
    assert {"referrals.member.apply", "referrals.member.refuse", "referrals.member.admit"} <= acts
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")
    assert stranger.get(f"/tree/{pia.client_id}/membership").status_code == 404
    assert "Pia" not in text_of(stranger.get("/tree/members"))


def test_whoever_leaves_brings_in_nobody_until_they_come_back(app: Flask, north: Brand, pia: Person) -> None:
    portal = browser_of(app, north, pia, "cabinet")
    assert portal.post("/partner/programme/leave").status_code == 303
    assert newcomer(north, pia) is None
    assert "left the referral programme" in text_of(portal.get("/partner/programme/"))
    assert portal.post("/partner/programme/leave").status_code == 409
    assert portal.post("/partner/programme/return").status_code == 303
    assert newcomer(north, pia, email="second@example.com") == pia.client_id

    extend_bundle(north, referrals={"opt_out": False})
    assert portal.post("/partner/programme/leave").status_code == 409
    assert "Leave the programme" not in text_of(portal.get("/partner/programme/"))


def test_unknown_settings_are_refused() -> None:
    wrong = bundle.ReferralsBundle(click_days=0, requires_kyc_level=10, countries_denied=("de",))

    assert {key for key, _sentence in bundle.check(wrong)} == {"click_days", "requires_kyc_level", "countries_denied"}


@pytest.fixture
def pair(here: None) -> tuple[UUID, UUID, UUID]:
    """Top above a partner above a trader; the trader has traded on the day, which is not settled."""
    with transaction():
        world.publish(PLAN)
        top, partner, trader = (world.make_client(name) for name in ("Top", "Partner", "Trader"))
        world.link(partner, top)
        world.link(trader, partner)
        receivers.rebuild()
        world.make_platform().store(
            [{"client_id": trader, "opened_at": DAY + timedelta(hours=8), "closed_at": DAY + timedelta(hours=9)}]
        )
    return top, partner, trader


def earned() -> dict[UUID, Decimal]:
    rows = execute_sql(
        "SELECT partner_id, sum(amount) AS amount FROM commission_line WHERE tenant_id = :tenant_id GROUP BY 1"
    )
    return {row.partner_id: row.amount for row in rows}


def reasons(person: UUID) -> list[str]:
    rows = execute_sql(
        "SELECT reason FROM commission_reason WHERE tenant_id = :tenant_id AND partner_id = :person", person=person
    )
    return list(rows.scalars())


def test_whoever_has_left_earns_nothing_and_the_reason_says_so(pair: tuple[UUID, UUID, UUID]) -> None:
    top, partner, _ = pair
    with clock.frozen(DAY + timedelta(hours=12)), transaction():
        membership.leave(partner, by=BY)
    world.settle(DAY.date())

    with transaction():
        assert earned() == {top: dec("2.40")}
        assert reasons(partner) == ["PARTNER_NOT_APPROVED"]


def test_where_the_broker_admits_only_the_admitted_are_paid(pair: tuple[UUID, UUID, UUID]) -> None:
    top, partner, _ = pair
    said(join="approval")
    with clock.frozen(DAY + timedelta(hours=12)), transaction():
        membership.admit(partner, reason="", by=BY)
    world.settle(DAY.date())

    with transaction():
        assert earned() == {partner: dec("4.80")}
        assert reasons(top) == ["PARTNER_NOT_APPROVED"]


def test_nobody_is_paid_in_a_denied_country_whatever_the_plan_says(pair: tuple[UUID, UUID, UUID]) -> None:
    top, partner, _ = pair
    said(countries_denied=["FR"])
    with transaction():
        execute_sql("UPDATE client SET country = 'FR' WHERE tenant_id = :tenant_id AND id = :id", id=top)
    world.settle(DAY.date())

    with transaction():
        assert earned() == {partner: dec("4.80")}
        assert reasons(top) == ["COUNTRY_DENIED"]


def test_a_payout_waits_for_the_verification_that_the_brand_asks_for(here: None) -> None:
    said(requires_kyc_level=2)
    with transaction():
        world.publish(plan_with(min_payout=dec(0)))
        half = world.make_client("Half", kyc_level=1)
        with pytest.raises(payouts.NotVerified):
            payouts.request_payout(half, Money(dec(1), "USD"), "wallet", once="a", by=BY)
        whole = world.make_client("Whole", kyc_level=2)
        with pytest.raises(NotEnoughRedeemable):
            payouts.request_payout(whole, Money(dec(1), "USD"), "wallet", once="b", by=BY)


def test_another_brand_decides_for_itself(here: None) -> None:
    said(join="invitation")
    with transaction():
        ours = world.make_client("Ours")
        assert membership.against(ours) is not None
    with tenant_scope(THERE), transaction():
        assert membership.against(world.make_client("Theirs")) is None
        assert membership.of_client(ours) is None


def test_those_who_bring_in_people_already_stay_when_a_brand_turns_from_open(pair: tuple[UUID, UUID, UUID]) -> None:
    top, partner, trader = pair
    said(join="approval")
    with transaction():
        for _ in range(2):
            bundle.apply(bundle.settings())
    later = world_client_below(partner)
    with transaction():
        bundle.apply(bundle.settings())
        assert [membership.is_member(one) for one in (top, partner, trader, later)] == [True, True, False, False]
        standing = membership.of_client(top)
        assert standing is not None
        assert standing.status is MembershipStatus.APPROVED


def world_client_below(parent: UUID) -> UUID:
    """A client below a partner, and another below that client, both placed after the bundle was applied."""

    def make() -> UUID:
        one = world.make_client("Later")
        below = world.make_client("Below")
        service.attribute(one, parent, reason="by hand", by=BY)
        service.attribute(below, one, reason="by hand", by=BY)
        return one

    return in_transaction(make)
