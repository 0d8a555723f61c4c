"""The plan editor: what is typed becomes a plan, examples guard it, two people accept a loss, one publishes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from flask import Flask

from app.core.db import session
from app.core.errors import Invalid
from app.partners import bundle, versions
from app.partners.drafts import reading, service
from app.partners.drafts.differences import differences
from app.partners.drafts.golden import GoldenExample, check
from app.partners.drafts.models import PlanDraft
from app.partners.plan import Caps, PartnersBundle, Plan, TypicalSymbol
from tests.partners.trades import PLAN, dec, plan_with
from tests.support.brands import Brand, Person, acting, app, brands, browser_of, hash_once, make_staff, north, south

__all__ = ["app", "brands", "hash_once", "north", "south"]

USUAL = TypicalSymbol(spread=dec("0.00012"), contract_size=dec(100_000), currency="USD")
SAFE = plan_with(caps=Caps(max_total_per_lot=dec(30)))
EXAMPLE_1 = GoldenExample(
    name="Both kinds",
    symbol="EURUSD",
    lots=dec("1.00"),
    spread=dec("0.00012"),
    contract_size=dec(100_000),
    god_rates=(dec(0), dec(0), dec("8.00")),
    expected={"R1": dec("4.80"), "R2": dec("2.40"), "R3": dec("1.20"), "G3": dec("8.00")},
)


def begun(brand: Brand, by: Person, plan: Plan = SAFE) -> PlanDraft:
    """A draft of a published plan."""
    with acting(brand):
        bundle.apply(PartnersBundle(plan=plan))
        return service.begin(1, currency="USD", by=by.actor())


def found(brand: Brand, draft: PlanDraft) -> PlanDraft:
    with acting(brand):
        return service.draft(draft.id)


def typed(plan: Plan, revision: int, **changes: Any) -> dict[str, Any]:
    """What a browser sends for a plan's form."""
    filled = reading.fill_plan(plan, revision) | changes
    return {name: ("y" if value is True else value) for name, value in filled.items() if value is not False}


def test_a_plan_survives_its_form(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    rich = plan_with(
        SAFE,
        typical={
            "EURUSD": TypicalSymbol(spread=dec("0.00012"), contract_size=dec(100_000), currency="USD", rate=dec("0.9"))
        },
        volume_multipliers={"cent*": dec("0.01")},
        gates={"excluded_symbols": ("BTC*",), "countries_denied": ("FR", "US"), "exempt_from_hold": ("stop_out",)},
    )
    draft = begun(north, desk, rich)
    office = browser_of(app, north, desk, "office")

    assert office.post(f"/commission/drafts/{draft.id}", typed(rich, 1)).status_code in (302, 303)
    assert found(north, draft).plan == rich
    assert found(north, draft).revision == 2


def test_what_is_typed_becomes_the_plan(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")

    office.post(
        f"/commission/drafts/{draft.id}",
        typed(
            SAFE,
            1,
            levels="Friend 30\nFriend of a friend 12.5",
            max_total_per_lot="",
            max_total_share="70",
            has_god=False,
        ),
    )

    plan = found(north, draft).plan
    assert plan.referral is not None
    assert [(level.name, level.share) for level in plan.referral.levels] == [
        ("Friend", dec("0.3")),
        ("Friend of a friend", dec("0.125")),
    ]
    assert plan.god is None
    assert plan.caps.max_total_share_of_revenue == dec("0.7")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("levels", "Direct forty"),
        ("audit_days", "1.5"),
        ("volume_multipliers", "cent*"),
        ("typical", "EURUSD 1"),
        ("spread_basis", "dream"),
    ],
)
def test_nonsense_is_told_beside_its_field_and_changes_nothing(
    app: Flask, north: Brand, field: str, value: str
) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")

    page = office.post(f"/commission/drafts/{draft.id}", typed(SAFE, 1, **{field: value}))

    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert found(north, draft).revision == 1


