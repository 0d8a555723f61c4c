"""Accounts on the platforms, copy trading and the plan editor in a real browser, as the main pages are."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from app.trading.models import TradingAccount
from tests.browser.test_pages import look_at, pages, seat
from tests.partners.drafts.test_editor import begun
from tests.support.brands import Brand, make_staff
from tests.support.paper_desk import offer_copy_trading
from tests.trading.conftest import Desk, platform_settings
from tests.trading.money.conftest import account, app, brands, by_hand, connector, desk, north, simulator

__all__ = ["account", "app", "brands", "connector", "desk", "north", "pages", "platform_settings", "simulator"]

pytestmark = pytest.mark.browser


def test_the_office_looks_after_accounts_and_platforms(
    browser: Browser, pages: list[Page], site_port: int, desk: Desk, account: TradingAccount
) -> None:
    offer_copy_trading(desk.brand, min_age_days=10, min_equity=100)
    ticket = by_hand(desk, account, "40", comment="promised by phone")
    where = seat(site_port, desk.brand, make_staff(desk.brand, "admin"), "office")
    record, platform = f"/accounts/{account.id}", f"/platforms/{desk.platform_id}"
    acts = [f"{record}/{act}" for act in ("group", "rights", "credit", "password", "archive")]
    papers = [f"{record}/statement", f"{record}/history"]
    many = [f"/accounts/changes/new/{kind}" for kind in ("group", "rights", "credit")]
    links = [platform, f"{platform}/go-live/", f"{platform}/test/"]
    taken_over = [f"{platform}/adoption", f"{platform}/adoption/logins", f"{platform}/adoption/sheet"]
    queue = ["/waiting", f"/waiting/deals/{desk.platform_id}/{ticket}", "/waiting/comparisons"]

    paths = ["/accounts", record, *acts, *papers, "/accounts/changes", *many, *links, *taken_over, *queue]
    closely = [record, f"{record}/rights", platform, f"{platform}/go-live/", queue[1]]
    assert look_at(browser, pages, where, [*paths, "/strategies/"], closely=closely) == []


def test_the_partner_desk_writes_a_plan(browser: Browser, pages: list[Page], site_port: int, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = f"/commission/drafts/{begun(north, desk).id}"
    rules = [f"{draft}/rules/{kind}" for kind in ("referral/0", "referral/new", "god/new")]

    paths = ["/commission/drafts/", draft, *rules, f"{draft}/examples/new", f"{draft}/replays", f"{draft}/publish"]
    where = seat(site_port, north, desk, "office")
    assert look_at(browser, pages, where, paths, closely=[draft, f"{draft}/publish"]) == []


def test_the_client_looks_after_an_account(
    browser: Browser, pages: list[Page], site_port: int, desk: Desk, account: TradingAccount
) -> None:
    offer_copy_trading(desk.brand, min_age_days=10, min_equity=100)
    where = seat(site_port, desk.brand, desk.trader, "cabinet")
    record = f"/accounts/{account.id}"
    mine = [record, *(f"{record}/{page}" for page in ("name", "archive", "statement", "history"))]

    paths = ["/accounts", *mine, "/strategies/", "/strategies/publish"]
    assert look_at(browser, pages, where, paths, closely=[record, f"{record}/history"]) == []
