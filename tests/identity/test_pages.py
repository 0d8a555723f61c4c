"""The pages of identity, as browsers see them."""

import re

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.identity import service
from app.restrictions import service as restrictions
from tests.support.brands import (
    PASSWORD,
    VISITOR,
    Brand,
    Person,
    acting,
    browser_of,
    enter,
    link_in,
    mails,
    make_staff,
    make_trader,
)
from tests.support.browsing import Visitor, text_of

SIGN_UP = {"name": "Mona Haddad", "email": "mona@example.com", "country": "AE", "password": PASSWORD}


@pytest.fixture
def mona(north: Brand) -> Person:
    return make_trader(north)


@pytest.fixture
def admin(north: Brand) -> Person:
    return make_staff(north, "admin")


def visitor(app: Flask, host: str) -> Visitor:
    return Visitor(app, host)


def cookie(who: Visitor) -> str | None:
    found = who.client.get_cookie("sid", domain=who.host)
    return found.value if found else None


def test_from_sign_up_to_the_first_page_signed_in(app: Flask, north: Brand) -> None:
    browser = visitor(app, north.cabinet)
    assert browser.get("/sign-up?ref=LENA7").status_code == 200
    assert 'value="LENA7"' in browser.get("/sign-up?ref=LENA7").get_data(as_text=True)

    sent = browser.post("/sign-up", SIGN_UP)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/check-mail")
    assert "mona@example.com" in text_of(browser.get("/check-mail"))
    path = link_in(mails(north)[0])
    assert browser.get(path).status_code == 200
    refused = browser.post(path, {"password": "a wrong password"})
    assert refused.status_code == 422
    assert cookie(browser) is None
    entered = browser.post(path, {"password": PASSWORD})

    assert entered.status_code == 303
    assert cookie(browser)
    assert browser.get("/profile").status_code == 200
    assert browser.get(path).status_code == 410


def test_a_bad_sign_up_keeps_what_was_typed_and_says_what_to_change(app: Flask, north: Brand) -> None:
    browser = visitor(app, north.cabinet)

    answer = browser.post("/sign-up", {**SIGN_UP, "password": "short", "country": "ZZ"})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="Mona Haddad"' in page
    assert "short" not in page
    assert "Choose one of the options." in text_of(answer)
    answer = browser.post("/sign-up", {**SIGN_UP, "password": "short"})
    assert "Use at least 8 characters." in text_of(answer)
    assert mails(north) == []


def test_sign_up_answers_a_known_address_like_a_new_one(app: Flask, north: Brand, mona: Person) -> None:
    known = visitor(app, north.cabinet).post("/sign-up", SIGN_UP)
    new = visitor(app, north.cabinet).post("/sign-up", {**SIGN_UP, "email": "new@example.com"})

    assert (known.status_code, known.headers["Location"]) == (new.status_code, new.headers["Location"])