def test_a_preview_shows_one_lot_and_saves_nothing(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")

    page = office.post(f"/commission/drafts/{draft.id}/preview", typed(SAFE, 1, levels="Direct 55"))

    assert page.status_code == 200
    assert "6.6000" in page.text  # 55 % of 12 dollars.
    assert found(north, draft).revision == 1


def test_two_editors_do_not_overwrite_each_other(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")
    office.post(f"/commission/drafts/{draft.id}", typed(SAFE, 1, audit_days="9"))

    late = office.post(f"/commission/drafts/{draft.id}", typed(SAFE, 1, audit_days="2"))

    assert late.status_code == 409
    assert found(north, draft).plan.audit_days == 9


def test_rules_are_added_changed_and_removed(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")
    base = f"/commission/drafts/{draft.id}/rules/referral"

    gold = {"revision": "1", "name": "gold", "symbols": "XAU*, XAG*", "kind": "pips", "pips": "2", "pip_size": "0.1"}
    assert office.post(f"{base}/new", gold).status_code in (302, 303)
    plan = found(north, draft).plan
    assert plan.referral is not None
    assert plan.referral.rules[1].match.symbols == ("XAU*", "XAG*")
    assert plan.referral.rules[1].price == dec("0.2")
    twice = office.post(f"{base}/new", gold | {"revision": "2"})
    assert twice.status_code == 422
    office.post(f"{base}/1", gold | {"revision": "2", "pips": "3"})
    assert found(north, draft).plan.referral.rules[1].pips == 3  # type: ignore[union-attr]
    office.post(f"{base}/1/remove", {"revision": "3"})
    assert [rule.name for rule in found(north, draft).plan.referral.rules] == ["default"]  # type: ignore[union-attr]


def test_the_first_worked_example_is_right_and_a_cent_less_is_wrong() -> None:
    assert check(PLAN, EXAMPLE_1).is_right
    wrong = msgspec.structs.replace(EXAMPLE_1, expected=EXAMPLE_1.expected | {"R1": dec("4.79")})
    assert check(PLAN, wrong).differences == [("R1", dec("4.79"), dec("4.80"))]
    too_brief = msgspec.structs.replace(EXAMPLE_1, held_seconds=179)
    assert check(PLAN, too_brief).reasons["R1"] == "HOLD_TOO_SHORT"


def test_a_wrong_example_keeps_the_plan_back(app: Flask, north: Brand) -> None:
    admin = make_staff(north, "admin")
    draft = begun(north, admin)
    office = browser_of(app, north, admin, "office")
    base = f"/commission/drafts/{draft.id}"
    example = reading.fill_example(EXAMPLE_1, 1) | {"expected": "R1 4.80\nR2 2.40\nR3 1.20\nG3 7.00"}

    office.post(f"{base}/examples/new", example)
    office.post(base, typed(SAFE, 2, audit_days="9"))
    refused = office.post(f"{base}/publish", {"revision": "3", "effective_day": ""})
    assert refused.status_code == 409
    assert "Not all worked examples" in refused.text
    office.post(f"{base}/examples/new", example | {"revision": "3", "expected": "R1 4.80\nR2 2.40\nR3 1.20\nG3 8.00"})
    done = office.post(f"{base}/publish", {"revision": "4", "effective_day": ""})
    assert done.status_code in (302, 303)
    with acting(north):
        assert [version.number for version in versions.all_versions()] == [2, 1]
        again = service.begin(2, currency="USD", by=admin.actor())
        assert [one.name for one in service.examples(again)] == ["Both kinds"]


def test_an_accepted_draft_that_changes_needs_another_word(north: Brand) -> None:
    desk, admin = make_staff(north, "partner_desk"), make_staff(north, "admin")
    draft = begun(north, desk)
    risky = plan_with(
        SAFE,
        caps={"max_total_per_lot": None},
        god=None,
        referral={"levels": reading.levels_of("Direct 95", "levels")},
        typical={"EURUSD": USUAL},
    )
    with acting(north):
        service.change(draft.id, risky, revision=1, by=desk.actor())
        with pytest.raises(Invalid):
            service.accept(draft.id, revision=2, reason="I like it myself.", by=desk.actor())
        with pytest.raises(service.Outdated):  # It was another plan when the page was opened.
            service.accept(draft.id, revision=1, reason="Agreed with the board.", by=admin.actor())
        service.accept(draft.id, revision=2, reason="Agreed with the board.", by=admin.actor())
        assert service.review(service.draft(draft.id)).obstacles == []
        service.change(draft.id, plan_with(risky, audit_days=8), revision=2, by=desk.actor())
        assert len(service.review(service.draft(draft.id)).obstacles) == 1


def test_the_bundle_does_not_undo_what_the_office_published(north: Brand) -> None:
    admin = make_staff(north, "admin")
    draft = begun(north, admin)
    with acting(north):
        service.change(draft.id, plan_with(SAFE, audit_days=9), revision=1, by=admin.actor())
        service.publish(draft.id, revision=2, effective_from=None, by=admin.actor())
        bundle.apply(PartnersBundle(plan=SAFE))
        assert [version.plan.audit_days for version in versions.all_versions()] == [9, 3]
        bundle.apply(PartnersBundle(plan=plan_with(SAFE, audit_days=5)))
        assert [version.plan.audit_days for version in versions.all_versions()] == [5, 9, 3]


def test_a_difference_names_the_setting() -> None:
    levels = reading.levels_of("Direct 45\nIndirect 20\nNetwork 10", "levels")
    told = differences(SAFE, plan_with(SAFE, audit_days=9, referral={"level_base": "previous", "levels": levels}))

    assert {(one.key, one.before, one.after) for one in told} == {
        ("referral.levels.Direct.share", "0.4", "0.45"),
        ("audit_days", "3", "9"),
        ("referral.level_base", "root", "previous"),
    }


def test_outsiders_see_no_draft(app: Flask, north: Brand, south: Brand) -> None:
    draft = begun(north, make_staff(north, "partner_desk"))
    sales = browser_of(app, north, make_staff(north, "sales"), "office")
    abroad = browser_of(app, south, make_staff(south, "admin"), "office")
    finance = browser_of(app, north, make_staff(north, "finance"), "office")
    base = f"/commission/drafts/{draft.id}"

    assert sales.get(f"{base}/publish").status_code == 403
    assert abroad.get(base).status_code == 404
    assert abroad.post(f"{base}/discard").status_code == 404
    assert finance.get(base).status_code == 403
    assert finance.get(f"{base}/publish").status_code == 200
    with acting(south):
        assert session().get(PlanDraft, (south.id, draft.id)) is None


def test_a_discarded_draft_no_longer_changes(app: Flask, north: Brand) -> None:
    admin = make_staff(north, "admin")
    draft = begun(north, admin)
    office = browser_of(app, north, admin, "office")
    office.post(f"/commission/drafts/{draft.id}/discard")

    assert office.post(f"/commission/drafts/{draft.id}", typed(SAFE, 1, audit_days="2")).status_code == 409
    assert (
        office.post(f"/commission/drafts/{draft.id}/publish", {"revision": "1", "effective_day": ""}).status_code == 409
    )
    assert Decimal(found(north, draft).plan.audit_days) == 3
