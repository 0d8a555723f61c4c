"""A partner's own network as pages: levels, search to the path, as of an instant, counted; and nobody else's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.core.db import tenant_scope, transaction
from app.referrals import moves
from tests.partners import world
from tests.partners.test_pages import Shop, add_partners, shop
from tests.partners.world import BY
from tests.support.brands import Brand, app, brands, browser_of, extend_bundle, hash_once, make_trader, north, south
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "shop", "south"]


@pytest.fixture
def pia(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, shop.pia, "partner")


def test_a_search_leads_to_the_path(pia: Visitor, shop: Shop) -> None:
    found = pia.get("/network?q=Dora")
    assert "Dora B." in text_of(found)
    assert "Below" not in text_of(found).replace("Nobody below you", "")
    (link,) = [part.split('"')[0] for part in found.text.split('href="') if part.startswith("/network?open=")]

    path = pia.get(link)

    assert "Dan T." in text_of(path)
    assert "Found" in text_of(path)
    assert 'aria-level="2"' in path.text


def test_what_is_hidden_cannot_be_searched(pia: Visitor, shop: Shop) -> None:
    for hidden in ("Trader", "dan@example.com", "Partner"):
        assert "Nobody below you matches" in text_of(pia.get(f"/network?q={hidden}"))
    extend_bundle(shop.brand, referrals={"masking": {"name": "full"}})
    assert "Dan Trader" in text_of(pia.get("/network?q=Trader"))
    extend_bundle(shop.brand, referrals={"masking": {"name": "number"}})
    assert "Dan" not in text_of(pia.get("/network"))


def test_the_network_as_of_an_instant(pia: Visitor, shop: Shop) -> None:
    assert shop.dan.client_id is not None
    with tenant_scope(shop.brand.id), transaction():
        other = world.make_client("Quentin Other")
        moves.enter(shop.dan.client_id, other, when="immediate", reason="asked", by=BY, request_id="away")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")

    assert "Dan T." not in text_of(pia.get("/network"))
    assert "Dan T." in text_of(pia.get(f"/network?at={yesterday}"))
    assert pia.get(f"/network/{shop.dan.client_id}").status_code == 404
    assert pia.get(f"/network/{shop.dan.client_id}?at={yesterday}").status_code == 200
    for wrong in ("yesterday", "2999-01-01", "0001-01-01T00:00"):  # What cannot be read, or is to come, means now.
        assert "Dan T." not in text_of(pia.get(f"/network?at={wrong}"))


def test_rows_show_lots_and_what_they_earned_one(pia: Visitor, shop: Shop) -> None:
    now, then = text_of(pia.get("/network")), text_of(pia.get(f"/network?at={datetime.now(UTC):%Y-%m-%dT00:00}"))

    assert re.search(r"Dan T\. #\d+ 1 – 2\.00 10\.00 Active", now)  # One of two trades paid, at the plan's cap.
    assert "You earned" in now
    assert "You earned" not in then  # Sums are of the last days, not of those before an instant.
    deeper = text_of(pia.get(f"/network/{shop.dan.client_id}"))
    assert re.search(r"Dora B\. #\d+ 0 – – – Active", deeper)


def test_everybody_below_is_counted_when_asked(pia: Visitor, shop: Shop) -> None:
    part = pia.get(f"/network/{shop.pia.client_id}/below", target="below")
    assert "2 people." in text_of(part)
    assert "<html" not in part.text
    assert pia.get(f"/network/{shop.dan.client_id}/below").status_code == 200


def test_others_see_nothing_of_it(app: Flask, shop: Shop, south: Brand) -> None:
    add_partners(south)
    outsider = browser_of(app, south, make_trader(south, "olga@example.com", name="Olga Outside"), "partner")
    dan = browser_of(app, shop.brand, shop.dan, "partner")
    for visitor in (outsider, dan):
        assert visitor.get(f"/network?open={shop.pia.client_id}").status_code == 404
        assert visitor.get(f"/network/{shop.pia.client_id}/below").status_code == 404
        assert "Nobody below you matches" in text_of(visitor.get("/network?q=Pia"))
