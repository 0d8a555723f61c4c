"""Sharing and cashback in the plan editor, and what is refused about them."""

from __future__ import annotations

import pytest
from flask import Flask

from app.partners.arbitrage import arbitrage
from app.partners.faults import faults
from app.partners.plan import CashbackRule, Match
from app.partners.rebates.terms import Rebates
from tests.partners.drafts.test_editor import SAFE, USUAL, begun, found, typed
from tests.partners.trades import dec, plan_with
from tests.support.brands import Brand, app, brands, browser_of, hash_once, make_staff, north, south

__all__ = ["app", "brands", "hash_once", "north", "south"]

RICH = plan_with(
    SAFE,
    rebates=Rebates(rebate_max=dec("0.8"), approval="office", rebate_min=dec("0.5"), give_max=dec("0.125")),
    cashback=(
        CashbackRule(name="default", per_lot=dec("0.5"), max_per_event=dec(5)),
        CashbackRule(name="metals", per_lot=dec(2), match=Match(symbol_classes=("metal",)), priority=3),
    ),
)


def test_sharing_and_cashback_survive_their_form(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk, RICH)
    office = browser_of(app, north, desk, "office")

    assert office.post(f"/commission/drafts/{draft.id}", typed(RICH, 1)).status_code in (302, 303)
    assert found(north, draft).plan == RICH
    changed = typed(RICH, 2, has_rebates=False, cashback="XAU* 1.25\nmetals 3")
    assert office.post(f"/commission/drafts/{draft.id}", changed).status_code in (302, 303)
    plan = found(north, draft).plan
    assert plan.rebates is None
    assert [(rule.name, rule.per_lot, rule.match.symbols) for rule in plan.cashback] == [
        ("XAU*", dec("1.25"), ("XAU*",)),
        ("metals", dec(3), ()),
    ]
    wrong = typed(plan, 3, cashback="XAU*")
    assert office.post(f"/commission/drafts/{draft.id}", wrong).status_code == 422


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"rebates": Rebates(rebate_max=dec("1.01"))}, "rebates.rebate_max"),
        ({"rebates": Rebates(give_max=dec("-0.1"))}, "rebates.give_max"),
        ({"rebates": Rebates(take_max=dec("NaN"))}, "rebates.take_max"),
        ({"rebates": Rebates(rebate_min=dec(-1))}, "rebates.rebate_min"),
        ({"cashback": (CashbackRule(name="a", per_lot=dec(1)), CashbackRule(name="a", per_lot=dec(2)))}, "cashback"),
        ({"cashback": (CashbackRule(name="a", per_lot=dec(-1)),)}, "cashback.a.per_lot"),
        ({"cashback": (CashbackRule(name="a", per_lot=dec(1), max_per_event=dec(0)),)}, "cashback.a.max_per_event"),
    ],
)
def test_limits_that_cannot_be_are_refused(changes: dict[str, object], key: str) -> None:
    assert key in {found for found, _ in faults(plan_with(SAFE, **changes))}


def test_cashback_counts_in_the_no_arbitrage_check() -> None:
    plan = plan_with(god=None, typical={"EURUSD": USUAL}, cashback=(CashbackRule(name="a", per_lot=dec(5)),))
    [row] = arbitrage(plan, dec(0))

    assert row.worst == dec("8.40") + dec(5)
    assert not row.is_safe
    assert "typical.EURUSD" in {key for key, _ in faults(plan)}
