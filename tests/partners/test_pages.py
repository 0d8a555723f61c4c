"""Commission as people see it: the partner's own pages, the office's, and what an outsider gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.ledger import service as ledger
from app.partners import receivers
from app.partners.plan import Caps
from app.partners.settlement import posting
from app.referrals import queries as tree
from tests.partners import world
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    make_staff,
    make_trader,
    north,
    run_jobs,
    south,
)
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

DAY = datetime.now(UTC).date() - timedelta(days=6)
NOON = datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=UTC)


@dataclass
class Shop:
    """A brand whose partner Pia brought in Dan and Dora; Dan has traded, and the day is settled."""

    brand: Brand
    pia: Person
    dan: Person
    long_trade: int
    short_trade: int


@pytest.fixture
def shop(north: Brand) -> Shop:
    add_partners(north)
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    assert pia.client_id is not None
    assert dan.client_id is not None
    with tenant_scope(north.id):
        with transaction():
            world.link(dan.client_id, pia.client_id)
            world.link(world.make_client("Dora Below"), dan.client_id)
            world.grant(pia.client_id, dec(8))
            world.publish(plan_with(caps=Caps(max_total_per_lot=dec(10)), audit_days=1))
            platform = world.make_platform()
            long_trade, short_trade = platform.store(
                [
                    {"client_id": dan.client_id, "opened_at": NOON - timedelta(minutes=10), "closed_at": NOON},
                    {"client_id": dan.client_id, "opened_at": NOON - timedelta(seconds=9), "closed_at": NOON},
                ]
            )
        world.settle(DAY)
        posting.release_due(datetime.now(UTC), BY)
    return Shop(north, pia, dan, long_trade, short_trade)


def add_partners(brand: Brand) -> None:
    """Give the brand's bundle a section for partners, who need not be verified to be paid."""
    extend_bundle(brand, partners={"plan": {"name": "Unused", "currency": "USD"}}, referrals={"requires_kyc_level": 0})


@pytest.fixture
def pia(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, shop.pia, "partner")


@pytest.fixture
def desk(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, make_staff(shop.brand, "admin"), "office")


def wallet_of(brand: Brand, owner: ledger.Owner, purpose: str) -> Decimal:
    with tenant_scope(brand.id):
        return in_transaction(lambda: ledger.balance(ledger.wallet(owner, purpose, "USD").id).amount)


@pytest.mark.parametrize(("audience", "prefix"), [("partner", ""), ("cabinet", "/partner")])
def test_a_partner_sees_balances_lines_and_reasons(app: Flask, shop: Shop, audience: str, prefix: str) -> None:
    browser = browser_of(app, shop.brand, shop.pia, audience)

    home = text_of(browser.get(f"{prefix}/"))
    assert "10.00 USD" in home
    assert "/r/" in browser.get(f"{prefix}/").get_data(as_text=True)
    listed = text_of(browser.get(f"{prefix}/earnings"))
    assert "Dan T." in listed
    assert "Dan Trader" not in listed
    assert "open for less than the minimum time" in listed
    paid = f"{prefix}/earnings/{shop.long_trade}/0/god/base"
    assert "8.000000" in text_of(browser.get(paid))
    capped = text_of(browser.get(f"{prefix}/earnings/{shop.long_trade}/0/referral/base"))
    assert "4.800000" in capped
    assert "2.000000" in capped
    assert "cap per lot" in capped
    unpaid = text_of(browser.get(f"{prefix}/earnings/{shop.short_trade}/0/referral/none"))
    assert "open for less than the minimum time" in unpaid
    assert browser.get(f"{prefix}/network").status_code == 200
    assert DAY.isoformat() in browser.get(f"{prefix}/statements").get_data(as_text=True)
    assert "10.00 USD" in text_of(browser.get(f"{prefix}/statements/{DAY.isoformat()}"))


def test_filters_and_files_hold_the_same_rows(pia: Visitor, shop: Shop) -> None:
    assert "Not paid" not in text_of(pia.get("/earnings?kind=paid", target="list"))
    text = pia.get("/earnings.csv?kind=unpaid").get_data(as_text=True)
    assert text.count("HOLD_TOO_SHORT") == 2
    whole = pia.get(f"/statements/{DAY.isoformat()}.csv").get_data(as_text=True)
    assert whole.count("\n") == 5
    assert pia.get("/earnings?from=nonsense&track=other&page=x").status_code == 200
    assert pia.get("/statements/nonsense").status_code == 404


def test_a_payout_moves_money_once_however_often_the_button_is_pressed(pia: Visitor, shop: Shop) -> None:
    assert shop.pia.client_id is not None
    number = pia.form_number("/payout")
    for _ in range(2):
        assert pia.post("/payout", {"currency": "USD", "amount": "7.50", "once": number}).status_code == 303

    assert wallet_of(shop.brand, ledger.Owner("partner", shop.pia.client_id), "redeem") == dec("2.50")
    assert wallet_of(shop.brand, ledger.Owner("client", shop.pia.client_id), "main") == dec("7.50")


