"""The plan of the brief pays 16.40 for every 12.00 that it earns: it is caught, with the loss, and needs a name."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.audit import queries as audit
from app.core.db import tenant_scope, transaction
from app.partners import bundle, versions
from app.partners.drafts import reading, service
from app.partners.drafts.models import PlanDraft
from app.partners.plan import Caps, PartnersBundle, Plan, TypicalSymbol
from app.partners.volume.terms import PeriodCaps
from tests.partners import world
from tests.partners.test_pages import add_partners
from tests.partners.trades import dec, plan_with
from tests.support.brands import Brand, Person, acting, app, brands, browser_of, hash_once, make_staff, north, south
from tests.support.browsing import text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

BRIEF = plan_with(
    god={"nested_policy": "difference"},
    typical={"EURUSD": TypicalSymbol(spread=dec("0.00012"), contract_size=dec(100_000), currency="USD")},
)
SAFE = plan_with(caps=Caps(max_total_per_lot=dec(30)))


def draft_of(brand: Brand, plan: Plan, by: Person) -> PlanDraft:
    with acting(brand):
        bundle.apply(PartnersBundle(plan=SAFE))
        draft = service.begin(1, currency="USD", by=by.actor())
        service.change(draft.id, plan, revision=1, by=by.actor())
        return draft


@pytest.fixture
def tree(north: Brand) -> Brand:
    """Trader D under C under B under A, who has 8.00 per lot."""
    add_partners(north)
    with tenant_scope(north.id), transaction():
        d, c, b, a = (world.make_client(name) for name in "DCBA")
        for child, parent in ((d, c), (c, b), (b, a)):
            world.link(child, parent)
        world.grant(a, dec("8.00"))
        world.publish(SAFE)
    return north


def test_the_plan_of_the_brief_loses_4_40_a_lot_and_needs_a_named_approval(app: Flask, tree: Brand) -> None:
    desk, admin = make_staff(tree, "partner_desk"), make_staff(tree, "admin")
    draft = draft_of(tree, BRIEF, desk)
    base = f"/commission/drafts/{draft.id}"
    office, boss = browser_of(app, tree, desk, "office"), browser_of(app, tree, admin, "office")

    with acting(tree):
        [row] = service.review(service.draft(draft.id)).arbitrage
    assert (row.referral, row.god, row.worst, row.revenue) == (dec("8.40"), dec("8.00"), dec("16.40"), dec("12.00"))
    assert "Loses 4.40" in text_of(office.get(base))
    shown = text_of(boss.get(f"{base}/publish")).translate(dict.fromkeys((0x2066, 0x2068, 0x2069)))
    assert "One lot of EURUSD earns 12.00 and can cost 16.40: 4.40 are lost." in shown

    refused = boss.post(f"{base}/publish", {"revision": "2", "effective_day": ""})
    assert refused.status_code == 409
    assert office.post(f"{base}/accept", {"revision": "2", "reason": "I say so myself."}).status_code == 403
    boss.post(f"{base}/accept", {"revision": "2", "reason": "Agreed with the board."})
    assert boss.post(f"{base}/publish", {"revision": "2", "effective_day": ""}).status_code in (302, 303)

    with acting(tree):
        assert versions.all_versions()[0].plan.arbitrage_accepted_by == "Admin"
        acts = [
            (one.action, one.reason) for one in audit.page_of_log(audit.log(action="partners.plan"), offset=0, limit=9)
        ]
    assert ("partners.plan.accept", "Agreed with the board.") in acts


def test_a_cap_on_the_trade_makes_it_safe(tree: Brand) -> None:
    draft = draft_of(tree, BRIEF, make_staff(tree, "partner_desk"))
    capped = plan_with(BRIEF, caps=Caps(max_total_share_of_revenue=dec("0.90")))

    with acting(tree):
        found = service.draft(draft.id)
        assert service.review_of(found, BRIEF).loses
        assert not service.review_of(found, capped).loses


def typed(plan: Plan, revision: int, **changes: Any) -> dict[str, Any]:
    filled = reading.fill_plan(plan, revision) | changes
    return {name: ("y" if value is True else value) for name, value in filled.items() if value is not False}


VOLUME = plan_with(
    SAFE,
    gates={
        "hedge_netting": "max_side", "credit_coefficient": "on", "equity_unknown": "balance",
        "partial_close": "final_only", "close_by": "net", "negative_balance": "exclude", "min_points": dec(30),
        "min_volume_lots": dec("0.02"), "max_volume_lots": dec(50), "client_funded": True,
        "include_own_accounts": True, "include_sub_ib_accounts": False,
    },
    average_days=14,
    caps={"partner": PeriodCaps(per_day=dec(100), per_week=dec(400), per_month=dec("999.5"), week_starts="sunday")},
)  # fmt: skip


def test_what_is_typed_about_volume_becomes_the_plan_and_comes_back(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = draft_of(north, SAFE, desk)
    office = browser_of(app, north, desk, "office")
    base = f"/commission/drafts/{draft.id}"

    assert office.post(base, typed(VOLUME, 2)).status_code in (302, 303)
    with acting(north):
        assert service.draft(draft.id).plan == VOLUME
    page = office.get(base).text
    for name, value in (
        ("min_points", "30"),
        ("cap_per_month", "999.5"),
        ("max_volume_lots", "50"),
        ("average_days", "14"),
    ):
        assert f'name="{name}"' in page
        assert f'value="{value}"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_points", "many"),
        ("cap_per_week", "a lot"),
        ("average_days", "two"),
        ("negative_balance", "perhaps"),
        ("hedge_netting", "some"),
    ],
)
def test_nonsense_about_volume_is_told_beside_its_field(app: Flask, north: Brand, field: str, value: str) -> None:
    desk = make_staff(north, "partner_desk")
    draft = draft_of(north, SAFE, desk)
    office = browser_of(app, north, desk, "office")

    page = office.post(f"/commission/drafts/{draft.id}", typed(SAFE, 2, **{field: value}))

    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    with acting(north):
        assert service.draft(draft.id).revision == 2


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("max_volume_lots", "-1", "gates.max_volume_lots"),
        ("cap_per_day", "0", "caps.partner.per_day"),
        ("average_days", "0", "average_days"),
        ("min_points", "-5", "gates.min_points"),
    ],
)
def test_numbers_that_make_no_sense_keep_a_plan_back(
    app: Flask, north: Brand, field: str, value: str, key: str
) -> None:
    desk = make_staff(north, "admin")
    draft = draft_of(north, SAFE, desk)
    office = browser_of(app, north, desk, "office")
    base = f"/commission/drafts/{draft.id}"

    office.post(base, typed(SAFE, 2, **{field: value}))

    with acting(north):
        assert key in [where for where, _ in service.review(service.draft(draft.id)).faults]
    assert office.post(f"{base}/publish", {"revision": "3", "effective_day": ""}).status_code == 409
