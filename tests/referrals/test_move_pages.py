"""Moves and corrections in the office as people press them, and what another brand's staff get."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import in_transaction, tenant_scope
from app.partners import receivers
from app.referrals import queries
from tests.partners import world
from tests.partners.test_pages import Shop, number_of, shop
from tests.support.brands import (
    Brand,
    acting,
    app,
    brands,
    browser_of,
    hash_once,
    make_staff,
    north,
    south,
)
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "shop", "south"]


@pytest.fixture
def desk(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")


@pytest.fixture
def other(shop: Shop) -> UUID:
    """Another partner of the same brand."""
    with acting(shop.brand):
        return world.make_client("Quentin Other")


def fields(desk: Visitor, page: str, partner: str, **more: str) -> dict[str, str]:
    return {"parent": partner, "scope": "structure", "when": "immediate", "dated": "", "reason": "asked",
            "once": desk.form_number(page)} | more  # fmt: skip


def sponsor(shop: Shop) -> UUID | None:
    assert shop.dan.client_id is not None
    with tenant_scope(shop.brand.id):
        return in_transaction(queries.parent_at, shop.dan.client_id, datetime.now(UTC))


def test_a_move_is_shown_before_and_undone_after(desk: Visitor, shop: Shop, other: UUID) -> None:
    page, number = f"/tree/{shop.dan.client_id}/move", number_of(shop.brand, other)
    seen = desk.post(page, fields(desk, page, number, act="preview"))
    words = text_of(seen)
    assert seen.status_code == 200
    assert "2 people" in words
    assert "Quentin Other" in words
    assert "Pia Partner" in words
    assert "12.80" in words  # Eight per lot and 40% of a spread of 12, before caps.
    assert sponsor(shop) == shop.pia.client_id

    assert desk.post(page, fields(desk, page, number)).status_code == 303
    assert sponsor(shop) == other
    listed = desk.get("/tree/moves?q=Dan")
    (move,) = set(re.findall(r"/tree/moves/([0-9a-f-]{36})", listed.text))
    assert "Quentin Other" in text_of(listed)
    assert "No move" in text_of(desk.get("/tree/moves?q=Nobody"))
    assert "No move" in text_of(desk.get("/tree/moves?state=pending"))

    empty = desk.post(f"/tree/moves/{move}/end", {"reason": ""})
    assert empty.status_code == 422
    assert desk.post(f"/tree/moves/{move}/end", {"reason": "the wrong Dan"}).status_code == 303
    assert sponsor(shop) == shop.pia.client_id
    assert "the wrong Dan" in text_of(desk.get(f"/tree/moves/{move}"))
    assert desk.post(f"/tree/moves/{move}/end", {"reason": "again"}).status_code == 409
    with tenant_scope(shop.brand.id):
        assert in_transaction(receivers.differences) == 0


def test_a_dated_move_needs_a_day_and_is_called_off(desk: Visitor, shop: Shop, other: UUID) -> None:
    page, number = f"/tree/{shop.dan.client_id}/move", number_of(shop.brand, other)
    for day in ("", "soon", "2020-01-01"):
        refused = desk.post(page, fields(desk, page, number, when="dated", dated=day))
        assert refused.status_code == 422
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    assert desk.post(page, fields(desk, page, number, when="dated", dated=day)).status_code == 303
    assert sponsor(shop) == shop.pia.client_id
    assert "Quentin Other" in text_of(desk.get(f"/tree/{shop.dan.client_id}?at={day}T12:00"))
    pending = desk.get("/tree/moves?state=pending")
    (move,) = set(re.findall(r"/tree/moves/([0-9a-f-]{36})", pending.text))
    assert "Call off the move" in text_of(desk.get(f"/tree/moves/{move}"))
    assert desk.post(f"/tree/moves/{move}/end", {"reason": "not now"}).status_code == 303
    assert "Called off" in text_of(desk.get(f"/tree/moves/{move}"))


def test_the_path_to_somebody_is_opened(desk: Visitor, shop: Shop) -> None:
    found = desk.get("/tree/?q=Dora", target="list")
    (link,) = [part.split('"')[0] for part in found.text.split('href="') if part.startswith("/tree/?open=")]
    page = text_of(desk.get(link))
    assert "Pia Partner" in page
    assert "Dan Trader" in page
    assert "Found" in page
    assert "Dora Below" in page
    count = desk.get(f"/tree/{shop.pia.client_id}/below", target="below")
    assert "In total" in text_of(count)


def test_a_correction_takes_two_people(app: Flask, desk: Visitor, shop: Shop, other: UUID) -> None:
    page = f"/tree/{shop.dan.client_id}/correct"
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    wrong = {"parent": number_of(shop.brand, other), "since": "never", "reason": "x", "once": desk.form_number(page)}
    assert desk.post(page, wrong).status_code == 422
    assert desk.post(page, wrong | {"since": "2020-01-01T00:00"}).status_code == 422
    sent = desk.post(page, wrong | {"since": since, "reason": "signed up with the paper form of Quentin"})
    assert sent.status_code == 303
    path = sent.location.partition(desk.host)[2] or sent.location
    assert "Another person" in text_of(desk.get(path))
    assert desk.post(f"{path}/approve").status_code == 403
    assert sponsor(shop) == shop.pia.client_id

    officer = browser_of(app, shop.brand, make_staff(shop.brand, "compliance"), "office")
    assert "One correction waits" in text_of(officer.get("/tree/"))
    assert officer.post(f"{path}/refuse", {"note": "no"}).status_code == 403
    assert officer.post(f"{path}/approve").status_code == 303
    assert sponsor(shop) == other
    assert "Trades settled anew" in text_of(officer.get(path))
    assert officer.post(f"{path}/approve").status_code == 409


def test_only_permitted_staff_move_and_correct(app: Flask, shop: Shop, south: Brand) -> None:
    support = browser_of(app, shop.brand, make_staff(shop.brand, "support"), "office")
    assert support.get("/tree/moves").status_code == 200
    assert support.get("/tree/corrections").status_code == 200
    assert support.get(f"/tree/{shop.dan.client_id}/correct").status_code == 403
    assert support.get(f"/tree/{shop.dan.client_id}/move").status_code == 403
    theirs = browser_of(app, south, make_staff(south, "admin"), "office")
    for path in ("move", "correct", "below"):
        assert theirs.get(f"/tree/{shop.dan.client_id}/{path}").status_code == 404
    assert theirs.get(f"/tree/?open={shop.dan.client_id}").status_code == 404
