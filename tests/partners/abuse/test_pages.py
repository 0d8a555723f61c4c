"""Findings in the office and what a partner reads: the queue, a decision by two people, and who may not look."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.partners.abuse import queries
from app.partners.abuse.models import Finding
from app.partners.abuse.terms import DEFAULT_BANDS, AbuseTerms, Churning, Scalping, abuse_faults, band_faults
from tests.partners import world
from tests.partners.drafts.test_editor import SAFE, begun, found, typed
from tests.partners.test_pages import DAY, NOON, add_partners, app, brands, hash_once, north, south
from tests.partners.trades import dec, plan_with
from tests.support.brands import PASSWORD, Brand, Person, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

TERMS = AbuseTerms(scalping=Scalping(action="hold", trades_min=2), second_person_above=dec(1))
PAGE = "/commission/findings/"


class Shop:
    """A brand whose client Dan, below Pia, trades in seconds; his day is settled."""

    def __init__(self, brand: Brand) -> None:
        add_partners(brand)
        self.brand = brand
        self.pia = make_trader(brand, "pia@example.com", name="Pia Partner")
        self.dan = make_trader(brand, "dan@example.com", name="Dan Trader")
        assert self.pia.client_id is not None
        assert self.dan.client_id is not None
        with tenant_scope(brand.id):
            with transaction():
                world.link(self.dan.client_id, self.pia.client_id)
                world.publish(plan_with(god=None, abuse=TERMS))
                self.trades = world.make_platform().store(
                    [
                        {
                            "client_id": self.dan.client_id,
                            "opened_at": NOON - timedelta(seconds=held),
                            "closed_at": NOON,
                        }
                        for held in (9, 600)
                    ]
                )
            world.settle(DAY)

    def finding(self) -> Finding:
        with tenant_scope(self.brand.id):
            [found] = in_transaction(lambda: list(queries.queue("", "", limit=9)[0]))
        return found


@pytest.fixture
def shop(north: Brand) -> Shop:
    return Shop(north)


def staff(app: Flask, brand: Brand, role: str) -> Visitor:
    return browser_of(app, brand, make_staff(brand, role), "office")


def decide(visitor: Visitor, finding: Finding, act: str, reason: str = "Trades like a robot.") -> int:
    values = {f"{act}-version": str(finding.version), f"{act}-reason": reason}
    return visitor.post(f"{PAGE}{finding.id}/{act}", values).status_code


def test_the_queue_leads_to_the_evidence_and_to_the_lines(app: Flask, shop: Shop) -> None:
    officer, found = staff(app, shop.brand, "compliance"), shop.finding()

    listed = text_of(officer.get(PAGE))
    assert "Many very short trades" in listed
    assert "Dan Trader" in listed
    page = officer.get(f"{PAGE}{found.id}")
    assert "4.8000" in text_of(page)
    assert f"/partners/{shop.pia.client_id}" in page.get_data(as_text=True)
    assert f"/clients/{shop.dan.client_id}" in page.get_data(as_text=True)
    assert "Dan Trader" not in text_of(officer.get(f"{PAGE}?state=refused"))
    assert officer.get(f"{PAGE}?state=nonsense&kind=nonsense&page=x").status_code == 200


def test_one_proposes_and_another_refuses(app: Flask, shop: Shop) -> None:
    first, second = staff(app, shop.brand, "compliance"), staff(app, shop.brand, "finance")

    assert decide(first, shop.finding(), "refuse") == 303
    assert "waits for a second person" in text_of(second.get(f"{PAGE}{shop.finding().id}"))
    assert decide(first, shop.finding(), "agree") == 403
    assert decide(second, shop.finding(), "agree") == 303
    assert shop.finding().state.value == "refused"
    assert decide(second, shop.finding(), "clear") == 409
    with tenant_scope(shop.brand.id):
        acts = in_transaction(
            lambda: set(
                execute_sql(
                    "SELECT action FROM audit_record WHERE tenant_id = :tenant_id AND action LIKE 'partners.finding%'"
                ).scalars()
            )
        )
    assert acts == {"partners.finding.propose", "partners.finding.refuse"}


def test_a_stale_page_and_a_missing_reason_are_refused(app: Flask, shop: Shop) -> None:
    officer, found = staff(app, shop.brand, "compliance"), shop.finding()

    assert decide(officer, found, "clear", reason="") == 422
    assert (
        officer.post(f"{PAGE}{found.id}/clear", {"clear-version": "x", "clear-reason": "Known to us."}).status_code
        == 409
    )
    assert decide(officer, found, "keep", "We have asked the client.") == 303
    assert decide(officer, found, "clear", "Known to us.") == 409


def test_who_may_not_look_sees_nothing(app: Flask, shop: Shop, south: Brand) -> None:
    found = shop.finding()

    assert staff(app, shop.brand, "support").get(PAGE).status_code == 403
    assert decide(staff(app, shop.brand, "partner_desk"), found, "clear") == 403
    add_partners(south)
    elsewhere = staff(app, south, "admin")
    assert elsewhere.get(f"{PAGE}{found.id}").status_code == 404
    assert "Dan Trader" not in text_of(elsewhere.get(f"{PAGE}?state="))
    trader = browser_of(app, shop.brand, shop.dan, "cabinet")
    assert trader.get(f"{PAGE}{found.id}").status_code == 404


def test_a_partner_reads_why_without_how(app: Flask, shop: Shop) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")

    told = text_of(pia.get(f"/earnings/{shop.trades[1]}/0/referral/base"))

    assert "The way in which the client trades was questioned." in told
    assert "SCALPER" not in told
    assert "0.3" not in told.split("questioned")[1][:200]


def test_the_plan_editor_switches_detectors_and_leaves_thresholds(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")
    address = f"/commission/drafts/{draft.id}"
    strict = plan_with(SAFE, abuse=AbuseTerms(scalping=Scalping(share_above=dec("0.2"))))

    assert office.post(address, typed(strict, 1, hold_policy="bands", detect_scalping="shadow")).status_code in (
        302,
        303,
    )
    plan = found(north, draft).plan
    assert (plan.gates.hold_policy, plan.gates.hold_bands) == ("bands", DEFAULT_BANDS)
    assert (plan.abuse.scalping.action, plan.abuse.clusters.action) == ("shadow", "off")
    assert office.post(address, typed(plan, 2, detect_clusters="maybe")).status_code == 422


def test_terms_that_cannot_be_are_named() -> None:
    wrong = AbuseTerms(
        scalping=Scalping(share_above=dec(2), window_days=0, trades_min=0),
        churning=Churning(review_at=dec(2)),
        quiet_days=-1,
    )

    assert {key for key, _ in abuse_faults(wrong)} == {
        "abuse.scalping.window_days",
        "abuse.scalping.share_above",
        "abuse.scalping.trades_min",
        "abuse.churning.hold_at",
        "abuse.quiet_days",
    }
    assert list(abuse_faults(AbuseTerms())) == list(band_faults(DEFAULT_BANDS)) == []
    assert {key for key, _ in band_faults(DEFAULT_BANDS[1:])} == {"gates.hold_bands"}
    assert {key for key, _ in band_faults(DEFAULT_BANDS[::-1])} == {"gates.hold_bands"}


def test_a_browser_is_known_again_by_a_word_of_its_own(app: Flask, north: Brand) -> None:
    first, second = (make_trader(north, f"{name}@example.com", name=name) for name in ("mona", "omar"))
    browser = Visitor(app, north.cabinet)

    for person in (first, second):
        browser.get("/sign-in")  # For the form token.
        signed_in = browser.post("/sign-in", {"email": person.email, "password": PASSWORD})
        assert signed_in.status_code == 303
        browser.client.delete_cookie("sid", domain=browser.host)

    with tenant_scope(north.id):
        hashes = in_transaction(lambda: devices([first, second]))
    assert len(hashes) == 1
    assert None not in hashes


def devices(people: list[Person]) -> set[str | None]:
    ids: list[UUID] = [person.id for person in people]
    return set(
        execute_sql(
            "SELECT device_hash FROM user_session WHERE tenant_id = :tenant_id AND user_id = ANY (:ids)", ids=ids
        ).scalars()
    )
