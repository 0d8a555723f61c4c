"""The audit log as its readers see it."""

import csv
import io
import re

import pytest
from flask import Flask

from app.audit import jobs
from tests.support.brands import Brand, Person, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of


@pytest.fixture
def admin(north: Brand) -> Person:
    return make_staff(north, "admin")


@pytest.fixture
def office(app: Flask, north: Brand, admin: Person) -> Visitor:
    office = browser_of(app, north, admin, "office")
    officer = make_staff(north, "sales")
    office.post(f"/staff/{officer.id}/roles", {"roles": ["sales", "support"]})
    return office


def test_the_log_shows_who_changed_what_and_whether_it_is_sealed(office: Visitor) -> None:
    before = text_of(office.get("/audit?action=identity.staff"))
    assert "identity.staff.roles" in before
    assert '["sales"] → ["sales", "support"]' in before
    assert "Not sealed yet" in before

    jobs.seal_all()

    assert "Not sealed yet" not in text_of(office.get("/audit?action=identity.staff"))


def test_a_record_has_a_page_of_its_own(office: Visitor) -> None:
    jobs.seal_all()
    page = office.get("/audit?action=identity.staff.roles").get_data(as_text=True)
    (path,) = set(re.findall(r'href="(/audit/[0-9a-f-]{36})"', page))

    shown = text_of(office.get(path))

    assert "identity.staff.roles" in shown
    assert "Place in the chain" in shown
    assert "203.0.113.7" in shown


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("action=identity.staff", True),
        ("action=payments", False),
        ("actor=admin", True),
        ("actor=%25", False),
        ("object=identity_user", True),
        ("object=wallet", False),
        ("client=01a20f85-2581-7075-a2dd-12202132e534", False),
        ("since=2001-01-01&until=2002-01-01", False),
        ("since=2001-01-01", True),
        ("since=nonsense&page=x&client=y", True),
    ],
)
def test_filters_narrow_the_log(office: Visitor, query: str, is_shown: bool) -> None:
    answer = office.get(f"/audit?{query}", target="list")

    assert answer.status_code == 200
    assert ("identity.staff.roles" in text_of(answer)) is is_shown


def test_the_csv_holds_what_the_page_shows(office: Visitor) -> None:
    answer = office.get("/audit.csv?action=identity.staff.roles")

    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert answer.mimetype == "text/csv"
    assert [row["action"] for row in rows] == ["identity.staff.roles"]
    assert rows[0]["changes"] == 'roles: ["sales"] -> ["sales", "support"]'


def test_a_clients_acts_are_found_by_the_client(app: Flask, north: Brand, office: Visitor) -> None:
    mona = make_trader(north)

    shown = text_of(office.get(f"/audit?client={mona.client_id}"))

    assert "identity.register" in shown
    assert "identity.staff.roles" not in shown


def test_another_brands_record_is_not_found(app: Flask, north: Brand, south: Brand, office: Visitor) -> None:
    page = office.get("/audit?action=identity.staff.roles").get_data(as_text=True)
    (path,) = set(re.findall(r'href="(/audit/[0-9a-f-]{36})"', page))
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")

    assert stranger.get(path).status_code == 404
    assert "identity.staff.roles" not in text_of(stranger.get("/audit"))
    assert "identity.staff.roles" not in stranger.get("/audit.csv").get_data(as_text=True)
