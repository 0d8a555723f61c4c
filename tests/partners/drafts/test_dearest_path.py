"""While a plan is made: what one lot pays on the dearest path of today's tree, with and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask

from app.core.db import in_transaction, tenant_scope, transaction
from app.partners import receivers
from app.partners.drafts.dearest import dearest
from app.partners.plan import GodTrack
from tests.partners import world
from tests.partners.conftest import THERE, here, pays
from tests.partners.test_pages import Shop, app, brands, hash_once, north, shop, south
from tests.partners.test_settlement import TreeT1
from tests.partners.trades import PLAN, dec, plan_with
from tests.support.brands import browser_of, make_staff
from tests.support.browsing import text_of

__all__ = ["app", "brands", "hash_once", "here", "north", "pays", "shop", "south"]


@pytest.fixture
def t1(here: None) -> TreeT1:
    with transaction():
        tree = TreeT1()
        world.grant(tree.b, dec(5))
        other = world.make_client("Other")
        below = world.make_client("Below")
        world.link(below, other)
        world.grant(other, dec(9))
        world.publish(PLAN)
    return tree


def test_the_path_that_pays_most_in_all_is_shown_with_what_each_gets(t1: TreeT1) -> None:
    found = in_transaction(dearest, PLAN)
    assert found is not None
    assert found.client_id in (t1.d, t1.c)  # 8 and 5 beat the 9 that stands alone.
    with transaction():
        world.grant(t1.c, dec(1))
        receivers.rebuild()
    found = in_transaction(dearest, PLAN)
    assert found is not None
    assert found.client_id == t1.d

    place = found.symbols.index("EURUSD")
    assert {rung.name: rung.amounts[place] for rung in found.rungs} == {
        "C": dec("5.80"),
        "B": dec("7.40"),
        "A": dec("9.20"),
    }
    assert (found.totals[place], found.revenues[place]) == (dec("22.40"), dec(12))


def test_the_highest_rate_alone_counts_where_rates_do_not_add_up(t1: TreeT1) -> None:
    found = in_transaction(dearest, plan_with(god=GodTrack(nested_policy="nearest")))
    assert found is not None
    assert [rung.name for rung in found.rungs] == ["Other"]


def test_without_amounts_per_lot_there_is_no_such_path(t1: TreeT1) -> None:
    assert in_transaction(dearest, plan_with(god=None)) is None
    with tenant_scope(THERE):
        assert in_transaction(dearest, PLAN) is None


def test_the_editor_shows_it_while_one_types_and_by_a_button(app: Flask, shop: Shop) -> None:
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")
    at = desk.post("/commission/drafts/", {"version": "1"}).location
    page = desk.get(at)
    assert "Pia Partner" in text_of(page)
    assert f'formaction="{at}/preview"' in page.text
    typed = {
        "name": "Typed",
        "revision": "1",
        "has_referral": "y",
        "levels": "Direct 90%",
        "has_god": "y",
        "nested_policy": "difference",
    }
    part = desk.post(f"{at}/preview", typed, htmx=True)
    whole = desk.post(f"{at}/preview", typed)  # The button of a browser without JavaScript.
    assert part.status_code == whole.status_code == 200
    assert "<html" not in part.text
    assert "<html" in whole.text
    assert 'value="Typed"' in whole.text  # Nothing typed is lost.
    assert "Typed" not in desk.get(at).text  # And nothing is saved.
