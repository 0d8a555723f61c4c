"""Sharing as people do it: the partner's pages, the trader's cashback, the office's queue, and outsiders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.kit import clock
from app.ledger import service as ledger
from app.partners import permissions
from app.partners.plan import CashbackRule
from app.partners.rebates import service
from app.partners.rebates.models import AgreementStatus, ShareAgreement
from app.partners.rebates.terms import Rebates
from app.partners.rules import Agreement
from app.partners.settlement import posting
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.rebates.agreements import agree
from tests.partners.test_pages import add_partners, wallet_of
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
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
OWN = {"rebates": Rebates(rebate_max=dec("0.5"), give_max=dec("0.3"), take_max=dec("0.2"))}


@dataclass
class Shop:
    """Master Mia above sub-partner Pia, who brought in Dan. Pia shares a quarter with him; his day is settled."""

    brand: Brand
    mia: Person
    pia: Person
    dan: Person
    trade: int


def client(person: Person) -> UUID:
    assert person.client_id is not None
    return person.client_id


@pytest.fixture
def shop(north: Brand, request: pytest.FixtureRequest) -> Shop:
    plan: dict[str, Any] = getattr(request, "param", OWN)
    add_partners(north)
    mia = make_trader(north, "mia@example.com", name="Mia Master")
    pia = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    with tenant_scope(north.id):
        with transaction():
            world.link(client(pia), client(mia))
            world.link(client(dan), client(pia))
            world.publish(plan_with(god=None, audit_days=1, **plan))
            agree(Agreement("rebate", client(pia), client(dan), dec("0.25"), world.FAR_BACK, FOREVER))
            platform = world.make_platform()
            [trade] = platform.store(
                [{"client_id": client(dan), "opened_at": NOON - timedelta(minutes=10), "closed_at": NOON}]
            )
        world.settle(DAY)
    return Shop(north, mia, pia, dan, trade)


@pytest.fixture
def pia(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, shop.pia, "partner")


@pytest.fixture
def mia(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, shop.mia, "partner")


@pytest.fixture
def desk(app: Flask, shop: Shop) -> Visitor:
    return browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")


def agreed(shop: Shop, kind: str, *, status: str = "agreed") -> list[tuple[Decimal, bool]]:
    """(share, whether it goes on for ever) of every agreement of a kind in a state, the oldest first."""
    with tenant_scope(shop.brand.id):
        rows = in_transaction(
            lambda: execute_sql(
                "SELECT share, valid_to FROM share_agreement WHERE tenant_id = :tenant_id AND kind = :kind"
                " AND status = :status ORDER BY asked_at, id",
                kind=kind,
                status=status,
            ).all()
        )
    return [(row.share, row.valid_to == FOREVER) for row in rows]


def only(shop: Shop, status: AgreementStatus) -> ShareAgreement:
    with tenant_scope(shop.brand.id):
        [row] = in_transaction(lambda: service.session().query(ShareAgreement).filter_by(status=status).all())
    return row


def send(browser: Visitor, path: str, share: str, track: str = "") -> Any:
    return browser.post(path, {"share": share, "track": track, "once": browser.form_number(path)})


@pytest.mark.parametrize(("audience", "prefix"), [("partner", "/shares"), ("cabinet", "/partner/shares")])
def test_a_partner_sees_what_was_shared_and_what_it_cost(app: Flask, shop: Shop, audience: str, prefix: str) -> None:
    browser = browser_of(app, shop.brand, shop.pia, audience)

    listed = text_of(browser.get(f"{prefix}/"))
    assert "Dan T." in listed
    assert "Dan Trader" not in listed
    assert "25%" in listed
    assert "1.20" in listed
    one = text_of(browser.get(f"{prefix}/clients/{shop.dan.client_id}"))
    assert "In force" in one
    assert "1.20" in one
    shared = text_of(browser.get(f"{prefix}/trades/{shop.trade}/0"))
    assert "4.800000" in shared
    assert "1.200000" in shared


def test_lines_and_statement_list_the_share_so_that_the_sum_is_posted(app: Flask, shop: Shop, pia: Visitor) -> None:
    listed = text_of(pia.get("/earnings"))
    assert "4.8000" in listed
    assert "-1.2000" in listed.replace("−", "-").replace("\u200e", "")
    statement = text_of(pia.get(f"/statements/{DAY.isoformat()}"))
    assert "3.60 USD" in statement
    assert "3.600000" in statement
    dan = browser_of(app, shop.brand, shop.dan, "partner")
    assert "1.20 USD" in text_of(dan.get(f"/statements/{DAY.isoformat()}"))
    assert pia.get("/earnings.csv").get_data(as_text=True).count("\n") == 3


def test_a_changed_rebate_begins_with_the_next_day_and_ends_the_old_one(pia: Visitor, shop: Shop) -> None:
    path = f"/shares/clients/{shop.dan.client_id}/rebate"
    number = pia.form_number(path)
    for _ in range(2):  # Pressed twice it is one change.
        assert pia.post(path, {"share": "40", "track": "", "once": number}).status_code == 303

    assert agreed(shop, "rebate") == [(dec("0.25"), False), (dec("0.4"), True)]
    assert "Begins later" in text_of(pia.get(f"/shares/clients/{shop.dan.client_id}"))
    assert send(pia, path, "12.5").status_code == 303  # What has not begun gives way at once.
    assert agreed(shop, "rebate") == [(dec("0.25"), False), (dec("0.125"), True)]


def test_a_share_that_the_plan_does_not_allow_is_refused_beside_its_field(pia: Visitor, shop: Shop) -> None:
    wrong = {"51": "at most 50%", "": "Fill in", "abc": "Write a percentage"}
    wrong |= dict.fromkeys(["-1", "101", "NaN", "Infinity", "1e400", "0.001"], "Give a percentage")
    for share, said in wrong.items():
        answer = send(pia, "/shares/all", share)
        assert answer.status_code == 422
        assert said in text_of(answer)

    assert agreed(shop, "rebate") == [(dec("0.25"), True)]


def test_ending_a_rebate_keeps_the_past(pia: Visitor, shop: Shop) -> None:
    row = only(shop, AgreementStatus.AGREED)
    assert pia.post(f"/shares/{row.id}/end").status_code == 303

    assert agreed(shop, "rebate") == [(dec("0.25"), False)]
    assert pia.post(f"/shares/{row.id}/end").status_code == 409


def test_a_locked_partner_shares_nothing_new(pia: Visitor, shop: Shop) -> None:
    number = pia.form_number("/shares/all")
    with acting(shop.brand):
        restrictions.lock(client(shop.pia), permissions.COMMISSION_SHARING, reason_code=next(iter(REASONS)), by=BY)
    assert pia.post("/shares/all", {"share": "10", "track": "", "once": number}).status_code == 403

    assert agreed(shop, "rebate") == [(dec("0.25"), True)]


def test_a_master_gives_and_takes_within_the_plans_limits_and_the_sub_partner_is_told(
    app: Flask, mia: Visitor, pia: Visitor, shop: Shop
) -> None:
    path = f"/shares/clients/{shop.pia.client_id}"
    assert send(mia, f"{path}/give", "31").status_code == 422
    assert send(mia, f"{path}/give", "30").status_code == 303
    assert send(mia, f"{path}/take", "20", "referral").status_code == 303
    run_jobs(shop.brand)

    assert (agreed(shop, "give"), agreed(shop, "take")) == ([(dec("0.3"), True)], [(dec("0.2"), True)])
    seen = text_of(pia.get("/shares/"))
    assert "With your sponsor" in seen
    assert "30%" in seen
    assert "20%" in seen
    with tenant_scope(shop.brand.id):
        mails = in_transaction(
            lambda: execute_sql(
                "SELECT to_email, text FROM mail WHERE tenant_id = :tenant_id AND template = 'partners.share_changed'"
            ).all()
        )
    assert {mail.to_email for mail in mails} == {"pia@example.com"}
    assert any("30%" in mail.text for mail in mails)
    with tenant_scope(shop.brand.id):
        [taken] = in_transaction(
            lambda: execute_sql("SELECT id FROM share_agreement WHERE tenant_id = :tenant_id AND kind = 'take'").all()
        )
    assert pia.post(f"/shares/{taken.id}/end").status_code == 404  # Only who takes may end it.
    assert mia.post(f"/shares/{taken.id}/end").status_code == 303
    grandchild = f"/shares/clients/{shop.dan.client_id}"
    assert mia.get(f"{grandchild}/rebate").status_code == 200
    assert mia.get(f"{grandchild}/give").status_code == 404  # He is no sub-partner of hers.


def test_every_change_is_in_the_record(pia: Visitor, shop: Shop) -> None:
    assert send(pia, "/shares/all", "10").status_code == 303
    with tenant_scope(shop.brand.id):
        [row] = in_transaction(
            lambda: execute_sql(
                "SELECT after FROM audit_record WHERE tenant_id = :tenant_id AND action = 'partners.share.agree'"
            ).all()
        )
    assert row.after["share"] == "0.1"


ASKING = [{"rebates": Rebates(approval="office")}]


@pytest.mark.parametrize("shop", ASKING, indirect=True)
class TestWhereTheOfficeDecides:
    def test_an_approved_wish_begins_with_the_next_day(self, pia: Visitor, desk: Visitor, shop: Shop) -> None:
        assert send(pia, f"/shares/clients/{shop.dan.client_id}/rebate", "50").status_code == 303
        assert agreed(shop, "rebate") == [(dec("0.25"), True)]
        assert "Waiting for the broker" in text_of(pia.get(f"/shares/clients/{shop.dan.client_id}"))
        waiting = only(shop, AgreementStatus.WAITING)
        queue = text_of(desk.get("/commission/shares/"))
        assert "Pia Partner" in queue
        assert "50%" in queue

        assert desk.post(f"/commission/shares/{waiting.id}/approve").status_code == 303
        assert desk.post(f"/commission/shares/{waiting.id}/approve").status_code == 409
        assert agreed(shop, "rebate") == [(dec("0.25"), False), (dec("0.5"), True)]

    def test_a_refused_wish_changes_nothing_and_says_why(self, pia: Visitor, desk: Visitor, shop: Shop) -> None:
        assert send(pia, "/shares/all", "50").status_code == 303
        waiting = only(shop, AgreementStatus.WAITING)
        refuse = f"/commission/shares/{waiting.id}/refuse"
        assert desk.post(refuse, {"reason": " "}).status_code == 422
        assert desk.post(refuse, {"reason": "Too much for this region"}).status_code == 303
        run_jobs(shop.brand)

        assert agreed(shop, "rebate") == [(dec("0.25"), True)]
        assert "Too much for this region" in text_of(desk.get("/commission/shares/?show=refused"))
        with tenant_scope(shop.brand.id):
            [mail] = in_transaction(
                lambda: execute_sql(
                    "SELECT text FROM mail WHERE tenant_id = :tenant_id AND template = 'partners.rebate_decided'"
                ).all()
            )
        assert "Too much for this region" in mail.text

    def test_a_wish_is_withdrawn_or_replaced_by_a_later_one(self, pia: Visitor, shop: Shop) -> None:
        for share in ("30", "35"):
            assert send(pia, "/shares/all", share).status_code == 303
        assert agreed(shop, "rebate", status="waiting") == [(dec("0.35"), True)]
        waiting = only(shop, AgreementStatus.WAITING)
        assert pia.post(f"/shares/{waiting.id}/end").status_code == 303
        assert agreed(shop, "rebate", status="waiting") == []

    def test_a_lock_that_came_since_stops_the_approval(self, pia: Visitor, desk: Visitor, shop: Shop) -> None:
        assert send(pia, "/shares/all", "30").status_code == 303
        waiting = only(shop, AgreementStatus.WAITING)
        with acting(shop.brand):
            restrictions.lock(client(shop.pia), permissions.COMMISSION_SHARING, reason_code=next(iter(REASONS)), by=BY)
        assert desk.post(f"/commission/shares/{waiting.id}/approve").status_code == 403

    def test_only_the_desk_decides(self, app: Flask, pia: Visitor, shop: Shop) -> None:
        assert send(pia, "/shares/all", "30").status_code == 303
        waiting = only(shop, AgreementStatus.WAITING)
        finance = browser_of(app, shop.brand, make_staff(shop.brand, "finance"), "office")
        assert finance.get("/commission/shares/").status_code == 200
        assert finance.post(f"/commission/shares/{waiting.id}/approve").status_code == 403
        support = browser_of(app, shop.brand, make_staff(shop.brand, "support"), "office")
        assert support.get("/commission/shares/").status_code == 403


def test_a_trader_sees_cashback_and_moves_it_to_the_wallet(app: Flask, shop: Shop) -> None:
    dan = browser_of(app, shop.brand, shop.dan, "cabinet")

    before = text_of(dan.get("/cashback/"))
    assert "Under audit" in before
    assert "1.20 USD" in before
    assert "4.80" not in before  # What the partner earned is not the trader's to see.
    assert "Cashback" in text_of(dan.get("/"))
    with tenant_scope(shop.brand.id):
        posting.release_due(clock.now(), BY)
    assert "Redeemable" in text_of(dan.get("/cashback/"))
    number = dan.form_number("/partner/payout")
    assert dan.post("/partner/payout", {"currency": "USD", "amount": "1.20", "once": number}).status_code == 303
    assert wallet_of(shop.brand, ledger.Owner("client", client(shop.dan)), "main") == dec("1.20")
    shared = text_of(dan.get(f"/partner/shares/trades/{shop.trade}/0"))
    assert "1.200000" in shared
    assert "4.800000" not in shared


@pytest.mark.parametrize("shop", [{"cashback": (CashbackRule(name="default", per_lot=dec("0.5")),)}], indirect=True)
def test_a_trader_sees_the_brokers_cashback_explained(app: Flask, shop: Shop) -> None:
    dan = browser_of(app, shop.brand, shop.dan, "cabinet")

    page = text_of(dan.get("/cashback/"))
    assert "From the broker" in page
    assert "0.5000" in page
    explained = text_of(dan.get(f"/partner/earnings/{shop.trade}/0/cashback/base"))
    assert "0.500000" in explained


def test_nobody_shares_for_others_or_sees_their_shares(app: Flask, shop: Shop, south: Brand) -> None:
    row = only(shop, AgreementStatus.AGREED)
    dan = browser_of(app, shop.brand, shop.dan, "partner")  # Below Pia, not above.
    add_partners(south)
    with tenant_scope(south.id), transaction():
        world.publish(plan_with(god=None, **OWN))
    outsider = browser_of(app, south, make_trader(south, "olga@example.com", name="Olga Outside"), "partner")
    for browser in (dan, outsider):
        for path in (f"/shares/clients/{shop.pia.client_id}", f"/shares/clients/{shop.pia.client_id}/rebate"):
            assert browser.get(path).status_code == 404
        assert browser.post(f"/shares/clients/{shop.pia.client_id}/rebate", {"share": "1"}).status_code == 404
        assert browser.post(f"/shares/{row.id}/end").status_code == 404
    assert outsider.get(f"/shares/trades/{shop.trade}/0").status_code == 404
    assert outsider.get("/shares/").status_code == 200
    mia = browser_of(app, shop.brand, shop.mia, "partner")
    assert mia.get(f"/shares/trades/{shop.trade}/0").status_code == 404
    officer = browser_of(app, south, make_staff(south, "admin"), "office")
    assert officer.get(f"/commission/shares/{row.id}/refuse").status_code == 404
    assert officer.post(f"/commission/shares/{row.id}/approve").status_code == 404
    assert agreed(shop, "rebate") == [(dec("0.25"), True)]
