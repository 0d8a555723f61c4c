"""The main pages of the four audiences in a real browser, under the real content policy: both reading directions, a
phone and a desk. Nothing sticks out, nothing is refused or broken, and no figure or address reads backwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from app.core import redis as core_redis
from app.identity import service as identity
from tests.browser.checks import Watch, accessibility, bidi, layout
from tests.partners.test_pages import Shop, shop
from tests.payments.conftest import House, house
from tests.support.brands import (
    OPERATOR,
    PASSWORD,
    VISITOR,
    Brand,
    Person,
    acting,
    app,
    brands,
    enter,
    make_staff,
    north,
)

__all__ = ["app", "brands", "house", "north", "shop"]

pytestmark = pytest.mark.browser

WIDTHS = (390, 1280)
LANGUAGES = ("en", "ar")


@dataclass(frozen=True)
class Seat:
    """Somebody's browser: the address that its paths begin with, and the session, if they are signed in."""

    base: str
    token: str = ""


@pytest.fixture
def pages(browser: Browser) -> Iterator[list[Page]]:
    """The pages that a test opens; they are closed with their cookies."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        page.context.close()


def seat(port: int, brand: Brand, person: Person, audience: str) -> Seat:
    return Seat(f"http://{getattr(brand, audience)}:{port}", enter(brand, person, audience).token)


def look_at(
    browser: Browser, pages: list[Page], where: Seat, paths: Sequence[str], *, closely: Sequence[str] = ()
) -> list[str]:
    """What is wrong with these pages, in words. On those named `closely` the accessibility rules are asked too."""
    found: list[str] = []
    for language in LANGUAGES:
        context = browser.new_context(locale=language, bypass_csp=False)
        cookies = {"theme": "light", **({"sid": where.token} if where.token else {})}
        context.add_cookies([{"name": name, "value": value, "url": where.base} for name, value in cookies.items()])
        page = context.new_page()
        pages.append(page)
        watch = Watch(page)
        for path in paths:
            answer = page.goto(f"{where.base}{path}?lang={language}")
            page.evaluate("() => document.fonts.ready.then(() => true)")
            wrong = [] if answer is not None and answer.ok else [f"answered {answer and answer.status}"]
            if page.evaluate("() => document.documentElement.lang") != language:
                wrong.append(f"not in {language}")
            wrong += [*watch.heard, *layout(page, WIDTHS), *bidi(page)]
            if path in closely:
                wrong += accessibility(page)
            watch.heard.clear()
            found += [f"{language} {path}: {one}" for one in wrong]
    return found


def test_the_cabinet(browser: Browser, pages: list[Page], site_port: int, house: House) -> None:
    house.fill("1234.50")
    deposit, withdrawal = house.deposit(), house.withdrawal()
    core_redis.client().flushdb()
    where = seat(site_port, house.brand, house.client, "cabinet")
    money = ["/wallets", "/deposit", "/withdraw", "/transfer", "/convert", "/history"]
    details = [f"/deposits/{deposit.id}", f"/withdrawals/{withdrawal.id}"]

    assert look_at(browser, pages, where, ["/", "/accounts", *money, *details, "/profile"], closely=["/"]) == []


def test_the_office(browser: Browser, pages: list[Page], site_port: int, house: House) -> None:
    house.fill("1234.50")
    deposit, withdrawal = house.deposit(), house.withdrawal()
    admin = make_staff(house.brand, "admin")
    where = seat(site_port, house.brand, admin, "office")
    record = f"/clients/{house.client_id}"
    tabs = [f"{record}/tab/{name}" for name in ("payments", "network", "notes", "timeline")]
    money = ["/payments/deposits", "/payments/withdrawals", "/payments/adjustments/"]
    details = [f"/payments/deposits/{deposit.id}", f"/payments/withdrawals/{withdrawal.id}"]
    rest = ["/platforms", "/staff", "/staff/roles", "/audit", f"{record}/restrictions"]

    paths = ["/", "/clients", record, *tabs, *money, *details, *rest]
    assert look_at(browser, pages, where, paths, closely=["/", record]) == []


def test_commission_in_the_portal_and_the_office(
    browser: Browser, pages: list[Page], site_port: int, shop: Shop
) -> None:
    portal = seat(site_port, shop.brand, shop.pia, "partner")
    office = seat(site_port, shop.brand, make_staff(shop.brand, "admin"), "office")
    details = [f"/earnings/{shop.long_trade}/0/{track}/base" for track in ("god", "referral")]
    mine = ["/", "/network", "/earnings", *details, "/statements", "/payout"]
    theirs = ["/tree/", "/commission/settlements", "/commission/plan", f"/commission/partners/{shop.pia.client_id}"]

    assert look_at(browser, pages, portal, mine, closely=["/"]) == []
    assert look_at(browser, pages, office, theirs) == []


def test_the_operator_and_the_doors(
    browser: Browser, pages: list[Page], site_port: int, brands: tuple[Brand, Brand]
) -> None:
    with acting(OPERATOR):
        user = identity.create_operator(email="ops@kontor.example", name="Olga Operator", password=PASSWORD)
    with acting(OPERATOR):
        opened = identity.start_session(user.id, audience="operator", ip=VISITOR.ip, user_agent=VISITOR.user_agent)
    operator = Seat(f"http://operator.localhost:{site_port}", opened.token)
    door = Seat(f"http://{brands[0].cabinet}:{site_port}")

    assert look_at(browser, pages, operator, ["/", "/instance"]) == []
    assert look_at(browser, pages, door, ["/sign-in", "/sign-up", "/forgot-password"], closely=["/sign-up"]) == []
