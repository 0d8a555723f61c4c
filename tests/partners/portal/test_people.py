"""Clients and sub-partners: whom a partner sees, how much of them, and what they traded."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, tenant_scope, transaction
from app.kit import clock
from app.partners import versions
from tests.partners import world
from tests.partners.trades import PLAN, dec
from tests.support.brands import Brand, Person, acting, browser_of, extend_bundle, make_trader
from tests.support.browsing import Visitor, text_of


def rows_of(visitor: Visitor, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(visitor.get(path).text.lstrip("\ufeff"))))


@pytest.fixture
def people(north: Brand, pia: Person) -> dict[str, UUID]:
    """Pia brought in Ann, who brought in Bob, who brought in Cyd; and Zoe, who trades nothing. All settled."""
    assert pia.client_id is not None
    yesterday = versions_day(north) - timedelta(days=2)
    with acting(north):
        ann, bob, cyd, zoe = (
            world.make_client(name, country=land)
            for name, land in (("Ann Able", "DE"), ("Bob Below", "AE"), ("Cyd Under", "AE"), ("Zoe Zero", "AE"))
        )
        for child, parent in ((ann, pia.client_id), (bob, ann), (cyd, bob), (zoe, pia.client_id)):
            world.link(child, parent)
        world.grant(pia.client_id, dec(8))
        world.publish(PLAN)
        at = versions.day_cut().start_of(yesterday) + timedelta(hours=9)
        world.make_platform().store(
            [
                {
                    "client_id": who,
                    "volume_lots": dec(lots),
                    "opened_at": at - timedelta(hours=1),
                    "closed_at": at,
                }
                for who, lots in ((ann, "1"), (bob, "2"), (cyd, "4"))
            ]
        )
    with tenant_scope(north.id):
        world.settle(yesterday)
    return {"ann": ann, "bob": bob, "cyd": cyd, "zoe": zoe}


def versions_day(brand: Brand) -> date:
    with acting(brand):
        return versions.day_cut().day_of(clock.business_now())


def test_clients_are_masked_and_counted_with_their_own_trades(
    portal: Visitor, north: Brand, people: dict[str, UUID]
) -> None:
    page, rows = text_of(portal.get("/clients")), rows_of(portal, "/clients.csv")

    assert "Ann A." in page
    assert "Ann Able" not in page
    found = {row["name"]: row for row in rows}
    assert set(found) == {"Ann A.", "Zoe Z."}
    with tenant_scope(north.id), transaction():
        earned = execute_sql(
            "SELECT sum(l.amount) FROM commission_line AS l JOIN settled_trade AS s ON s.tenant_id = l.tenant_id"
            " AND s.trade_id = l.trade_id WHERE l.tenant_id = :tenant_id AND s.client_id = :ann",
            ann=people["ann"],
        ).scalar_one()
    assert (dec(found["Ann A."]["lots"]), dec(found["Ann A."]["earned"])) == (1, earned)
    assert (found["Ann A."]["brought_in"], found["Zoe Z."]["lots"]) == ("1", "0")


def test_filters_narrow_page_and_file_alike(portal: Visitor, people: dict[str, UUID]) -> None:
    assert [row["name"] for row in rows_of(portal, "/clients.csv?stage=active")] == ["Ann A."]
    assert [row["name"] for row in rows_of(portal, "/clients.csv?stage=inactive")] == ["Zoe Z."]
    assert [row["name"] for row in rows_of(portal, "/clients.csv?country=DE")] == ["Ann A."]
    assert rows_of(portal, "/clients.csv?status=suspended") == []
    number = rows_of(portal, "/clients.csv?country=DE")[0]["number"]
    assert [row["name"] for row in rows_of(portal, f"/clients.csv?number={number}")] == ["Ann A."]
    assert "Nobody here" in text_of(portal.get("/clients?stage=funded"))


def test_sub_partners_come_with_everything_below_them(portal: Visitor, people: dict[str, UUID]) -> None:
    rows = rows_of(portal, "/sub-partners.csv")

    assert [(row["name"], row["people_below"], row["trades"]) for row in rows] == [("Ann A.", "2", "3")]
    assert dec(rows[0]["lots"]) == 7
    assert dec(rows[0]["earned"]) == 8 * 7 + dec("4.80") * 1 + dec("2.40") * 2 + dec("1.20") * 4
    assert "Ann A." in text_of(portal.get("/sub-partners"))


def test_others_see_none_of_them(
    portal: Visitor, neighbour: Visitor, stranger: Visitor, people: dict[str, UUID]
) -> None:
    for other in (neighbour, stranger):
        assert rows_of(other, "/clients.csv") == []
        assert rows_of(other, "/sub-partners.csv") == []
        assert "Ann" not in text_of(other.get("/clients"))


@pytest.mark.parametrize(
    ("rule", "shown"), [("hidden", ""), ("masked", "d***@example.com"), ("full", "dora@example.com")]
)
def test_an_email_is_shown_as_far_as_the_brand_says(app: Flask, south: Brand, rule: str, shown: str) -> None:
    extend_bundle(south, referrals={"masking": {"email": rule}})
    sam, dora = (make_trader(south, f"{name}@example.com", name=name.title()) for name in ("sam", "dora"))
    assert sam.client_id is not None
    assert dora.client_id is not None
    with acting(south):
        world.link(dora.client_id, sam.client_id)
    portal = browser_of(app, south, sam, "partner")

    assert [row["email"] for row in rows_of(portal, "/clients.csv")] == [shown]
    assert ("@" in text_of(portal.get("/clients"))) == bool(shown)


def test_a_brand_may_hide_countries_and_names(app: Flask, south: Brand) -> None:
    extend_bundle(south, referrals={"masking": {"name": "number", "country": "hidden"}})
    sam = make_trader(south, "sam@example.com", name="Sam South")
    assert sam.client_id is not None
    with acting(south):
        world.link(world.make_client("Dora Deep", country="DE"), sam.client_id)
    portal = browser_of(app, south, sam, "partner")

    rows = rows_of(portal, "/clients.csv?country=AE")  # A country that is hidden cannot be asked for.

    assert [(row["name"], row["country"]) for row in rows] == [("Client", "")]
    assert "Germany" not in text_of(portal.get("/clients"))
    assert "Dora" not in text_of(portal.get("/clients"))
