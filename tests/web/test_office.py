"""The office's composed pages: home, clients, one client, search; for two brands and an outsider."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from tests.support.brands import Brand, acting, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of


@pytest.fixture
def as_admin(app: Flask, north: Brand) -> Visitor:
    return browser_of(app, north, make_staff(north, "admin"), "office")


def test_home_shows_queues_and_the_day(as_admin: Visitor, north: Brand) -> None:
    make_trader(north)

    page = as_admin.get("/")

    assert page.status_code == 200
    assert "Registrations 1" in text_of(page)


def test_clients_are_listed_and_found_by_any_part(as_admin: Visitor, north: Brand) -> None:
    make_trader(north, "mona@example.com", name="Mona Haddad")
    make_trader(north, "jose@example.com", name="José Núñez")

    everybody = text_of(as_admin.get("/clients"))
    found = text_of(as_admin.get("/clients?q=nunez", target="list"))

    assert "Mona Haddad" in everybody
    assert "José Núñez" in everybody
    assert "José Núñez" in found
    assert "Mona Haddad" not in found
    assert "<html" not in as_admin.get("/clients?q=nunez", target="list").get_data(as_text=True)


def test_the_filters_stand_in_the_address(as_admin: Visitor, north: Brand) -> None:
    make_trader(north)

    assert "Mona Haddad" in text_of(as_admin.get("/clients?status=active&kyc=0&country=AE&owner=none"))
    assert "No client matches" in text_of(as_admin.get("/clients?status=suspended"))
    assert as_admin.get("/clients?status=x&kyc=9&owner=y&from=z&sort=w&size=1&after=v&page=-1").status_code == 200


def test_the_export_is_what_the_page_shows(as_admin: Visitor, north: Brand) -> None:
    make_trader(north, "mona@example.com", name="Mona Haddad")
    make_trader(north, "jose@example.com", name="=José Núñez")

    answer = as_admin.get("/clients.csv?q=jose&column=client&column=email&column=country")

    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows == [
        ["Client", "E-mail", "Country"],
        ["'=José Núñez", "jose@example.com", "United Arab Emirates"],
    ]


def test_one_client_is_shown_whole(as_admin: Visitor, north: Brand) -> None:
    mona = make_trader(north)

    for path in ("", "/tab/notes", "/tab/timeline", "/tab/timeline?kind=money", "/timeline", "/tab/nothing"):
        page = as_admin.get(f"/clients/{mona.client_id}{path}")
        assert page.status_code == 200
        assert "Mona Haddad" in text_of(page)
    assert "Client registered" in text_of(as_admin.get(f"/clients/{mona.client_id}"))
    assert "E-mail" in text_of(as_admin.get(f"/clients/{mona.client_id}/panels/profile", target="panel-profile"))


def test_another_brands_client_does_not_exist_here(app: Flask, north: Brand, south: Brand) -> None:
    mona = make_trader(north)
    outsider = browser_of(app, south, make_staff(south, "admin"), "office")

    for path in ("", "/tab/notes", "/timeline", "/panels/profile", "/note", "/suspend", "/kyc", "/owner"):
        assert outsider.get(f"/clients/{mona.client_id}{path}").status_code in (403, 404)
    assert outsider.post(f"/clients/{mona.client_id}/note", {"text": "x"}).status_code == 404
    assert outsider.post(f"/clients/{mona.client_id}/suspend", {"reason_code": "test"}).status_code == 404
    assert "Mona" not in text_of(outsider.get("/clients"))
    assert "Mona" not in text_of(outsider.get("/search?q=mona"))


def test_a_trader_and_a_stranger_do_not_get_into_the_office(app: Flask, north: Brand) -> None:
    mona = make_trader(north)
    stranger = Visitor(app, north.office)

    assert stranger.get("/clients").status_code == 303
    trader = browser_of(app, north, mona, "cabinet")
    trader.host = north.office
    assert trader.get("/clients").status_code in (303, 404)


def test_a_search_with_one_hit_opens_it(as_admin: Visitor, north: Brand) -> None:
    mona = make_trader(north)
    make_trader(north, "jose@example.com", name="José Núñez")

    assert as_admin.get("/search?q=mona").headers["Location"] == f"/clients/{mona.client_id}"
    assert "José Núñez" in text_of(as_admin.get("/search?q=example.com"))
    assert "Nothing was found" in text_of(as_admin.get("/search?q=%25%25"))
    assert as_admin.get("/search").status_code == 200


def test_pages_follow_each_other_without_gap_or_repetition(as_admin: Visitor, north: Brand) -> None:
    import re

    for number in range(28):
        make_trader(north, f"p{number:02}@example.com", name=f"Person {number:02}")
    seen: list[str] = []
    path: str | None = "/clients?sort=name&size=25"
    while path:
        html = as_admin.get(path).get_data(as_text=True)
        seen += re.findall(r"p\d\d@example\.com", html)
        more = re.search(r'x-page-link" href="([^"]*after=[^"]*)"', html)
        path = more[1].replace("&amp;", "&") if more else None

    assert seen == [f"p{number:02}@example.com" for number in range(28)]


def test_a_block_carries_the_element_that_it_replaces(as_admin: Visitor, north: Brand) -> None:
    mona = make_trader(north)

    for path, name in (
        ("/clients", "list"),
        ("/", "queues"),
        ("/search?q=zzz", "results"),
        (f"/clients/{mona.client_id}", "tab"),
        (f"/clients/{mona.client_id}/panels/profile", "panel-profile"),
        ("/staff", "list"),
        ("/audit", "list"),
    ):
        part = as_admin.get(path, target=name).get_data(as_text=True)
        assert f'id="{name}"' in part, path
        assert "<html" not in part, path


def test_the_timeline_goes_on_where_its_first_part_ends(as_admin: Visitor, north: Brand) -> None:
    import re

    from app.clients import service

    mona = make_trader(north)
    author = make_staff(north, "sales").actor()
    assert mona.client_id is not None
    for number in range(35):
        with acting(north):
            service.add_note(mona.client_id, f"Note {number}", by=author)

    page = as_admin.get(f"/clients/{mona.client_id}/tab/timeline").get_data(as_text=True)
    more = re.search(r'hx-get="([^"]*/timeline\?before=[^"]*)"', page)
    assert more is not None
    part = as_admin.get(more[1].replace("&amp;", "&"), target="timeline").get_data(as_text=True)

    assert page.count("Note written") == 30
    assert part.count("Note written") == 5
    assert "Client registered" in part
    assert "<html" not in part
    compliance = as_admin.get(f"/clients/{mona.client_id}/tab/timeline?kind=compliance")
    assert "Note written" not in text_of(compliance)
