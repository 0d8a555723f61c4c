"""The frame around every view: whose host, who acts, one transaction, and what a failure shows."""

import json

import pytest
from flask import Flask

from app.core import db
from tests.support.brands import PASSWORD, Brand, browser_of, enter, make_staff, make_trader
from tests.support.browsing import Visitor, text_of


def test_an_unknown_host_is_a_plain_404_that_names_nobody(app: Flask, north: Brand) -> None:
    answer = Visitor(app, "nobody.example").get("/sign-in")

    assert answer.status_code == 404
    assert answer.get_data(as_text=True) == "Not found\n"


def test_a_page_of_the_office_does_not_exist_on_the_cabinets_host(app: Flask, north: Brand) -> None:
    assert browser_of(app, north, make_trader(north), "cabinet").get("/staff").status_code == 404


def test_a_redirect_stays_on_the_host_that_was_asked(app: Flask, north: Brand) -> None:
    answer = browser_of(app, north, make_staff(north, "finance"), "office").get("/payments?x=1")

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"http://{north.office}/payments/?x=1"


def test_a_session_of_one_brand_is_nobody_at_another(app: Flask, north: Brand, south: Brand) -> None:
    mona = make_trader(north)
    thief = Visitor(app, south.cabinet)
    thief.client.set_cookie("sid", enter(north, mona, "cabinet").token, domain=south.cabinet)

    answer = thief.get("/profile")

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")


def test_a_cabinet_session_is_nobody_in_the_office(app: Flask, north: Brand) -> None:
    mona = make_trader(north)
    intruder = Visitor(app, north.office)
    intruder.client.set_cookie("sid", enter(north, mona, "cabinet").token, domain=north.office)

    assert intruder.get("/clients").status_code == 303


def test_a_form_without_its_token_does_nothing(app: Flask, north: Brand) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")
    browser.csrf = "forged"

    answer = browser.post("/sign-out")

    assert answer.status_code == 400
    assert "open for too long" in text_of(answer)
    assert browser.get("/profile").status_code == 200


def test_a_form_that_another_site_sends_is_refused(app: Flask, north: Brand) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")
    response = browser.client.post(
        "/sign-out",
        base_url=f"http://{north.cabinet}",
        headers={"X-CSRFToken": browser.csrf, "Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403
    assert browser.get("/profile").status_code == 200


def test_who_is_not_signed_in_comes_back_to_the_page_they_wanted(app: Flask, north: Brand) -> None:
    make_trader(north, "mona@example.com")
    visitor = Visitor(app, north.cabinet)
    to_sign_in = visitor.get("/profile?x=1")
    assert to_sign_in.headers["Location"] == "/sign-in?next=/profile?x%3D1"

    answer = visitor.post(to_sign_in.headers["Location"], {"email": "mona@example.com", "password": PASSWORD})

    assert answer.headers["Location"] == "/profile?x=1"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "evil"])
def test_sign_in_leads_nowhere_else(app: Flask, north: Brand, elsewhere: str) -> None:
    make_trader(north, "mona@example.com")
    visitor = Visitor(app, north.cabinet)

    answer = visitor.post(f"/sign-in?next={elsewhere}", {"email": "mona@example.com", "password": PASSWORD})

    assert answer.headers["Location"] == "/"


def test_every_answer_bears_the_headers(app: Flask, north: Brand) -> None:
    for path in ("/sign-in", "/no-such-page"):
        answer = Visitor(app, north.cabinet).get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"]


def test_a_missing_page_speaks_the_readers_language_and_json_to_programs(app: Flask, north: Brand) -> None:
    page = Visitor(app, north.cabinet).get("/no-such-page")
    assert page.status_code == 404
    assert "Not found" in text_of(page)

    problem = app.test_client().get(
        "/no-such-page", base_url=f"http://{north.cabinet}", headers={"Accept": "application/json"}
    )
    assert problem.mimetype == "application/problem+json"
    assert json.loads(problem.data)["status"] == 404


def test_a_crash_shows_an_incident_that_finds_its_log_line(
    app: Flask, north: Brand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")

    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setitem(app.view_functions, "identity_cabinet.profile", _like(app, "identity_cabinet.profile", crash))
    page = browser.get("/profile")

    words = text_of(page)
    assert page.status_code == 500
    assert "secret detail" not in words
    incident = next(word for word in words.split() if word.startswith("I-") and len(word) == 12)
    lines = [str(record.msg) for record in caplog.records if incident in str(record.msg)]
    assert any("request.crashed" in line and f"'tenant': {north.id}" in line for line in lines)


def _like(app: Flask, endpoint: str, view: object) -> object:
    view.__kontor_marks__ = app.view_functions[endpoint].__kontor_marks__  # type: ignore[attr-defined]
    return view


def test_a_refused_act_leaves_nothing_half_done(app: Flask, north: Brand) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")

    with db.tenant_scope(north.id):
        before = db.execute_sql("SELECT count(*) FROM audit_record").scalar_one()
    answer = browser.post("/profile/password", {"current": "wrong", "password": "x"})

    assert answer.status_code in (404, 422)
    with db.tenant_scope(north.id):
        assert db.execute_sql("SELECT count(*) FROM audit_record").scalar_one() == before
