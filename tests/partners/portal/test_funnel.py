"""The funnel: every figure is the number of rows behind it, for each partner and over all."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.identity import service as identity
from app.kit import clock
from app.partners.portal import queries
from app.partners.portal.queries import FunnelFilter
from tests.partners import world
from tests.partners.awards.cash import deposit
from tests.partners.portal.test_links import follow, make_link
from tests.support.brands import PASSWORD, Brand, Person, acting
from tests.support.browsing import Visitor, text_of


def sign_up(brand: Brand, email: str, code: str) -> UUID:
    with acting(brand):
        user = identity.create_trader(
            email=email, name=email.partition("@")[0].title() + " Client", country="AE", password=PASSWORD,
            language="en", referral_code=code,
        )  # fmt: skip
        assert user.client_id is not None
        return user.client_id


def trade(brand: Brand, client_id: UUID, *, days_ago: int = 1, is_demo: bool = False) -> None:
    with acting(brand):
        at = clock.now() - timedelta(days=days_ago)
        platform = world.make_platform()
        platform.deals = execute_sql("SELECT count(*) FROM closed_trade WHERE tenant_id = :tenant_id").scalar_one()
        platform.store(
            [{"client_id": client_id, "opened_at": at - timedelta(hours=1), "closed_at": at, "is_demo": is_demo}]
        )


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))


@pytest.fixture
def spring(app: Flask, north: Brand, portal: Visitor) -> str:
    """The code of a link that three people followed, two of whom signed up: one is verified and has traded."""
    _page, code = make_link(portal)
    for number in range(3):
        follow(app, north, code, ip=f"198.51.100.{number}")
    first = sign_up(north, "ann@example.com", code)
    sign_up(north, "ben@example.com", code)
    with acting(north):
        execute_sql("UPDATE client SET kyc_level = 1 WHERE tenant_id = :tenant_id AND id = :id", id=first)
    trade(north, first)
    return code


def test_the_figures_are_the_rows(app: Flask, north: Brand, pia: Person, portal: Visitor, spring: str) -> None:
    plain = portal.get("/links").text.split("/r/")[1][:10]
    follow(app, north, plain, ip="198.51.100.50")
    carl = sign_up(north, "carl@example.com", plain)
    trade(north, carl, days_ago=40)  # Too long ago to be active.
    trade(north, carl, is_demo=True)

    by_link = rows_of(portal.get("/funnel.csv?by=link").text)
    people = rows_of(portal.get("/funnel/people.csv").text)
    page = text_of(portal.get("/funnel"))

    assert {row["link"]: row["clicks"] for row in by_link} == {"My video": "3", "plain": "1"}
    assert sum(int(row["registrations"]) for row in by_link) == len(people) == 3
    for stage in ("verified", "funded", "active"):
        assert sum(int(row[stage]) for row in by_link) == sum(int(row[stage]) for row in people)
    assert {row["client"] for row in people} == {"Ann C.", "Ben C.", "Carl C."}
    assert [row["active"] for row in people if row["client"] == "Carl C."] == ["0"]
    assert "My video 3 2 1 0 1" in page
    assert "Sum 4 3 1 0 1" in page


@pytest.mark.parametrize("by", ["link", "campaign", "day", "month", "partner"])
def test_every_way_to_divide_gives_the_same_sum(north: Brand, pia: Person, spring: str, by: queries.By) -> None:
    with acting(north):
        today = clock.business_now().date()
        wanted = FunnelFilter(today - timedelta(days=3), today + timedelta(days=1), partner_id=pia.client_id)
        rows, total = queries.funnel(wanted, by), queries.total(wanted)

    assert total.clicks == sum(row.clicks for row in rows) == 3
    assert total.registrations == sum(row.registrations for row in rows) == 2
    assert total.active == sum(row.active for row in rows) == 1


def test_filters_narrow_figures_and_rows_alike(portal: Visitor, spring: str) -> None:
    assert len(rows_of(portal.get("/funnel/people.csv?campaign=spring").text)) == 2
    assert rows_of(portal.get("/funnel/people.csv?campaign=autumn").text) == []
    assert rows_of(portal.get("/funnel/people.csv?link=plain").text) == []
    assert rows_of(portal.get("/funnel.csv?from=2020-01-01&to=2020-02-01").text) == []
    assert "Nobody came in these days" in text_of(portal.get("/funnel?from=2020-01-01&to=2020-02-01"))


def test_others_see_nothing_of_it(portal: Visitor, neighbour: Visitor, stranger: Visitor, spring: str) -> None:
    for other in (neighbour, stranger):
        assert rows_of(other.get("/funnel.csv").text) == []
        assert rows_of(other.get("/funnel/people.csv").text) == []


def test_the_office_sees_every_partner_and_whole_names(
    north: Brand, south: Brand, pia: Person, desk: Visitor, spring: str
) -> None:
    rows = rows_of(desk.get("/commission/funnel.csv").text)
    people = rows_of(desk.get("/commission/funnel/people.csv").text)
    of_pia = text_of(desk.get(f"/commission/partners/{pia.client_id}/funnel"))

    assert [(row["partner"], row["clicks"], row["registrations"]) for row in rows] == [("Pia Partner", "3", "2")]
    assert {row["client"] for row in people} == {"Ann Client", "Ben Client"}
    assert "My video 3 2 1 0 1" in of_pia
    assert "Ann Client" in of_pia


def test_a_deposit_that_was_credited_counts_as_funded(north: Brand, portal: Visitor, spring: str) -> None:
    ann = next(row for row in rows_of(portal.get("/funnel/people.csv").text) if row["client"] == "Ann C.")
    assert ann["funded"] == "0"
    with acting(north):
        ids = execute_sql("SELECT client_id FROM link_registration WHERE tenant_id = :tenant_id").scalars().all()
        deposit(ids[0], "100", clock.now())

    assert sum(int(row["funded"]) for row in rows_of(portal.get("/funnel.csv").text)) == 1
