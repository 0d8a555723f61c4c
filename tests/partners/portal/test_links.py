"""Links: made by a partner, followed by strangers, counted, and never a way to somewhere else."""

from __future__ import annotations

import io
import re
import struct
import zlib
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.identity import clicks as browser_clicks
from app.kit import clock
from app.partners.portal import clicks
from tests.support.brands import Brand, acting, extend_bundle
from tests.support.browsing import Visitor, text_of

PERSON = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"}
FIELDS = {"name": "My video", "target": "sign_up", "source": "tube", "medium": "video", "campaign": "spring"}


def make_link(portal: Visitor, **changes: str) -> tuple[str, str]:
    """A new link's own page and its code."""
    response = portal.post("/links/new", FIELDS | changes)
    assert response.status_code == 303, text_of(response)
    page = urlsplit(response.headers["Location"]).path
    found = re.search(r"/r/([0-9A-Z]+)", portal.get(page).get_data(as_text=True))
    assert found is not None
    return page, found[1]


def follow(app: Flask, brand: Brand, code: str, *, ip: str = "198.51.100.20", **headers: str) -> Visitor:
    visitor = Visitor(app, brand.cabinet, ip=ip)
    response = visitor._request("GET", f"/r/{code}", extra=PERSON | headers)
    visitor.landed = response.headers["Location"]  # type: ignore[attr-defined]
    assert response.status_code == 303
    return visitor


def stored_clicks(brand: Brand) -> list[tuple[bool, str, str]]:
    with acting(brand):
        rows = execute_sql(
            "SELECT link_id IS NOT NULL AS is_named, device, visitor FROM link_click WHERE tenant_id = :tenant_id"
            " ORDER BY clicked_at"
        )
        return [(row.is_named, row.device, row.visitor) for row in rows]


def test_a_followed_link_leads_on_with_its_tags_is_counted_and_remembered(
    app: Flask, north: Brand, portal: Visitor
) -> None:
    page, code = make_link(portal)

    visitor = follow(app, north, code)

    landed = urlsplit(visitor.landed)  # type: ignore[attr-defined]
    assert (landed.netloc, landed.path) == ("", "/sign-up")
    assert parse_qs(landed.query) == {"utm_source": ["tube"], "utm_medium": ["video"], "utm_campaign": ["spring"]}
    assert code in visitor.get("/sign-up").get_data(as_text=True)
    assert [row[:2] for row in stored_clicks(north)] == [(True, "phone")]
    assert "Clicks 1" in text_of(portal.get(page))
    with acting(north):
        cookie = visitor.client.get_cookie("ref", domain=north.cabinet)
        assert cookie is not None
        assert [click.code for click in browser_clicks.remembered(cookie.value, clock.now(), 30)] == [code]
        assert browser_clicks.remembered(cookie.value + "x", clock.now(), 30) == []


def test_nothing_stored_names_the_visitor(app: Flask, north: Brand, portal: Visitor) -> None:
    _page, code = make_link(portal)
    follow(app, north, code, ip="198.51.100.77")
    follow(app, north, code, ip="198.51.100.77")
    follow(app, north, code, ip="198.51.100.78")

    marks = [row[2] for row in stored_clicks(north)]

    assert marks[0] == marks[1] != marks[2]
    with acting(north):
        rows = execute_sql("SELECT CAST(k AS text) FROM link_click AS k WHERE tenant_id = :tenant_id").scalars()
        assert "198.51.100" not in "".join(rows)


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"},
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"User-Agent": "curl/8.5"},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
    ],
)
def test_machines_are_led_on_and_not_counted(
    app: Flask, north: Brand, portal: Visitor, headers: dict[str, str]
) -> None:
    _page, code = make_link(portal)

    follow(app, north, code, **headers)

    assert stored_clicks(north) == []


def test_a_link_leads_to_the_brands_own_pages_alone(app: Flask, north: Brand, portal: Visitor) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "offer2", ""):
        assert portal.post("/links/new", FIELDS | {"target": target}).status_code == 422, target
    _page, code = make_link(portal, target="offer", campaign="a&next=https://evil.example")

    landed = urlsplit(follow(app, north, code + "?next=//evil.example").landed)  # type: ignore[attr-defined]

    assert (landed.scheme, landed.netloc, landed.path) == ("https", "www.north.example", "/offer")
    assert parse_qs(landed.query)["page"] == ["1"]
    assert parse_qs(landed.query)["utm_campaign"] == ["a&next=https://evil.example"]
    assert parse_qs(landed.query)["ref"] == [code]


def test_one_address_cannot_inflate_the_clicks(
    app: Flask, north: Brand, portal: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clicks, "CLICKS_PER_HOUR", 2)
    monkeypatch.setattr(clicks, "FOLLOWS_PER_MINUTE", 4)
    _page, code = make_link(portal)
    for _ in range(4):
        follow(app, north, code)

    refused = Visitor(app, north.cabinet, ip="198.51.100.20")._request("GET", f"/r/{code}", extra=PERSON)

    assert refused.status_code == 429
    assert len(stored_clicks(north)) == 2


