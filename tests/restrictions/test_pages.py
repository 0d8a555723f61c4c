"""The matrix page: setting and lifting locks, and who may."""

import re

import pytest
from flask import Flask

from app.kit.ids import new_id
from app.restrictions import queries, service
from tests.support.brands import Brand, Person, acting, browser_of, make_staff, make_trader
from tests.support.browsing import text_of


@pytest.fixture
def mona(north: Brand) -> Person:
    return make_trader(north)


def address(person: Person) -> str:
    return f"/clients/{person.client_id}/restrictions"


def test_compliance_locks_two_functions_and_lifts_one(app: Flask, north: Brand, mona: Person) -> None:
    office = browser_of(app, north, make_staff(north, "compliance"), "office")
    assert "Mona Haddad" in text_of(office.get(address(mona)))

    data = {
        "functions": ["sign_in", "profile_edit"],
        "reason_code": "security_incident",
        "expires_on": "2099-01-31",
        "public_note": "Call us, please.",
        "internal_note": "Case 7",
    }
    assert office.post(address(mona), data).status_code == 303

    page = office.get(address(mona))
    assert "Call us, please." in text_of(page)
    assert mona.client_id is not None
    with acting(north):
        assert service.is_locked("sign_in", mona.client_id)
        assert service.is_locked("profile_edit", mona.client_id)
    lift = re.findall(r'action="([^"]+/lift)"', page.get_data(as_text=True))
    assert len(lift) == 2
    stranger = make_trader(north, "omar@north.example")
    under_another = lift[0].replace(str(mona.client_id), str(stranger.client_id))
    assert office.post(under_another, {"reason": "cleared"}).status_code == 404
    assert office.post(lift[0], {"reason": ""}).status_code == 422
    assert office.post(lift[0], {"reason": "cleared"}).status_code == 303
    assert office.post(lift[0], {"reason": "cleared"}).status_code == 409
    with acting(north):
        assert [service.is_locked(code, mona.client_id) for code in ("sign_in", "profile_edit")].count(True) == 1
    assert "cleared" in text_of(office.get(address(mona)))


@pytest.mark.parametrize(
    "data",
    [
        {"reason_code": "test"},
        {"functions": ["sign_in"]},
        {"functions": ["fly"], "reason_code": "test"},
        {"functions": ["sign_in"], "reason_code": "whim"},
        {"functions": ["sign_in"], "reason_code": "test", "expires_on": "2001-01-01"},
        {"functions": ["sign_in"], "reason_code": "test", "expires_on": "tomorrow"},
        {"functions": ["sign_in"], "reason_code": "test", "public_note": "x" * 501},
    ],
)
def test_a_form_that_makes_no_sense_locks_nothing(
    app: Flask, north: Brand, mona: Person, data: dict[str, object]
) -> None:
    office = browser_of(app, north, make_staff(north, "compliance"), "office")

    answer = office.post(address(mona), data)

    assert answer.status_code == 422
    assert mona.client_id is not None
    with acting(north):
        assert not service.is_locked("sign_in", mona.client_id)


def test_who_may_set_may_not_lift_and_who_may_only_read_neither(app: Flask, north: Brand, mona: Person) -> None:
    support, sales = (browser_of(app, north, make_staff(north, role), "office") for role in ("support", "sales"))
    data = {"functions": ["sign_in"], "reason_code": "test"}
    assert sales.get(address(mona)).status_code == 200
    assert sales.post(address(mona), data).status_code == 403
    assert support.post(address(mona), data).status_code == 303
    page = support.get(address(mona)).get_data(as_text=True)

    assert "/lift" not in page
    assert mona.client_id is not None
    with acting(north):
        (row,) = queries.history_of(mona.client_id)
    assert support.post(f"{address(mona)}/{row.id}/lift", {"reason": "mine"}).status_code == 403


def test_another_brands_client_and_a_made_up_one_are_not_found(
    app: Flask, north: Brand, south: Brand, mona: Person
) -> None:
    office = browser_of(app, south, make_staff(south, "compliance"), "office")
    data = {"functions": ["sign_in"], "reason_code": "test"}

    for path in (address(mona), f"/clients/{new_id()}/restrictions"):
        assert office.get(path).status_code == 404
        assert office.post(path, data).status_code == 404
    with acting(north):
        assert mona.client_id is not None
        assert not service.is_locked("sign_in", mona.client_id)
        row = service.lock(mona.client_id, "sign_in", reason_code="test", by=mona.actor())
    other = make_trader(south, "omar@example.com")
    assert office.post(f"{address(other)}/{row.id}/lift", {"reason": "x"}).status_code == 404
