"""What a brand hides of clients is hidden on every page, in every file and answer that a partner can open."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from flask import Flask

from app.core.db import execute_sql, tenant_scope, transaction
from app.kit import clock
from app.partners.plan import Caps
from app.partners.portal import so_far
from app.partners.rebates.terms import Rebates
from app.partners.settlement import posting
from app.referrals import moves
from tests.partners import world
from tests.partners.test_pages import DAY, NOON, add_partners
from tests.partners.tokens.test_tokens import api_host, ask, key_of
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    mails,
    make_trader,
    north,
    south,
)
from tests.support.browsing import Visitor

__all__ = ["app", "brands", "hash_once", "north", "south"]

HIDDEN = ("Zebulon", "Quagmire", "Wilhelmina", "Vanderbilt", "Paraguay", ">PY<", "@secret.example")
LINK = re.compile(r'(?:href|hx-get|action)="(/[^"#]*)"')
LEFT_ALONE = re.compile(r"^/(sign-out|static|events|profile|mailbox|language|theme)|[?&]lang=")
PAGES_MAX = 400


@pytest.fixture
def pia(north: Brand, south: Brand) -> Person:
    """A partner with a direct client who has traded and disputes, somebody further down, and one who has moved away."""
    add_partners(north)
    extend_bundle(
        north,
        referrals={
            "requires_kyc_level": 0,
            "masking": {"name": "number", "email": "hidden", "country": "hidden"},
        },
    )
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    zeb = make_trader(north, "zeb@secret.example", name="Zebulon Quagmire")
    minna = make_trader(north, "minna@secret.example", name="Wilhelmina Vanderbilt")
    assert pia.client_id is not None
    assert zeb.client_id is not None
    assert minna.client_id is not None
    with tenant_scope(north.id):
        with transaction():
            world.link(zeb.client_id, pia.client_id)
            world.link(minna.client_id, zeb.client_id)
            execute_sql(
                "UPDATE client SET country = 'PY' WHERE tenant_id = :tenant_id AND id <> :pia", pia=pia.client_id
            )
            world.grant(pia.client_id, dec(8))
            world.publish(
                plan_with(
                    caps=Caps(max_total_per_lot=dec(100)),
                    audit_days=1,
                    rebates=Rebates(give_max=dec("0.5"), take_max=dec("0.2")),
                )
            )
            platform = world.make_platform()
            for who in (zeb.client_id, minna.client_id):
                platform.store(
                    [
                        {"client_id": who, "opened_at": NOON - timedelta(minutes=10), "closed_at": NOON},
                        {"client_id": who, "opened_at": NOON - timedelta(seconds=9), "closed_at": NOON},
                        {"client_id": who, "opened_at": clock.now() - timedelta(minutes=9), "closed_at": clock.now()},
                    ]
                )
        world.settle(DAY)
        posting.release_due(clock.now(), BY)
        so_far.refresh()
        with transaction():
            moves.enter(
                minna.client_id, pia.client_id, when="immediate", reason="asked", by=BY, request_id="to the top"
            )
    return pia


def crawl(visitor: Visitor, begin: list[str]) -> dict[str, str]:
    """Every page and file that links lead to from some pages, by address."""
    found: dict[str, str] = {}
    waiting = list(begin)
    while waiting and len(found) < PAGES_MAX:
        path = waiting.pop(0)
        if path in found or LEFT_ALONE.search(path):
            continue
        response = visitor.get(path)
        if response.status_code != 200 or response.mimetype not in ("text/html", "text/csv", "application/json"):
            found[path] = ""
            continue
        found[path] = response.get_data(as_text=True)
        if response.mimetype == "text/html":
            waiting += [html.unescape(link) for link in LINK.findall(found[path])]
    return found


def leaks(pages: dict[str, str]) -> list[tuple[str, str]]:
    return [(path, word) for path, text in pages.items() for word in HIDDEN if word in text]


@pytest.mark.parametrize(("audience", "home"), [("partner", "/"), ("cabinet", "/partner/")])
def test_no_page_and_no_file_shows_what_is_hidden(
    app: Flask, north: Brand, pia: Person, audience: str, home: str
) -> None:
    visitor = browser_of(app, north, pia, audience)
    prefix = home.rstrip("/")
    more = (
        "/clients.csv",
        "/sub-partners.csv",
        "/earnings.csv",
        "/funnel/people.csv",
        "/network?q=Client",
        "/shares/",
        "/disputes/",
    )
    pages = crawl(visitor, [home, *(f"{prefix}{path}" for path in more)])

    assert len(pages) > 60
    assert sum("#" in text for text in pages.values()) > 20  # Clients are there, by their numbers.
    for kind in ("/network", "/clients", "/earnings", "/statements/", "/shares", "/disputes"):
        assert any(kind in path and text for path, text in pages.items()), kind
    assert leaks(pages) == []


def test_neither_programs_nor_mails_get_what_is_hidden(app: Flask, north: Brand, pia: Person) -> None:
    api_host(north)
    key = key_of(north, pia)
    paths = ["/api/v1/", "/api/v1/earnings", "/api/v1/clients", "/api/v1/statements", f"/api/v1/statements/{DAY}"]
    answers = {path: ask(app, north, path, key).get_data(as_text=True) for path in paths}
    letters = {mail.subject: mail.subject + mail.html for mail in mails(north, "pia@example.com")}

    assert all('"data"' in answers[path] for path in paths[1:])
    assert any("moves to you" in subject for subject in letters)
    assert leaks(answers | letters) == []
