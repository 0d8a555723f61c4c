"""The cabinet's dashboard: one's own, composed, refreshed in parts."""

from __future__ import annotations

from flask import Flask

from app.clients import service
from tests.support.brands import Brand, acting, browser_of, make_staff, make_trader
from tests.support.browsing import text_of


def test_the_dashboard_greets_and_says_what_comes_next(app: Flask, north: Brand) -> None:
    mona = make_trader(north)
    browser = browser_of(app, north, mona, "cabinet")

    text = text_of(browser.get("/"))

    assert "Hello, Mona Haddad" in text
    assert "Prove your identity" in text
    part = browser.get("/panels/verification", target="panel-verification")
    assert part.status_code == 200
    assert "<html" not in part.get_data(as_text=True)


def test_a_verified_client_is_not_nudged(app: Flask, north: Brand) -> None:
    mona = make_trader(north)
    officer = make_staff(north, "compliance")
    assert mona.client_id is not None
    with acting(north):
        service.set_kyc_level(mona.client_id, 2, reason="Passport and bill seen.", by=officer.actor())

    assert "Prove your identity" not in text_of(browser_of(app, north, mona, "cabinet").get("/"))


def test_the_dashboard_is_mirrored_and_arabic_for_whom_reads_arabic(app: Flask, north: Brand) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")

    browser.language = "ar"
    page = browser.get("/?lang=ar")

    assert page.status_code == 200


def test_an_unknown_panel_does_not_exist(app: Flask, north: Brand) -> None:
    browser = browser_of(app, north, make_trader(north), "cabinet")

    assert browser.get("/panels/nothing", target="panel-nothing").status_code == 404
    assert browser.get("/panels/profile", target="panel-profile").status_code == 404  # Staff's, not the client's.
