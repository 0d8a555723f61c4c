"""Ranks and own rates on the pages of staff and of partners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.partners import versions
from app.partners.drafts import service as drafts
from app.partners.plan import Plan
from tests.partners import world
from tests.partners.ranks import people
from tests.partners.ranks.test_ranks import plan_with
from tests.partners.ranks.test_tiers import NOVEMBER, god_plan, lots
from tests.partners.test_pages import add_partners
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    app,
    brands,
    browser_of,
    hash_once,
    make_staff,
    make_trader,
    north,
    south,
)
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

NOW = datetime.now(UTC)


@dataclass
class Shop:
    """A brand with ranks whose partner Pia holds Silver and brought in Dan, who traded this month."""

    brand: Brand
    pia: Person
    pia_id: UUID


@pytest.fixture
def shop(north: Brand) -> Shop:
    add_partners(north)
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    assert pia.client_id is not None
    assert dan.client_id is not None
    with tenant_scope(north.id), transaction():
        world.link(dan.client_id, pia.client_id)
        world.publish(plan_with())
        people.hold_rank(pia.client_id, "Silver", NOW - timedelta(days=3))
        people.own_rate(pia.client_id, Decimal("0.45"), track="referral", unit="share", level=1)
    return Shop(north, pia, pia.client_id)


@pytest.fixture
def desk(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, make_staff(shop.brand, "admin"), "office")


@pytest.mark.parametrize(("audience", "prefix"), [("partner", ""), ("cabinet", "/partner")])
def test_a_partner_sees_their_rank_the_next_one_and_their_own_rates(
    app: Flask, shop: Shop, audience: str, prefix: str
) -> None:
    shown = text_of(browser_of(app, shop.brand, shop.pia, audience).get(f"{prefix}/rank"))

    assert "Silver" in shown
    assert "Gold" in shown
    assert "0.00 now; more than 100.00 needed" in shown
    assert "45%" in shown
    assert "test" not in shown  # Reasons and names are for staff.


def test_staff_set_a_rank_with_a_reason_and_see_its_history(desk: Visitor, shop: Shop) -> None:
    path = f"/commission/partners/{shop.pia_id}/rank"
    assert "Silver" in text_of(desk.get(path))
    number = desk.form_number(path)
    refused = desk.post(path, {"rank": "Gold", "reason": "", "once": number})
    assert refused.status_code == 422

    for _ in range(2):
        assert desk.post(path, {"rank": "Gold", "reason": "Agreed by mail", "once": number}).status_code == 303

    shown = text_of(desk.get(path))
    assert shown.count("Agreed by mail") == 1
    assert "Gold" in text_of(desk.get("/commission/ranks"))
    assert "Pia Partner" in text_of(desk.get("/commission/ranks?rank=Gold"))
    assert "Pia Partner" not in text_of(desk.get("/commission/ranks?rank=Silver", target="list"))


def test_a_rate_above_the_limit_needs_a_second_person(app: Flask, desk: Visitor, shop: Shop) -> None:
    path = f"/commission/partners/{shop.pia_id}/rates"
    number = desk.form_number(path)
    asked = desk.post(path, {"target": "referral:2:", "amount": "25", "reason": "Large book", "once": number})
    assert asked.status_code == 303
    rate_id = _rate(shop, 2)

    assert "Agree" not in text_of(desk.get(path))  # Whoever asked does not agree.
    desk.post(f"/commission/rates/{rate_id}/agree", {})
    assert "Waits for a second person" in text_of(desk.get(path))
    finance = browser_of(app, shop.brand, make_staff(shop.brand, "finance"), "office")
    assert "Agree" in text_of(finance.get("/commission/rates?status=waiting"))
    assert finance.post(f"/commission/rates/{rate_id}/agree", {}).status_code == 303
    assert "25%" in text_of(desk.get("/commission/rates?status=in_force"))

    assert desk.post(f"/commission/rates/{rate_id}/end", {"reason": ""}).status_code == 422
    assert desk.post(f"/commission/rates/{rate_id}/end", {"reason": "Over"}).status_code == 303
    assert "Ended" in text_of(desk.get(path))


def test_a_faulty_rate_is_told_beside_its_field(desk: Visitor, shop: Shop) -> None:
    path = f"/commission/partners/{shop.pia_id}/rates"
    answer = desk.post(path, {"target": "referral:1:", "amount": "140", "reason": "x", "once": desk.form_number(path)})
    assert answer.status_code == 422
    assert "between 0 and 100 percent" in text_of(answer)


def test_support_can_neither_set_ranks_nor_give_rates(app: Flask, shop: Shop) -> None:
    compliance = browser_of(app, shop.brand, make_staff(shop.brand, "compliance"), "office")
    assert "Set the rank by hand" not in text_of(compliance.get(f"/commission/partners/{shop.pia_id}/rank"))
    for path in ("rank", "rates"):
        answer = compliance.post(
            f"/commission/partners/{shop.pia_id}/{path}",
            {"rank": "Gold", "target": "referral:1:", "amount": "1", "reason": "x", "once": "a" * 32},
        )
        assert answer.status_code == 404


def test_an_outsider_sees_nothing(app: Flask, shop: Shop, south: Brand) -> None:
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")
    assert stranger.get(f"/commission/partners/{shop.pia_id}/rank").status_code == 404
    assert stranger.get(f"/commission/rates/{_rate(shop, 1)}/end").status_code == 404
    other = browser_of(app, shop.brand, make_trader(shop.brand, "eve@example.com", name="Eve"), "partner")
    shown = text_of(other.get("/rank"))
    assert "Bronze" in shown
    assert "45%" not in shown


def _rate(shop: Shop, level: int) -> UUID:
    with tenant_scope(shop.brand.id):
        found = in_transaction(
            lambda: execute_sql(
                "SELECT id FROM partner_rate WHERE tenant_id = :tenant_id AND level = :level", level=level
            ).scalar_one()
        )
        return UUID(str(found))


def test_the_editor_keeps_ranks_tiers_and_limits(desk: Visitor, shop: Shop) -> None:
    with tenant_scope(shop.brand.id), transaction():
        newest = versions.all_versions()[0]
        draft = drafts.begin(newest.number, currency="USD", by=BY)
        draft_id, revision = draft.id, draft.revision
    ranks = f"/commission/drafts/{draft_id}/ranks"
    assert "Silver" in text_of(desk.get(ranks))
    typed = {
        "revision": str(revision), "name": "Platinum", "place": "4", "above_lots": "1000", "above_active_clients": "",
        "share_factor": "1", "shares": "80", "god_rate": "12.5", "rates": "", "override": "10 5", "same_rank": "",
    }  # fmt: skip
    assert desk.post(f"{ranks}/new", typed).status_code == 303

    plan, revision = _plan(shop, draft_id)
    assert plan.ranks is not None
    top = plan.ranks.ranks[-1]
    assert (top.name, top.shares, top.god_rate) == ("Platinum", (Decimal("0.8"),), Decimal("12.5"))
    assert top.override == (Decimal("0.1"), Decimal("0.05"))
    assert desk.post(f"{ranks}/new", typed | {"revision": str(revision)}).status_code == 422  # The name is taken.

    settings = {
        "revision": str(revision), "demotion": "manual", "window": "days", "days": "45", "clients": "direct",
        "own_funds": "50", "orders": "3", "active_days": "20", "need_lots": "5", "alone_share": "30",
        "alone_per_lot": "",
    }  # fmt: skip
    assert desk.post(ranks, settings).status_code == 303
    plan, revision = _plan(shop, draft_id)
    assert plan.ranks is not None
    assert (plan.ranks.demotion, plan.ranks.measuring.days) == ("manual", 45)
    assert plan.qualification is not None
    assert plan.qualification.at_least == {"lots": Decimal(5)}
    assert (plan.own_rates.alone_up_to_share, plan.own_rates.alone_up_to_per_lot) == (Decimal("0.3"), None)

    rule = f"/commission/drafts/{draft_id}/rules/referral/0"
    tiers = {
        "revision": str(revision), "name": "default", "kind": "per_lot", "spread_basis": "", "rate": "5",
        "tier_method": "marginal", "tier_bands": "100 5\n500 6\n7",
    }  # fmt: skip
    assert desk.post(rule, tiers).status_code == 303
    plan, revision = _plan(shop, draft_id)
    assert plan.referral is not None
    kept = plan.referral.rules[0].tiers
    assert kept is not None
    assert [(band.upto, band.rate) for band in kept.bands] == [(100, 5), (500, 6), (None, 7)]
    assert "500 6" in desk.get(rule).get_data(as_text=True)

    assert desk.post(f"{ranks}/3/remove", {"revision": str(revision)}).status_code == 303
    plan, _ = _plan(shop, draft_id)
    assert plan.ranks is not None
    assert [rank.name for rank in plan.ranks.ranks] == ["Bronze", "Silver", "Gold"]


def _plan(shop: Shop, draft_id: UUID) -> tuple[Plan, int]:
    with tenant_scope(shop.brand.id), transaction():
        found = drafts.draft(draft_id)
        return found.plan, found.revision


def test_a_line_across_two_bands_shows_what_it_was_computed_from(app: Flask, north: Brand) -> None:
    add_partners(north)
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    assert pia.client_id is not None
    assert dan.client_id is not None
    with tenant_scope(north.id):
        with transaction():
            world.link(dan.client_id, pia.client_id)
            world.grant(pia.client_id, Decimal(9))
            world.publish(god_plan("marginal"))
            platform = world.make_platform()
            platform.store(lots(dan.client_id, NOVEMBER, "96.00"))
            [trade] = platform.store(lots(dan.client_id, NOVEMBER, "10.00", at_hour=11))
        world.settle(NOVEMBER)

    shown = text_of(browser_of(app, north, pia, "partner").get(f"/earnings/{trade}/0/god/base"))

    assert "Lots of the month so far 96" in shown
    assert "5 × 4 = 20" in shown
    assert "6 × 6 = 36" in shown
    assert "20 + 36 = 56" in shown