@pytest.mark.parametrize("amount", ["", "-1", "0", "abc", "1.234", "99999", "10.01"])
def test_a_wrong_amount_moves_nothing(pia: Visitor, shop: Shop, amount: str) -> None:
    assert shop.pia.client_id is not None
    response = pia.post("/payout", {"currency": "USD", "amount": amount, "once": pia.form_number("/payout")})

    assert response.status_code == 422
    assert wallet_of(shop.brand, ledger.Owner("partner", shop.pia.client_id), "redeem") == dec(10)


def test_nobody_sees_the_tree_above_or_beside(app: Flask, shop: Shop, south: Brand) -> None:
    dan = browser_of(app, shop.brand, shop.dan, "partner")
    assert dan.get(f"/network/{shop.pia.client_id}?level=1").status_code == 404
    assert dan.get(f"/earnings/{shop.long_trade}/0/god/base").status_code == 404
    add_partners(south)
    outsider = browser_of(app, south, make_trader(south, "olga@example.com", name="Olga Outside"), "partner")
    for path in (
        f"/network/{shop.dan.client_id}",
        f"/earnings/{shop.long_trade}/0/god/base",
        f"/statements/{DAY.isoformat()}",
    ):
        assert outsider.get(path).status_code == 404
    staff = browser_of(app, south, make_staff(south, "admin"), "office")
    for path in (
        f"/tree/{shop.pia.client_id}",
        f"/tree/{shop.pia.client_id}/children",
        f"/tree/{shop.pia.client_id}/move",
        f"/commission/partners/{shop.pia.client_id}",
        f"/commission/partners/{shop.pia.client_id}/per-lot",
        f"/commission/settlements/{DAY.isoformat()}",
    ):
        assert staff.get(path).status_code == 404


def test_a_partner_opens_the_network_level_by_level(app: Flask, shop: Shop) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    level = f"/network/{shop.dan.client_id}?level=2"
    rows = pia.get(level, target="node").text
    assert "<html" not in rows
    (below,) = re.findall(r"#(\d{7})", rows)
    alone = pia.get(level)  # Opened without JavaScript it is a whole page, with a way back.
    assert alone.status_code == 200
    assert "Dan T." in text_of(alone)
    assert f"#{below}" in alone.text
    assert 'href="/network"' in alone.text


def test_the_office_opens_the_tree_and_moves_a_client(desk: Visitor, shop: Shop) -> None:
    with acting(shop.brand):
        other = world.make_client("Quentin Other")
        number = execute_sql("SELECT number FROM client WHERE id = :id", id=other).scalar_one()
    assert "Pia Partner" in text_of(desk.get("/tree/"))
    level = f"/tree/{shop.pia.client_id}/children?level=2"
    assert "Dan Trader" in text_of(desk.get(level, target="node"))
    alone = desk.get(level)  # Opened without JavaScript it is the page of the branch.
    assert alone.status_code == 303
    assert "Dan Trader" in text_of(desk.get(alone.location))
    assert "Pia Partner" in text_of(desk.get("/tree/?q=Dan", target="list"))
    page = f"/tree/{shop.dan.client_id}/move"
    refused = desk.post(page, {"parent": "123", "when": "immediate", "reason": "x", "once": desk.form_number(page)})
    assert refused.status_code == 422
    assert "no client with this number" in text_of(refused)
    moved = desk.post(
        page, {"parent": str(number), "when": "immediate", "reason": "asked", "once": desk.form_number(page)}
    )

    assert moved.status_code == 303
    assert shop.dan.client_id is not None
    with tenant_scope(shop.brand.id):
        assert in_transaction(tree.parent_at, shop.dan.client_id, datetime.now(UTC)) == other
        assert in_transaction(receivers.differences) == 0
    below = desk.post(
        f"/tree/{other}/move",
        {"parent": number_of(shop.brand, shop.dan.client_id), "when": "immediate", "reason": "x",
         "once": desk.form_number(f"/tree/{other}/move")},
    )  # fmt: skip
    assert below.status_code == 409


def number_of(brand: Brand, client_id: UUID) -> str:
    with tenant_scope(brand.id):
        found = in_transaction(
            lambda: execute_sql("SELECT number FROM client WHERE id = :id", id=client_id).scalar_one()
        )
    return str(found)


