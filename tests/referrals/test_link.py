"""From following a link to standing in the tree, as the newcomer and the office see it."""

from flask import Flask

from app.identity import service as identity
from app.referrals import queries
from tests.support.brands import PASSWORD, Brand, acting, app, brands, browser_of, make_staff, make_trader, north, south
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "north", "south"]


def code_of(brand: Brand, client_id: object) -> str:
    with acting(brand):
        return str(queries.code_of(client_id))  # type: ignore[arg-type]


def test_who_signs_up_with_a_link_stands_below_its_owner(app: Flask, north: Brand) -> None:
    sponsor = make_trader(north, "sara@example.com", name="Sara Blum")
    visitor = Visitor(app, north.cabinet)

    followed = visitor.get(f"/r/{code_of(north, sponsor.client_id)}")
    assert followed.status_code in (302, 303)
    assert code_of(north, sponsor.client_id) in visitor.get("/sign-up").get_data(as_text=True)
    with acting(north):
        newcomer = identity.create_trader(
            email="omar@example.com",
            name="Omar Nasser",
            country="AE",
            password=PASSWORD,
            language="en",
            referral_code=code_of(north, sponsor.client_id),
        )
    office = browser_of(app, north, make_staff(north, "admin"), "office")

    page = text_of(office.get(f"/tree/{newcomer.client_id}"))
    timeline = text_of(office.get(f"/clients/{newcomer.client_id}/tab/timeline"))

    assert "Sara Blum" in page
    assert "Signed up with the link" in page
    assert "link Omar" not in timeline


def test_a_code_of_another_brand_attributes_nobody(app: Flask, north: Brand, south: Brand) -> None:
    stranger = make_trader(south, "sara@example.com", name="Sara Blum")
    with acting(north):
        newcomer = identity.create_trader(
            email="omar@example.com",
            name="Omar Nasser",
            country="AE",
            password=PASSWORD,
            language="en",
            referral_code=code_of(south, stranger.client_id),
        )
    office = browser_of(app, north, make_staff(north, "admin"), "office")

    assert "Sara Blum" not in text_of(office.get(f"/tree/{newcomer.client_id}"))