def test_a_code_of_nobody_or_of_another_brand_remembers_nothing(
    app: Flask, north: Brand, south: Brand, portal: Visitor
) -> None:
    _page, code = make_link(portal)

    for brand, text in ((south, code), (north, "ZZZZZZZZZZ"), (north, "%27%22--")):
        visitor = follow(app, brand, text)
        assert urlsplit(visitor.landed).path == "/sign-up"  # type: ignore[attr-defined]
        assert visitor.client.get_cookie("ref", domain=brand.cabinet) is None
    assert stored_clicks(north) == stored_clicks(south) == []


def test_a_link_is_its_partners_alone(portal: Visitor, neighbour: Visitor, stranger: Visitor) -> None:
    page, _code = make_link(portal)

    for other in (neighbour, stranger):
        assert other.get(page).status_code == 404
        assert other.get(f"{page}/edit").status_code == 404
        assert other.post(f"{page}/edit", FIELDS).status_code == 404
        assert other.post(f"{page}/hide").status_code == 404
        assert other.get(f"{page}/qr.png").status_code == 404
        assert "My video" not in text_of(other.get("/links"))


def test_a_link_can_be_renamed_and_hidden_and_goes_on_counting(app: Flask, north: Brand, portal: Visitor) -> None:
    page, code = make_link(portal)

    portal.post(f"{page}/edit", FIELDS | {"name": "Another name", "campaign": ""})
    assert "Another name" in text_of(portal.get("/links"))
    portal.post(f"{page}/hide")

    assert "Another name" not in text_of(portal.get("/links"))
    follow(app, north, code)
    assert "Clicks 1" in text_of(portal.get(page))


def test_a_qr_code_comes_as_a_picture(portal: Visitor) -> None:
    page, _code = make_link(portal)

    png, svg = portal.get(f"{page}/qr.png"), portal.get(f"{page}/qr.svg")

    assert png.data.startswith(b"\x89PNG\r\n")
    assert b"<svg" in svg.data
    assert "attachment" in svg.headers["Content-Disposition"]


def png(width: int, height: int) -> bytes:
    """The smallest picture of a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\x00" + b"\x00" * ((width + 7) // 8)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_banner_of_the_office_comes_with_html_that_carries_the_link(
    app: Flask, north: Brand, portal: Visitor, desk: Visitor, stranger: Visitor
) -> None:
    page, code = make_link(portal)
    fields = {"name": 'Trade "now"', "language": "ar", "picture": (io.BytesIO(png(300, 250)), "b.png")}
    assert desk.post("/commission/banners/new", fields, content_type="multipart/form-data").status_code == 303

    shown = portal.get(page).get_data(as_text=True)
    assert 'width="300" height="250"' in shown
    assert f"/r/{code}" in shown
    assert "Trade &amp;#34;now&amp;#34;" in shown  # The snippet is HTML inside HTML.
    address = re.search(r"(/banner/[0-9a-f-]{36})", shown)
    assert address is not None
    public = Visitor(app, north.cabinet).get(address[1])
    assert (public.status_code, public.mimetype) == (200, "image/png")
    assert Visitor(app, stranger.host.removeprefix("partners.")).get(address[1]).status_code == 404
    assert "Trade" not in text_of(stranger.get("/links"))

    withdraw = re.search(r'action="(/commission/banners/[0-9a-f-]+/withdraw)"', desk.get("/commission/banners").text)
    assert withdraw is not None
    desk.post(withdraw[1])
    assert Visitor(app, north.cabinet).get(address[1]).status_code == 404
    assert "300" not in text_of(portal.get(page))


@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\nrest", png(5000, 10)],
)
def test_a_banner_must_be_a_picture(desk: Visitor, content: bytes) -> None:
    fields = {"name": "Bad", "language": "", "picture": (io.BytesIO(content), "b.png")}

    response = desk.post("/commission/banners/new", fields, content_type="multipart/form-data")

    assert response.status_code == 422
    assert "No banners yet" in text_of(desk.get("/commission/banners"))


@pytest.mark.parametrize(("click", "wins"), [("first", 0), ("last", 1)])
def test_the_first_or_the_last_link_counts_as_the_brand_says(
    app: Flask, north: Brand, portal: Visitor, click: str, wins: int
) -> None:
    extend_bundle(north, referrals={"click": click})
    codes = [make_link(portal, name=name)[1] for name in ("One", "Two")]
    visitor = follow(app, north, codes[0])
    visitor._request("GET", f"/r/{codes[1]}", extra=PERSON)

    page = visitor.get("/sign-up").get_data(as_text=True)

    assert codes[wins] in page
    assert codes[1 - wins] not in page
