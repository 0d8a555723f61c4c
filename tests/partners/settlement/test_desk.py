"""Trying a day, signing it, long holds and a partner's currency, as staff meet them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.kit import clock
from app.partners import service
from app.partners.plan import Caps
from app.partners.settlement import overdue, posting, trial
from app.partners.settlement import run as settlement
from app.partners.settlement.models import TrialState
from tests.partners import world
from tests.partners.settlement.test_killed import wait_for_a_waiter
from tests.partners.test_pages import DAY, NOON, Shop, shop
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    mails,
    make_staff,
    north,
    run_jobs,
    south,
)
from tests.support.browsing import Visitor, text_of
from tools import roles

__all__ = ["app", "brands", "hash_once", "north", "shop", "south"]

NEXT = DAY + timedelta(days=1)
LEFT_ALONE = (
    "settlement_run", "settled_trade", "commission_line", "commission_reason", "commission_hold", "commission_batch",
    "commission_statement", "journal_entry", "run_gate", "run_rule", "run_term", "run_wallet", "wallet",
)  # fmt: skip


def staff(app: Flask, brand: Brand, role: str, email: str = "") -> Visitor:
    return browser_of(app, brand, make_staff(brand, role, email=email or f"{role}@example.com"), "office")


def rows_of(brand: Brand) -> dict[str, int]:
    def read() -> dict[str, int]:
        return {
            table: execute_sql(f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant_id").scalar_one()
            for table in LEFT_ALONE
        }

    with tenant_scope(brand.id):
        return in_transaction(read)


def trade(shop: Shop, at: datetime, lots: str = "1.00") -> int:
    with tenant_scope(shop.brand.id), transaction():
        kind = execute_sql("SELECT platform_id, id FROM account_type WHERE tenant_id = :tenant_id").one()
        last = execute_sql(
            "SELECT max(id) AS deals, max(batch_no) AS batches FROM closed_trade WHERE tenant_id = :tenant_id"
        ).one()
        platform = world.Platform(kind.platform_id, kind.id, deals=last.deals, batches=last.batches)
        account = execute_sql("SELECT id FROM trading_account WHERE tenant_id = :tenant_id LIMIT 1").scalar_one()
        assert shop.dan.client_id is not None
        platform.accounts[(shop.dan.client_id, "standard", "USD")] = account
        [made] = platform.store(
            [
                {
                    "client_id": shop.dan.client_id,
                    "opened_at": at - timedelta(minutes=9),
                    "closed_at": at,
                    "volume_lots": dec(lots),
                }
            ]
        )
    return made


class TestTrial:
    def test_it_says_what_the_run_then_pays_and_leaves_nothing(self, app: Flask, shop: Shop, south: Brand) -> None:
        trade(shop, NOON + timedelta(days=1), "2.00")
        finance = staff(app, shop.brand, "finance")
        before = rows_of(shop.brand)

        answer = finance.post("/commission/settlements/trials")
        assert answer.status_code == 303
        waiting = finance.get(answer.headers["Location"])
        assert "being computed" in text_of(waiting)
        assert finance.post("/commission/settlements/trials").status_code == 409
        assert "partners.try_day" in run_jobs(shop.brand)

        assert rows_of(shop.brand) == before
        shown = text_of(finance.get(answer.headers["Location"]))
        assert "Nothing was posted" in shown
        assert "Pia Partner" in shown
        with tenant_scope(shop.brand.id):
            found = in_transaction(trial.latest)
            assert found is not None
            assert found.state is TrialState.DONE, found.failure
            run = world.settle(NEXT)
        [total] = found.result["totals"]
        assert total["minor"] == run.proof["posted_minor"] > 0
        assert (found.result["lines"], found.result["trades"]) == (run.lines, run.trades)
        assert f"{total['minor'] / 100:.2f} USD" in shown
        abroad = staff(app, south, "admin")
        assert abroad.get(answer.headers["Location"]).status_code == 404

    def test_a_day_that_has_not_ended_can_be_tried_and_is_not_settled(self, app: Flask, shop: Shop) -> None:
        with tenant_scope(shop.brand.id):
            with clock.frozen(datetime.now(UTC)):
                settlement.settle_due(BY)
            today = in_transaction(trial.next_day)
            assert today is not None
        trade(shop, datetime.now(UTC) - timedelta(seconds=1))
        finance = staff(app, shop.brand, "finance")
        before = rows_of(shop.brand)
        finance.post("/commission/settlements/trials")
        run_jobs(shop.brand)

        assert rows_of(shop.brand) == before
        with tenant_scope(shop.brand.id):
            found = in_transaction(trial.latest)
        assert found is not None
        assert (found.business_date, found.state, found.result["is_over"]) == (today, TrialState.DONE, False)

    def test_who_may_not_run_a_settlement_may_not_try_one(self, app: Flask, shop: Shop) -> None:
        assert staff(app, shop.brand, "support").post("/commission/settlements/trials").status_code == 403
        assert staff(app, shop.brand, "partner_desk").post("/commission/settlements/trials").status_code == 403

    def test_while_a_run_works_it_says_so_and_tries_nothing(self, app: Flask, shop: Shop) -> None:
        staff(app, shop.brand, "finance").post("/commission/settlements/trials")
        with tenant_scope(shop.brand.id):
            found = in_transaction(trial.latest)
            assert found is not None
            with settlement.only_worker():
                trial.run(found.id)
        with tenant_scope(shop.brand.id):
            found = in_transaction(trial.latest)
        assert found is not None
        assert found.state is TrialState.FAILED
        assert "running now" in found.failure


def test_a_day_is_signed_in_the_office_and_the_lists_say_by_whom(app: Flask, shop: Shop) -> None:
    finance = staff(app, shop.brand, "finance")
    address = f"/commission/settlements/{DAY.isoformat()}"
    assert "Sign this day" in text_of(finance.get(address))
    assert "In and out" in text_of(finance.get(address))
    assert staff(app, shop.brand, "partner_desk").post(f"{address}/sign", {"note": ""}).status_code == 403
    assert finance.post(f"{address}/sign", {"note": "x" * 501}).status_code == 422

    assert finance.post(f"{address}/sign", {"note": "All right"}).status_code == 303
    assert finance.post(f"{address}/sign", {"note": "Again"}).status_code == 409

    page = text_of(finance.get(address))
    assert "All right" in page
    assert "Sign this day" not in page
    with tenant_scope(shop.brand.id):
        run = in_transaction(settlement.get, DAY)
    assert str(run.signed_by_name) in text_of(finance.get("/commission/settlements"))


class TestHoldsThatLastTooLong:
    @pytest.fixture
    def held(self, shop: Shop) -> Any:
        """A trade that Cora from compliance held a while ago; the plan gives two days."""
        cora = make_staff(shop.brand, "compliance", email="cora@example.com")
        other = make_staff(shop.brand, "compliance", email="other@example.com")
        made = trade(shop, NOON + timedelta(days=1))
        with tenant_scope(shop.brand.id):
            with transaction():
                world.publish(plan_with(caps=Caps(max_total_per_lot=dec(10)), max_hold_days=2))
                service.record_verdict(made, "hold", reason="Looks copied", by=cora.actor())
            world.settle(NEXT)
        return cora, other

    def test_the_person_who_held_it_is_told_once_and_the_queue_shows_it(
        self, app: Flask, shop: Shop, held: Any
    ) -> None:
        with tenant_scope(shop.brand.id):
            with clock.frozen(NOON + timedelta(days=2)):
                assert in_transaction(overdue.escalate, BY) == 0
            with clock.frozen(NOON + timedelta(days=4)):
                assert in_transaction(overdue.escalate, BY) == 2  # Pia's level and her amount per lot.
                assert in_transaction(overdue.escalate, BY) == 0
                assert in_transaction(overdue.count) == 2
        assert (told(shop.brand, "cora@example.com"), told(shop.brand, "other@example.com")) == (1, 0)
        with clock.frozen(NOON + timedelta(days=4)):
            page = text_of(staff(app, shop.brand, "finance").get("/commission/holds"))
        assert "Looks copied" in page
        assert "Pia Partner" in page
        with tenant_scope(shop.brand.id):
            assert world.held()

    def test_where_that_person_has_left_compliance_is_told(self, shop: Shop, held: Any) -> None:
        with tenant_scope(shop.brand.id):
            with transaction():
                execute_sql(
                    "UPDATE identity_user SET status = 'disabled' WHERE tenant_id = :tenant_id AND id = :id",
                    id=held[0].id,
                )
            with clock.frozen(NOON + timedelta(days=4)):
                in_transaction(overdue.escalate, BY)
        assert (told(shop.brand, "cora@example.com"), told(shop.brand, "other@example.com")) == (0, 1)

    def test_what_was_decided_is_no_longer_shown(self, app: Flask, shop: Shop, held: Any, south: Brand) -> None:
        with tenant_scope(shop.brand.id):
            with transaction():
                execute_sql("UPDATE trade_verdict SET verdict = 'clear' WHERE tenant_id = :tenant_id")
            world.settle(NEXT + timedelta(days=1))
            with clock.frozen(NOON + timedelta(days=5)):
                assert in_transaction(overdue.count) == 0
        extend_bundle(south, partners={"plan": {"name": "Unused", "currency": "USD"}})
        with tenant_scope(south.id):
            assert in_transaction(overdue.escalate, BY) == 0
        assert staff(app, shop.brand, "support").get("/commission/holds").status_code == 403


def told(brand: Brand, to: str) -> int:
    return sum(mail.template == "partners.holds_overdue" for mail in mails(brand, to))


def test_the_office_chooses_a_partners_currency_and_the_partner_reads_it(app: Flask, shop: Shop, south: Brand) -> None:
    desk = staff(app, shop.brand, "partner_desk")
    address = f"/commission/partners/{shop.pia.client_id}/currency"
    assert desk.get(address).status_code == 200
    assert desk.post(address, {"currency": "XXX"}).status_code == 422
    assert desk.post(address, {"currency": "EUR"}).status_code == 303
    assert staff(app, south, "admin").get(address).status_code == 404
    assert staff(app, shop.brand, "compliance").get(address).status_code == 403
    trade(shop, NOON + timedelta(days=1))
    with tenant_scope(shop.brand.id):
        run = world.settle(NEXT)
        assert list(run.proof["others"]) == ["EUR"]
        assert shop.pia.client_id is not None
        euros = world.balances(shop.pia.client_id, "EUR")["temporary"]
    assert euros > 0
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    for page in ("/", "/statements", f"/statements/{NEXT.isoformat()}", "/payout"):
        assert "EUR" in text_of(pia.get(page)), page
    shown = text_of(pia.get(f"/statement?from={NEXT.isoformat()}&to={NEXT.isoformat()}"))
    assert f"{euros} EUR" in shown
    office = text_of(desk.get(f"/commission/settlements/{NEXT.isoformat()}"))
    assert f"{euros} EUR" in office
    assert posting.EXPENSE.kind == "house"


def test_while_a_run_posts_a_partners_pages_and_payout_answer(
    app: Flask, shop: Shop, database: roles.Addresses
) -> None:
    """The run waits inside its statements, with its money posted; the partner reads and is paid meanwhile."""
    trade(shop, NOON + timedelta(days=1), "2.00")
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    number = pia.form_number("/payout")

    def settle() -> None:
        with tenant_scope(shop.brand.id):
            world.settle(NEXT)

    with (
        psycopg.connect(roles.libpq(database.owner), autocommit=False) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute(b"LOCK TABLE commission_statement IN SHARE MODE")  # Readers pass, writers wait.
        working = pool.submit(settle)
        wait_for_a_waiter(holder, "commission_statement")
        for page in ("/", "/earnings", "/statements", "/payout"):
            assert pia.get(page).status_code == 200
        paid = pia.post("/payout", {"currency": "USD", "amount": "1.00", "once": number})
        assert paid.status_code == 303
        assert not working.done()
        holder.rollback()
        working.result(timeout=60)
