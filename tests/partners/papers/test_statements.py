"""A partner's statement of any days: every figure equals the rows it lists, and the wallets."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, transaction
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import permissions
from app.partners.papers import service
from app.partners.papers.service import PartnerStatement
from app.partners.settlement import posting
from app.partners.settlement.posting import partner_owner
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from app.tenancy.papers import Period
from tests.partners import world
from tests.partners.conftest import here, pays
from tests.partners.test_pages import DAY, Shop, add_partners, app, brands, hash_once, north, shop, south
from tests.partners.test_settlement import AT_NOON, FRIDAY, TreeT1, closed
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY
from tests.support.brands import Brand, acting, browser_of, enter, make_staff, make_trader
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "here", "north", "pays", "shop", "south"]

UTC_ZONE = ZoneInfo("UTC")
REASON = next(iter(REASONS))
DAYS = [FRIDAY + timedelta(days=number) for number in range(5)]


def stated(partner_id: UUID, first: date, last: date) -> PartnerStatement:
    return in_transaction(service.statement, partner_id, Period(first, last, UTC_ZONE), "USD")


def proven(found: PartnerStatement) -> None:
    """Every figure is the sum of what is listed below it."""
    audit, redeem = found.opening_audit, found.opening_redeem
    for move in found.movements:
        audit, redeem = audit + move.under_audit, redeem + move.redeemable
        assert (move.under_audit_after, move.redeemable_after) == (audit, redeem)
    assert (found.closing_audit, found.closing_redeem) == (audit, redeem)
    for track in found.tracks:
        own = [row.amount for row in found.paid if row.track == track.track]
        assert sum(own, Decimal(0)) == track.lines
        assert len(own) == track.line_count
        assert track.lines + track.carried_in - track.carried_on == track.posted.amount
    posted = [
        one.under_audit + one.redeemable for one in found.movements if one.kind.endswith((".settle", ".clawback"))
    ]
    assert sum(posted, Money.zero("USD")) == found.posted


def wallets(partner_id: UUID) -> tuple[Decimal, Decimal]:
    found = world.balances(partner_id)
    return found["temporary"], found["redeem"]


@pytest.fixture
def t1(here: None) -> TreeT1:
    """Tree T1 with one-day audits and trades on five days, all settled, released and partly moved away."""
    with transaction():
        tree = TreeT1()
        world.publish(plan_with(audit_days=1))
        for number, day in enumerate(DAYS):
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            lots = dec("0.37") + number
            tree.platform.store(
                [
                    closed(tree.d, at, volume_lots=lots),
                    closed(tree.d, at, symbol="USDJPY", open_bid=dec("118.868"), open_ask=dec("118.888"),
                           profit_currency="JPY", volume_lots=lots),
                    closed(tree.d, at, opened_at=at - timedelta(seconds=9)),
                ]
            )  # fmt: skip
    for day in DAYS:
        with clock.frozen(datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(days=1)):
            world.settle(day)
            posting.release_due(clock.business_now(), BY)
    with clock.frozen(AT_NOON + timedelta(days=3)), transaction():
        world.pay_out(tree.a, "5.25", "one")
    return tree


def test_every_stretch_of_days_is_proven_and_follows_on_the_one_before(t1: TreeT1) -> None:
    for partner in (t1.a, t1.b, t1.c):
        for begin in range(len(DAYS)):
            for end in range(begin, len(DAYS)):
                proven(stated(partner, DAYS[begin], DAYS[end]))
        for before, after in itertools.pairwise(DAYS):
            one, two = stated(partner, before, before), stated(partner, after, after)
            assert (one.closing_audit, one.closing_redeem) == (two.opening_audit, two.opening_redeem)
            for track in one.tracks:
                following = [other.carried_in for other in two.tracks if other.track == track.track]
                assert following == [track.carried_on]


def test_the_whole_of_it_closes_on_the_wallets(t1: TreeT1) -> None:
    for partner in (t1.a, t1.b, t1.c):
        found = stated(partner, DAYS[0], DAYS[-1] + timedelta(days=30))
        assert (found.closing_audit.amount, found.closing_redeem.amount) == wallets(partner)
        assert (found.opening_audit.amount, found.opening_redeem.amount) == (0, 0)
    kinds = set(stated(t1.a, DAYS[0], DAYS[-1] + timedelta(days=9)).sums)
    assert kinds == {"commission.settle", "commission.release", "commission.payout"}


def test_a_day_says_what_the_day_s_own_statement_says(t1: TreeT1) -> None:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT partner_id, business_date, lines, carry_in, carry_out, posted_minor, reason_count"
            " FROM commission_statement WHERE tenant_id = :tenant_id"
        ).all()
    )
    assert len(rows) == 3 * len(DAYS)
    for row in rows:
        found = stated(row.partner_id, row.business_date, row.business_date)
        assert (found.lines, found.carried_in, found.carried_on) == (row.lines, row.carry_in, row.carry_out)
        assert found.posted.minor == row.posted_minor
        assert sum(times for _, times in found.reasons) == row.reason_count


def test_a_clawback_and_a_cleared_hold_count_on_their_own_days(here: None) -> None:
    with transaction():
        tree = TreeT1()
        world.publish(plan_with(on_ineligible="hold", audit_days=1))
        tree.platform.store([closed(tree.d), closed(tree.d, AT_NOON + timedelta(days=1))])
    with clock.frozen(AT_NOON), transaction():
        lock = restrictions.lock(tree.c, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
    with clock.frozen(AT_NOON + timedelta(days=1)):
        world.settle(FRIDAY)
    with clock.frozen(AT_NOON + timedelta(days=1)), transaction():
        restrictions.lift(lock.id, reason="Checked.", by=BY)
        execute_sql(
            "UPDATE closed_trade SET deleted_at = now(), revision = revision + 1, batch_no = 9"
            " WHERE tenant_id = :tenant_id AND closed_at = :at",
            at=AT_NOON,
        )
    with clock.frozen(AT_NOON + timedelta(days=2)):
        world.settle(FRIDAY + timedelta(days=1))
    with clock.frozen(AT_NOON + timedelta(days=3)):
        world.settle(FRIDAY + timedelta(days=2))

    for partner in (tree.a, tree.b, tree.c):
        for first in range(3):
            for last in range(first, 3):
                proven(stated(partner, FRIDAY + timedelta(days=first), FRIDAY + timedelta(days=last)))
        found = stated(partner, FRIDAY, FRIDAY + timedelta(days=40))
        assert (found.closing_audit.amount, found.closing_redeem.amount) == wallets(partner)
    held = stated(tree.c, FRIDAY, FRIDAY).held
    assert [row.amount for row in held] == [dec("4.80")]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(st.lists(st.decimals(dec("0.01"), dec("3.00"), places=2), max_size=4), min_size=1, max_size=3),
    cut=st.integers(0, 3),
)
def test_any_days_add_up(pays: None, lots: list[list[Decimal]], cut: int) -> None:
    """Random volumes on following days: the parts of a period sum to the whole, whichever day it is cut on."""
    from app.core.db import tenant_scope
    from tests.partners.conftest import HERE

    with tenant_scope(HERE):
        with transaction():
            tree = TreeT1()
            fresh = not execute_sql("SELECT count(*) FROM plan_version WHERE tenant_id = :tenant_id").scalar_one()
            if fresh:
                world.publish(PLAN)
            else:
                from app.partners import receivers

                receivers.rebuild()
            newest = execute_sql(
                "SELECT max(business_date) FROM settlement_run WHERE tenant_id = :tenant_id"
            ).scalar_one()
            first = (newest or FRIDAY) + timedelta(days=1)
            ids = execute_sql("SELECT coalesce(max(id), 0) FROM closed_trade WHERE tenant_id = :tenant_id").scalar_one()
            tree.platform.deals = ids
            tree.platform.batches = ids
            for number, day in enumerate(lots):
                at = datetime(first.year, first.month, first.day, 12, tzinfo=UTC) + timedelta(days=number)
                tree.platform.store([closed(tree.d, at, volume_lots=one) for one in day])
        for number in range(len(lots)):
            day_end = datetime(first.year, first.month, first.day, 1, tzinfo=UTC) + timedelta(days=number + 1)
            with clock.frozen(day_end):
                world.settle(first + timedelta(days=number))
        last, middle = first + timedelta(days=len(lots) - 1), first + timedelta(days=min(cut, len(lots) - 1))
        whole, one = stated(tree.a, first, last), stated(tree.a, first, middle)
        proven(whole)
        proven(one)
        assert (whole.closing_audit.amount, whole.closing_redeem.amount) == wallets(tree.a)
        if middle < last:
            two = stated(tree.a, middle + timedelta(days=1), last)
            proven(two)
            assert one.lines + two.lines == whole.lines
            assert one.posted + two.posted == whole.posted
            assert one.closing_audit == two.opening_audit


def test_page_pdf_and_csv_say_the_same_in_every_language(app: Flask, shop: Shop) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    days = f"from={DAY}&to={DAY + timedelta(days=10)}"
    page = text_of(pia.get(f"/statement?{days}"))
    assert "10.00 USD" in page
    assert "Dan T." in page
    assert "Dan Trader" not in page
    rows = list(csv.DictReader(io.StringIO(pia.get(f"/statement.csv?{days}").get_data(as_text=True).lstrip("\ufeff"))))
    assert sum(dec(row["amount"]) for row in rows if row["record"] == "line") == 10
    assert [row["redeemable"] for row in rows if row["record"] == "closing_balance"] == ["10.00"]
    assert {row["client"] for row in rows if row["record"] == "line"} == {"Dan T."}
    for language in ("en", "ar", "ru"):
        with acting(shop.brand):
            execute_sql(
                "UPDATE identity_user SET language = :language WHERE tenant_id = :tenant_id AND id = :id",
                language=language,
                id=shop.pia.id,
            )
        reader = Visitor(app, shop.brand.cabinet)
        reader.language = language
        reader.client.set_cookie("sid", enter(shop.brand, shop.pia, "cabinet").token, domain=reader.host)
        assert reader.get(f"/partner/statement?{days}").status_code == 200
        assert reader.get(f"/partner/statement.pdf?{days}").get_data()[:5] == b"%PDF-"


def test_the_office_opens_any_partner_s_statement_and_exports_are_recorded(app: Flask, shop: Shop) -> None:
    desk = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")
    at = f"/commission/partners/{shop.pia.client_id}"
    assert "Dan Trader" in text_of(desk.get(f"{at}/statement?from={DAY}&to={DAY}"))
    assert desk.get(f"{at}/statement.pdf?from={DAY}&to={DAY}").status_code == 200
    assert desk.get(f"{at}/statement.csv?from={DAY}&to={DAY}").status_code == 200
    with acting(shop.brand):
        done = execute_sql(
            "SELECT after->>'what' AS what FROM audit_record"
            " WHERE tenant_id = :tenant_id AND action = 'partners.statement.export'"
        ).scalars()
        assert set(done) == {"statement.pdf", "statement.csv"}


def test_impossible_days_are_refused_beside_the_form(app: Flask, shop: Shop) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    assert pia.get(f"/statement?from={DAY}&to={DAY - timedelta(days=1)}").status_code == 422
    assert pia.get("/statement?from=2020-01-01&to=2026-01-01").status_code == 422
    assert pia.get("/statement.csv?from=2020-01-01&to=2026-01-01").status_code == 422
    assert pia.get("/statement?from=nonsense").status_code == 200
    assert pia.get("/as-of?at=nonsense").status_code == 422


def test_nobody_else_reads_a_statement(app: Flask, shop: Shop, south: Brand) -> None:
    add_partners(south)
    olga = browser_of(app, south, make_trader(south, "olga@example.com", name="Olga Outside"), "partner")
    assert "10.00" not in text_of(olga.get(f"/statement?from={DAY}&to={DAY}"))
    staff = browser_of(app, south, make_staff(south, "admin"), "office")
    for part in ("statement", "statement.pdf", "statement.csv", "as-of"):
        assert staff.get(f"/commission/partners/{shop.pia.client_id}/{part}").status_code == 404
    seller = browser_of(app, shop.brand, make_staff(shop.brand, "sales"), "office")
    assert seller.get(f"/commission/partners/{shop.pia.client_id}/statement").status_code == 403


def test_balances_and_terms_of_any_instant(t1: TreeT1) -> None:
    from app.partners.papers import as_of

    before = in_transaction(as_of.of_partner, t1.a, datetime(2026, 11, 20, 23, tzinfo=UTC))
    assert [(one.under_audit.amount, one.redeemable.amount) for one in before.balances] == [(0, 0)]
    after = in_transaction(as_of.of_partner, t1.a, datetime(2026, 11, 21, 2, tzinfo=UTC))
    first = stated(t1.a, DAYS[0], DAYS[0])
    assert after.balances[0].under_audit == first.posted
    now = in_transaction(as_of.of_partner, t1.a, datetime(2027, 1, 1, tzinfo=UTC))
    assert (now.balances[0].under_audit.amount, now.balances[0].redeemable.amount) == wallets(t1.a)
    assert (now.god_rate, now.below) == (8, 3)
    assert [step[1] for step in in_transaction(as_of.of_partner, t1.d, AT_NOON).path] == [t1.c, t1.b, t1.a]
    assert in_transaction(as_of.of_partner, t1.a, datetime(2019, 1, 1, tzinfo=UTC)).god_rate is None


def test_a_lock_that_was_lifted_held_while_it_held(here: None) -> None:
    from app.partners.papers import as_of

    with transaction():
        partner = world.make_client("Paula")
        owner = partner_owner(partner)
        ledger.wallet(owner, ledger.REDEEM, "USD")
    with clock.frozen(AT_NOON), transaction():
        lock = restrictions.lock(partner, permissions.COMMISSION_PAYOUT, reason_code=REASON, by=BY)
    with clock.frozen(AT_NOON + timedelta(hours=2)), transaction():
        restrictions.lift(lock.id, reason="Checked.", by=BY)

    def locks(hours: int) -> list[str]:
        found = in_transaction(as_of.of_partner, partner, AT_NOON + timedelta(hours=hours))
        return [one.function for one in found.locks]

    assert (locks(-1), locks(1), locks(3)) == ([], ["commission_payout"], [])
