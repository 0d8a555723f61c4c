"""What held at an instant, on the pages where one would ask: the plan, a partner, a client's wallets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import in_transaction, tenant_scope, transaction
from app.kit import clock
from app.kit.money import Money
from app.ledger import queries as books
from app.ledger import service as ledger
from tests.partners import world
from tests.partners.conftest import HERE, pays
from tests.partners.test_pages import DAY, Shop, add_partners, app, brands, hash_once, north, shop, south
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY
from tests.support.brands import Brand, acting, browser_of, make_staff
from tests.support.browsing import text_of

__all__ = ["app", "brands", "hash_once", "north", "pays", "shop", "south"]

BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUSE = ledger.Owner("house", "test_bank")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["USD", "EUR"]), st.integers(1, 10_000)), max_size=8),
    at=st.integers(-1, 11),
)
def test_a_balance_as_of_an_instant_is_the_sum_of_what_was_booked_until_then(
    pays: None, moves: list[tuple[int, str, int]], at: int
) -> None:
    with tenant_scope(HERE):
        with transaction():
            owner = ledger.Owner("client", world.make_client())
        for number, (hour, currency, minor) in enumerate(moves):
            with clock.frozen(BEGIN + timedelta(hours=hour)), transaction():
                money = Money.from_minor(minor, currency)
                wallet, house = ledger.wallet(owner, ledger.MAIN, currency), ledger.wallet(HOUSE, "test", currency)
                lines = [ledger.Line(wallet.id, money), ledger.Line(house.id, -money)]
                ledger.post(f"as-of:{owner.id}:{number}", "test", lines, BY)
        found = in_transaction(books.balances_at, owner, BEGIN + timedelta(hours=at))
        now = in_transaction(books.balances_at, owner, BEGIN + timedelta(days=9))
        standing = in_transaction(books.wallets_of, owner)

    for currency in ("USD", "EUR"):
        expected = sum(minor for hour, code, minor in moves if code == currency and hour <= at)
        assert found.get((ledger.MAIN, currency), Money.zero(currency)).minor == expected
    assert {(one.purpose, one.currency): one.balance for one in standing} == now


def test_the_plan_page_says_which_version_was_in_force(app: Flask, shop: Shop) -> None:
    with acting(shop.brand):
        world.publish(plan_with(name="Second"), effective_from=datetime(2026, 11, 24, tzinfo=UTC))
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")

    before = text_of(desk.get("/commission/plan?at=2026-11-20T10:00"))
    after = text_of(desk.get("/commission/plan?at=2026-11-24T10:00"))
    assert "version 1 was in force" in before
    assert PLAN.name in before
    assert "version 2 was in force" in after
    assert "Choose a day and a time" in text_of(desk.get("/commission/plan?at=nonsense"))


def test_a_partner_and_staff_read_the_balances_of_a_past_instant(app: Flask, shop: Shop) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")
    yesterday = (DAY - timedelta(days=30)).isoformat()
    assert "10.00 USD" in text_of(pia.get("/as-of"))
    assert "10.00 USD" not in text_of(pia.get(f"/as-of?at={yesterday}"))
    assert "10.00 USD" in text_of(desk.get(f"/commission/partners/{shop.pia.client_id}/as-of"))


def test_a_client_s_wallets_of_a_past_instant(app: Flask, shop: Shop, south: Brand) -> None:
    assert shop.dan.client_id is not None
    with acting(shop.brand), clock.frozen(BEGIN):
        money = Money(Decimal("12.34"), "USD")
        wallet = ledger.wallet(ledger.Owner("client", shop.dan.client_id), ledger.MAIN, "USD")
        house = ledger.wallet(HOUSE, "test", "USD")
        ledger.post("as-of:one", "test", [ledger.Line(wallet.id, money), ledger.Line(house.id, -money)], BY)
    dan = browser_of(app, shop.brand, shop.dan, "cabinet")
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "finance"), "office")
    page = f"/payments/clients/{shop.dan.client_id}/as-of"
    for reader, path in ((dan, "/wallets"), (desk, page)):
        assert "12.34 USD" in text_of(reader.get(f"{path}?at=2026-11-20")).partition("As of an instant")[2]
        assert "12.34 USD" not in text_of(reader.get(f"{path}?at=2026-11-19")).partition("As of an instant")[2]
        assert "Choose a day and a time" in text_of(reader.get(f"{path}?at=1"))
    add_partners(south)
    staff = browser_of(app, south, make_staff(south, "admin"), "office")
    assert staff.get(page).status_code == 404
    assert dec("12.34") == money.amount