def test_signing_in_replaces_whatever_cookie_the_browser_held(app: Flask, north: Brand, mona: Person) -> None:
    browser = visitor(app, north.cabinet)
    browser.client.set_cookie("sid", "f" * 43, domain=north.cabinet)

    answer = browser.post("/sign-in?next=/profile", {"email": mona.email, "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile")
    (held,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sid=")]
    assert "HttpOnly" in held
    assert "SameSite=Lax" in held
    assert "Path=/" in held
    assert "Domain" not in held
    assert "Secure" not in held
    assert cookie(browser) not in (None, "f" * 43)


def test_over_https_the_cookie_is_bound_to_its_host(app: Flask, north: Brand, mona: Person) -> None:
    client = app.test_client()
    page = client.get("/sign-in", base_url=f"https://{north.cabinet}").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None

    answer = client.post(
        "/sign-in",
        base_url=f"https://{north.cabinet}",
        data={"email": mona.email, "password": PASSWORD},
        headers={"X-CSRFToken": token[1], "Referer": f"https://{north.cabinet}/sign-in"},
    )

    (held,) = [value for value in answer.headers.getlist("Set-Cookie") if "sid=" in value]
    assert held.startswith("__Host-sid=")
    assert "Secure" in held


@pytest.mark.parametrize("back", ["//evil.example/x", "/\\evil.example", "https://evil.example"])
def test_sign_in_never_leads_away_from_this_host(app: Flask, north: Brand, mona: Person, back: str) -> None:
    from urllib.parse import quote

    answer = visitor(app, north.cabinet).post(
        f"/sign-in?next={quote(back, safe='')}", {"email": mona.email, "password": PASSWORD}
    )

    assert answer.headers["Location"] == "/"


def test_a_wrong_password_says_so_and_signs_nobody_in(app: Flask, north: Brand, mona: Person) -> None:
    browser = visitor(app, north.cabinet)

    answer = browser.post("/sign-in", {"email": mona.email, "password": "a wrong password"})

    assert answer.status_code == 422
    assert "The e-mail or the password is not right." in text_of(answer)
    assert cookie(browser) is None


def test_too_many_tries_are_told_when_to_come_back(app: Flask, north: Brand, mona: Person) -> None:
    browser = visitor(app, north.cabinet)
    for _ in range(5):
        browser.post("/sign-in", {"email": mona.email, "password": "a wrong password"})

    answer = browser.post("/sign-in", {"email": mona.email, "password": PASSWORD})

    assert answer.status_code == 429
    assert "Try again in" in text_of(answer)


def test_a_form_without_its_token_does_nothing(app: Flask, north: Brand, mona: Person) -> None:
    client = app.test_client()

    answer = client.post(
        "/sign-in", base_url=f"http://{north.cabinet}", data={"email": mona.email, "password": PASSWORD}
    )

    assert answer.status_code == 400
    assert not [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sid=")]


def test_signing_out_ends_the_session_for_good(app: Flask, north: Brand, mona: Person) -> None:
    browser = browser_of(app, north, mona, "cabinet")
    token = cookie(browser)
    assert token is not None

    answer = browser.post("/sign-out")

    assert answer.status_code == 303
    assert cookie(browser) is None
    with acting(north):
        assert service.signed_in(token, "cabinet") is None


def test_a_session_of_one_brand_is_a_stranger_at_another_and_in_the_office(
    app: Flask, north: Brand, south: Brand, mona: Person
) -> None:
    token = enter(north, mona, "cabinet").token
    for host in (south.cabinet, north.office, north.partner):
        browser = visitor(app, host)
        browser.client.set_cookie("sid", token, domain=host)

        answer = browser.get("/profile")

        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in")


def test_a_partner_signs_in_with_the_same_login(app: Flask, north: Brand, mona: Person) -> None:
    browser = visitor(app, north.partner)

    assert browser.post("/sign-in", {"email": mona.email, "password": PASSWORD}).status_code == 303
    assert browser.get("/profile").status_code == 200


def test_a_forgotten_password_is_replaced_through_the_mailbox(app: Flask, north: Brand, mona: Person) -> None:
    browser = visitor(app, north.cabinet)
    known = browser.post("/forgot-password", {"email": mona.email})
    unknown = browser.post("/forgot-password", {"email": "nobody@example.com"})
    assert known.status_code == unknown.status_code == 200
    assert text_of(known).replace(mona.email, "") == text_of(unknown).replace("nobody@example.com", "")
    path = link_in(mails(north)[0])

    assert browser.get(path).status_code == 200
    assert browser.post(path, {"password": "short"}).status_code == 422
    assert browser.post(path, {"password": "another quiet evening"}).status_code == 303
    assert browser.get(path).status_code == 410
    assert browser.post("/sign-in", {"email": mona.email, "password": PASSWORD}).status_code == 422
    assert browser.post("/sign-in", {"email": mona.email, "password": "another quiet evening"}).status_code == 303


def test_a_person_changes_profile_language_and_colours(app: Flask, north: Brand, mona: Person) -> None:
    browser = browser_of(app, north, mona, "cabinet")

    answer = browser.post(
        "/profile", {"name": "Mona H.", "language": "en", "theme": "dark", "timezone": "Europe/Berlin"}
    )

    assert answer.status_code == 303
    assert any(value.startswith("theme=dark") for value in answer.headers.getlist("Set-Cookie"))
    page = browser.get("/profile").get_data(as_text=True)
    assert 'value="Mona H."' in page
    wrong = browser.post("/profile", {"name": "", "language": "xx", "theme": "dark", "timezone": "Mars/Base"})
    assert wrong.status_code == 422


def test_a_locked_profile_stays_as_it_is_and_its_owner_reads_why(app: Flask, north: Brand, mona: Person) -> None:
    officer = make_staff(north, "compliance")
    browser = browser_of(app, north, mona, "cabinet")
    assert mona.client_id is not None
    with acting(north):
        restrictions.lock(
            mona.client_id, "profile_edit", reason_code="aml_review", public_note="Wait for us.", by=officer.actor()
        )

    answer = browser.post("/profile", {"name": "X", "language": "en", "theme": "dark", "timezone": "UTC"})

    assert answer.status_code == 403
    assert "Wait for us." in text_of(answer)
    with acting(north):
        assert execute_sql("SELECT name FROM identity_user WHERE id = :id", id=mona.id).scalar_one() == "Mona Haddad"


def test_ending_a_session_from_the_list_signs_that_browser_out(app: Flask, north: Brand, mona: Person) -> None:
    here, there = browser_of(app, north, mona, "cabinet"), browser_of(app, north, mona, "cabinet")
    page = here.get("/profile").get_data(as_text=True)
    (path,) = re.findall(r'action="(/profile/sessions/[0-9a-f-]{36}/end)"', page)

    assert here.post(path).status_code == 303

    assert there.get("/profile").status_code == 303
    assert here.get("/profile").status_code == 200


def test_changing_the_password_signs_the_other_browser_out(app: Flask, north: Brand, mona: Person) -> None:
    here, there = browser_of(app, north, mona, "cabinet"), browser_of(app, north, mona, "partner")

    refused = here.post("/profile/password", {"current": "a guess of mine", "new": "another quiet evening"})
    assert (refused.status_code, there.get("/profile").status_code) == (422, 200)
    assert here.post("/profile/password", {"current": PASSWORD, "new": "another quiet evening"}).status_code == 303

    assert there.get("/profile").status_code == 303
    assert here.get("/profile").status_code == 200


def test_an_administrator_invites_changes_and_disables(app: Flask, north: Brand, admin: Person) -> None:
    office = browser_of(app, north, admin, "office")
    for path in ("/staff", "/staff/invite", "/staff/roles", "/staff?q=nobody&role=sales&status=active"):
        assert office.get(path).status_code == 200

    assert office.post("/staff/invite", {"name": "Lena", "email": "lena@north.example"}).status_code == 422
    data = {"name": "Lena", "email": "lena@north.example", "roles": ["finance", "sales"]}
    assert office.post("/staff/invite", data).status_code == 303
    path = link_in(mails(north, "lena@north.example")[0])
    lena = visitor(app, north.office)
    assert lena.get(path).status_code == 200
    assert lena.post(path, {"name": "Lena Weber", "password": "too short"}).status_code == 422
    assert lena.post(path, {"name": "Lena Weber", "password": PASSWORD}).status_code == 303
    assert lena.get("/profile").status_code == 200
    assert lena.get("/staff").status_code == 403

    listed = office.get("/staff").get_data(as_text=True)
    (member,) = set(re.findall(r'href="(/staff/[0-9a-f-]{36})"[^>]*><bdi>Lena Weber', listed))
    assert office.get(member).status_code == 200
    assert office.post(f"{member}/disable", {"reason": ""}).status_code == 422
    assert office.post(f"{member}/disable", {"reason": "has left"}).status_code == 303
    assert lena.get("/profile").status_code == 303
    assert office.post(f"{member}/enable").status_code == 303
    assert office.post(f"{member}/roles", {"roles": ["admin"]}).status_code == 303
    assert office.post(f"{member}/roles", {}).status_code == 422


def test_the_last_administrator_cannot_be_removed_on_the_page_either(app: Flask, north: Brand, admin: Person) -> None:
    office = browser_of(app, north, admin, "office")

    answer = office.post(f"/staff/{admin.id}/disable", {"reason": "takes over"})

    assert answer.status_code == 409
    assert office.get("/staff").status_code == 200


def test_staff_end_a_clients_sessions_and_another_brands_are_not_found(
    app: Flask, north: Brand, south: Brand, mona: Person, admin: Person
) -> None:
    browser, office = browser_of(app, north, mona, "cabinet"), browser_of(app, north, admin, "office")
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")
    path = f"/clients/{mona.client_id}/sessions/end"

    assert stranger.post(path).status_code == 404
    assert browser.get("/profile").status_code == 200
    assert "Firefox, Linux" in text_of(office.get(f"/clients/{mona.client_id}"))
    assert office.post(path).status_code == 303
    assert browser.get("/profile").status_code == 303


def test_every_staff_page_is_for_those_who_may(app: Flask, north: Brand) -> None:
    sales = browser_of(app, north, make_staff(north, "sales"), "office")

    for path in ("/staff", "/staff/roles", "/staff/invite", "/audit", "/audit.csv"):
        assert sales.get(path).status_code == 403
    assert visitor(app, north.office).get("/staff").status_code == 303


def test_an_operator_signs_in_on_the_operators_host_alone(app: Flask, north: Brand) -> None:
    with acting(0):
        service.create_operator(email="ops@kontor.example", name="Ops", password=PASSWORD)
    credentials = {"email": "ops@kontor.example", "password": PASSWORD}
    operator = visitor(app, "operator.localhost")

    assert operator.post("/sign-in", credentials).status_code == 303
    assert operator.get("/profile").status_code == 200
    assert visitor(app, north.office).post("/sign-in", credentials).status_code == 422


def test_sign_in_is_recorded_with_its_address(app: Flask, north: Brand, mona: Person) -> None:
    visitor(app, north.cabinet).post("/sign-in", {"email": mona.email, "password": PASSWORD})

    with acting(north):
        found = execute_sql(
            "SELECT actor_id, ip, client_id FROM audit_record"
            " WHERE tenant_id = :tenant_id AND action = 'identity.sign_in'"
        ).one()
    assert tuple(found) == (mona.id, VISITOR.ip, mona.client_id)