def test_the_office_gives_an_amount_per_lot(desk: Visitor, shop: Shop) -> None:
    page = f"/commission/partners/{shop.dan.client_id}/per-lot"
    for wrong in ("-1", "abc", "5000", "1.23456"):
        response = desk.post(page, {"rate": wrong, "reason": "x", "once": desk.form_number(page)})
        assert response.status_code == 422
    assert desk.post(page, {"rate": "6.5", "reason": "agreed", "once": desk.form_number(page)}).status_code == 303

    assert "6.5" in text_of(desk.get(f"/commission/partners/{shop.dan.client_id}"))
    with tenant_scope(shop.brand.id):
        assert in_transaction(receivers.differences) == 0


def test_the_office_sees_plan_runs_and_one_partners_money(desk: Visitor, shop: Shop) -> None:
    plan = text_of(desk.get("/commission/plan"))
    assert "40%" in plan
    assert "Worked example" in plan
    runs = text_of(desk.get("/commission/settlements"))
    assert "Proved" in runs
    run = text_of(desk.get(f"/commission/settlements/{DAY.isoformat()}"))
    assert "agree" in run
    assert "10.00 USD" in run
    partner = desk.get(f"/commission/partners/{shop.pia.client_id}")
    assert "Dan Trader" in text_of(partner)
    explained = desk.get(f"/commission/partners/{shop.pia.client_id}/earnings/{shop.long_trade}/0/god/base")
    assert "8.000000" in text_of(explained)
    network = text_of(desk.get(f"/clients/{shop.dan.client_id}/tab/network"))
    assert "Pia Partner" in network


def test_run_now_settles_the_next_day(desk: Visitor, shop: Shop) -> None:
    response = desk.post("/commission/settlements/run")
    assert response.status_code == 303
    assert "partners.settle_day" in run_jobs(shop.brand)

    following = DAY + timedelta(days=1)
    assert "agree" in text_of(desk.get(f"/commission/settlements/{following.isoformat()}"))
    again = desk.post(f"/commission/settlements/{DAY.isoformat()}/run")
    assert again.status_code == 409


def test_only_permitted_staff_run_a_settlement(app: Flask, shop: Shop) -> None:
    support = browser_of(app, shop.brand, make_staff(shop.brand, "support"), "office")

    assert support.get("/commission/settlements").status_code == 403
    assert support.post("/commission/settlements/run").status_code == 403
    assert support.get("/tree/").status_code == 200
    assert support.get(f"/tree/{shop.dan.client_id}/move").status_code == 403


def test_a_link_is_remembered_until_sign_up(app: Flask, shop: Shop) -> None:
    assert shop.pia.client_id is not None
    with tenant_scope(shop.brand.id):
        code = in_transaction(tree.code_of, shop.pia.client_id)
    newcomer = Visitor(app, shop.brand.cabinet)
    assert newcomer.get("/r/nobody").status_code == 303
    assert newcomer.client.get_cookie("ref", domain=shop.brand.cabinet) is None
    assert newcomer.get(f"/r/{code}").status_code == 303
    page = newcomer.get("/sign-up").get_data(as_text=True)
    assert f'value="{code}"' in page
    sent = newcomer.post(
        "/sign-up",
        {"email": "new@example.com", "name": "New Comer", "country": "AE", "password": "a calm river at noon",
         "password_again": "a calm river at noon", "terms": "y", "accept_terms": "y", "referral_code": code},
    )  # fmt: skip
    assert sent.status_code == 303, text_of(sent)
    with tenant_scope(shop.brand.id):
        row = in_transaction(
            lambda: execute_sql("SELECT id FROM client WHERE email_norm = 'new@example.com'").scalar_one()
        )
        steps = in_transaction(tree.path_at, row, datetime.now(UTC))
        assert [step.partner_id for step in steps] == [shop.pia.client_id]
        assert in_transaction(tree.code_of, row) is not None
        assert in_transaction(receivers.differences) == 0


def test_the_command_settles_releases_and_rebuilds(app: Flask, shop: Shop) -> None:
    runner = app.test_cli_runner()
    following = (DAY + timedelta(days=1)).isoformat()

    settled = runner.invoke(args=["settlement", "run", "--tenant", shop.brand.slug, "--date", following])
    assert settled.exit_code == 0, settled.output
    assert f"{following} proved" in settled.output
    too_early = runner.invoke(args=["settlement", "run", "--tenant", shop.brand.slug, "--date", "2999-01-01"])
    assert too_early.exit_code == 1
    due = runner.invoke(args=["settlement", "run", "--tenant", shop.brand.slug])
    assert due.output.count("proved") >= 3, due.output
    assert "batches released" in runner.invoke(args=["settlement", "release", "--tenant", shop.brand.slug]).output
    assert "rows" in runner.invoke(args=["settlement", "rebuild", "--tenant", shop.brand.slug]).output
    assert runner.invoke(args=["settlement", "run", "--tenant", "nobody"]).exit_code == 1
