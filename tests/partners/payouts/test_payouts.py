"""Payouts and early releases as partner and staff meet them: money, approvals, mails, refusals, outsiders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.actor import system_actor
from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import permissions
from app.partners.payouts import service
from app.partners.payouts.terms import PayoutTerms, payout_faults
from app.partners.plan import Caps
from app.partners.settlement import posting
from app.rates import service as rates
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.drafts.test_editor import SAFE, begun, found, typed
from tests.partners.test_pages import add_partners
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    mails,
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
IBAN = "DE89370400440532013000"
PAYMENTS = {
    "currencies": [
        {
            "currency": "USD",
            "deposit_min": 50,
            "deposit_max": 20000,
            "withdrawal_min": 20,
            "withdrawal_max": 10000,
            "second_person_from": 1000,
            "bank": {"holder": "North Ltd", "bank_name": "Bank", "iban": "DE82100500007700284117", "bic": "DEMODEBB"},
        }
    ]
}


@dataclass
class Desk:
    """A brand whose partner has 100.00 USD to redeem and 100.00 under audit."""

    brand: Brand
    partner: Person
    account_id: UUID

    @property
    def partner_id(self) -> UUID:
        assert self.partner.client_id is not None
        return self.partner.client_id


def open_desk(brand: Brand, terms: PayoutTerms, *, min_payout: str = "5") -> Desk:
    add_partners(brand)
    extend_bundle(brand, payments=PAYMENTS)
    partner = make_trader(brand, "pia@example.com", name="Pia Partner")
    dan = make_trader(brand, "dan@example.com", name="Dan Trader")
    assert partner.client_id is not None
    assert dan.client_id is not None
    with tenant_scope(brand.id):
        with transaction():
            world.link(dan.client_id, partner.client_id)
            world.grant(partner.client_id, dec(100))
            world.publish(
                plan_with(
                    referral=None,
                    caps=Caps(max_total_per_lot=dec(1000)),
                    audit_days=1,
                    payouts=terms,
                    min_payout=dec(min_payout),
                )
            )
            platform = world.make_platform()
            account_id = platform.account(partner.client_id)
            execute_sql(
                "UPDATE trading_platform SET settings = CAST(:settings AS jsonb) WHERE tenant_id = :tenant_id",
                settings='{"operation_expires_s": 60}',
            )
            for at in (NOON, NOON + timedelta(days=1)):
                platform.store([{"client_id": dan.client_id, "opened_at": at - timedelta(minutes=9), "closed_at": at}])
        world.settle(DAY)
        posting.release_due(datetime.now(UTC), BY)
        world.settle(DAY + timedelta(days=1))
    return Desk(brand, partner, account_id)


WAITING = PayoutTerms(methods=("wallet", "bank", "account"), approval_from=Decimal(10), second_person_from=Decimal(50))


@pytest.fixture
def desk(north: Brand) -> Desk:
    return open_desk(north, WAITING)


def redeem(desk: Desk) -> Decimal:
    with tenant_scope(desk.brand.id):
        return world.balances(desk.partner_id)["redeem"]


def main_wallet(desk: Desk) -> Decimal:
    def read() -> Decimal:
        return ledger.balance(ledger.wallet(ledger.Owner("client", desk.partner_id), ledger.MAIN, "USD").id).amount

    with tenant_scope(desk.brand.id):
        return in_transaction(read)


def ask(visitor: Visitor, amount: str, method: str = "wallet", **more: Any) -> Any:
    page = f"/payout?method={method}"
    fields = {"currency": "USD", "amount": amount, "once": visitor.form_number(page), **more}
    return visitor.post(page, fields)


def newest(desk: Desk) -> Any:
    with tenant_scope(desk.brand.id):
        return in_transaction(
            lambda: execute_sql(
                "SELECT * FROM commission_payout WHERE tenant_id = :tenant_id ORDER BY id DESC LIMIT 1"
            ).one()
        )


def partner_page(app: Flask, desk: Desk) -> Visitor:
    return browser_of(app, desk.brand, desk.partner, "partner")


def staff(app: Flask, desk: Desk, role: str, email: str) -> Visitor:
    return browser_of(app, desk.brand, make_staff(desk.brand, role, email=email), "office")


def approve(visitor: Visitor, row: Any, version: int | None = None) -> Any:
    return visitor.post(
        f"/commission/payouts/{row.id}/approve", {"version": str(row.version if version is None else version)}
    )


def test_a_small_payout_needs_nobody(app: Flask, desk: Desk) -> None:
    pia = partner_page(app, desk)

    assert ask(pia, "9.99").status_code == 303

    assert (redeem(desk), main_wallet(desk)) == (dec("90.01"), dec("9.99"))
    assert newest(desk).status == "paid"
    run_jobs(desk.brand)
    assert [mail.template for mail in mails(desk.brand, "pia@example.com")] == ["partners.payout_paid"]


def test_a_larger_one_waits_and_one_person_approves_it(app: Flask, desk: Desk) -> None:
    pia, finance = partner_page(app, desk), staff(app, desk, "finance", "fin@example.com")
    assert ask(pia, "10.00").status_code == 303
    row = newest(desk)

    assert (redeem(desk), main_wallet(desk), row.status) == (dec("90.00"), dec(0), "waiting")
    assert "Waiting for approval" in text_of(pia.get("/payout"))
    assert "Pia Partner" in text_of(finance.get("/commission/payouts/"))
    assert approve(finance, row, version=99).status_code == 409
    assert approve(finance, row).status_code == 303
    assert approve(finance, row).status_code == 409

    assert (redeem(desk), main_wallet(desk), newest(desk).status) == (dec("90.00"), dec("10.00"), "paid")


def test_a_large_one_takes_two_people(app: Flask, desk: Desk) -> None:
    pia, first = partner_page(app, desk), staff(app, desk, "finance", "one@example.com")
    second = staff(app, desk, "admin", "two@example.com")
    ask(pia, "50.00")
    assert approve(first, newest(desk)).status_code == 303
    assert approve(first, newest(desk)).status_code == 403
    assert (main_wallet(desk), newest(desk).approvals_given) == (dec(0), 1)
    assert approve(second, newest(desk)).status_code == 303

    assert main_wallet(desk) == dec("50.00")
    assert "Pia Partner" in text_of(second.get(f"/commission/payouts/{newest(desk).id}"))


def test_a_rejected_and_a_cancelled_one_are_redeemable_again(app: Flask, desk: Desk) -> None:
    pia, finance = partner_page(app, desk), staff(app, desk, "finance", "fin@example.com")
    ask(pia, "20.00")
    row = newest(desk)
    path = f"/commission/payouts/{row.id}/reject"
    assert finance.post(path, {"version": str(row.version), "reason": " "}).status_code == 422
    assert finance.post(path, {"version": str(row.version), "reason": "Not this week"}).status_code == 303
    assert redeem(desk) == dec(100)
    assert "Not this week" in text_of(pia.get("/payout"))
    run_jobs(desk.brand)
    templates = {mail.template for mail in mails(desk.brand, "pia@example.com")}
    assert templates == {"partners.payout_waiting", "partners.payout_rejected"}

    ask(pia, "30.00")
    assert pia.post(f"/payouts/{newest(desk).id}/cancel").status_code == 303
    assert (redeem(desk), newest(desk).status) == (dec(100), "cancelled")
    assert pia.post(f"/payouts/{newest(desk).id}/cancel").status_code == 409


def test_a_bank_payout_becomes_a_withdrawal_with_its_own_approval(app: Flask, desk: Desk) -> None:
    pia, finance = partner_page(app, desk), staff(app, desk, "finance", "fin@example.com")
    details = {"holder": "Pia Partner", "iban": IBAN, "bic": "", "bank_name": ""}
    assert ask(pia, "40.00", "bank", **(details | {"iban": "DE00"})).status_code == 422
    assert ask(pia, "40.00", "bank", **details).status_code == 303
    assert IBAN not in pia.get("/payout?method=bank").get_data(as_text=True)
    approve(finance, newest(desk))

    row = newest(desk)
    assert (row.status, row.stopped_by, main_wallet(desk)) == ("paid", "", dec(0))
    with tenant_scope(desk.brand.id):
        sent = in_transaction(
            lambda: execute_sql(
                "SELECT status, amount_minor FROM withdrawal WHERE tenant_id = :tenant_id AND id = :id",
                id=row.withdrawal_id,
            ).one()
        )
    assert (sent.status, sent.amount_minor) == ("requested", 4000)


def test_a_bank_payout_that_the_bank_way_refuses_stays_in_the_wallet_and_says_so(app: Flask, desk: Desk) -> None:
    pia = partner_page(app, desk)
    details = {"holder": "Pia Partner", "iban": IBAN, "bic": "", "bank_name": ""}
    assert ask(pia, "8.00", "bank", **details).status_code == 303  # Below the least withdrawal.

    row = newest(desk)
    assert (row.status, row.withdrawal_id, main_wallet(desk)) == ("paid", None, dec("8.00"))
    assert "20.00" in row.stopped_by
    assert "stayed in your main wallet" in text_of(pia.get("/payout"))


def test_a_payout_to_an_account_is_a_transfer_and_only_ones_own_account_will_do(app: Flask, desk: Desk) -> None:
    pia = partner_page(app, desk)
    assert ask(pia, "9.00", "account", account=str(UUID(int=7))).status_code == 422
    assert ask(pia, "9.00", "account", account=str(desk.account_id)).status_code == 303

    row = newest(desk)
    assert row.status == "paid"
    assert (row.transfer_id is not None) != (row.stopped_by != "")
    with tenant_scope(desk.brand.id), transaction():
        stranger = world.make_client("Stranger")
        with pytest.raises(service.AccountNotUsable):
            service.request_payout(
                stranger, Money(dec(5), "USD"), "account", once="x", by=BY, account_id=desk.account_id
            )


@pytest.mark.parametrize("amount", ["4.99", "100.01", "0", "-1", "abc"])
def test_a_wrong_amount_is_refused_beside_its_field(app: Flask, desk: Desk, amount: str) -> None:
    response = ask(partner_page(app, desk), amount)

    assert response.status_code == 422
    assert (redeem(desk), main_wallet(desk)) == (dec(100), dec(0))


def test_a_lock_stops_the_request_and_the_approval(app: Flask, desk: Desk) -> None:
    pia, finance = partner_page(app, desk), staff(app, desk, "finance", "fin@example.com")
    ask(pia, "20.00")
    with tenant_scope(desk.brand.id), transaction():
        restrictions.lock(
            desk.partner_id, permissions.COMMISSION_PAYOUT, reason_code=next(iter(REASONS)), by=system_actor("test")
        )

    assert approve(finance, newest(desk)).status_code == 403
    with pytest.raises(restrictions.Restricted), tenant_scope(desk.brand.id), transaction():
        service.request_payout(desk.partner_id, Money(dec(6), "USD"), "wallet", once="locked", by=BY)
    assert (redeem(desk), main_wallet(desk), newest(desk).status) == (dec("80.00"), dec(0), "waiting")


def test_what_was_taken_back_since_the_request_is_not_paid(app: Flask, desk: Desk) -> None:
    pia, finance = partner_page(app, desk), staff(app, desk, "finance", "fin@example.com")
    ask(pia, "40.00")
    with tenant_scope(desk.brand.id), transaction():
        wallet = ledger.wallet(posting.partner_owner(desk.partner_id), ledger.REDEEM, "USD")
        expense = ledger.wallet(posting.EXPENSE, "commission", "USD")
        money = Money(dec(90), "USD")
        ledger.post("back", "commission.clawback", [ledger.Line(wallet.id, -money), ledger.Line(expense.id, money)], BY)
    assert redeem(desk) == dec(-30)

    assert approve(finance, newest(desk)).status_code == 422
    assert (main_wallet(desk), newest(desk).status) == (dec(0), "waiting")
    response = ask(pia, "5.00")
    assert response.status_code == 422


def test_automatic_payouts_go_once_a_day_to_who_has_enough(north: Brand) -> None:
    desk = open_desk(north, PayoutTerms(automatic_from=Decimal(100)))
    with tenant_scope(north.id):
        assert service.pay_automatically(BY) == 1
        assert service.pay_automatically(BY) == 0
    assert (redeem(desk), main_wallet(desk), newest(desk).is_automatic) == (dec(0), dec(100), True)


def test_automatic_payouts_leave_out_who_has_too_little_or_is_locked(north: Brand, south: Brand) -> None:
    poor = open_desk(north, PayoutTerms(automatic_from=Decimal("100.01")))
    locked = open_desk(south, PayoutTerms(automatic_from=Decimal(50)))
    with tenant_scope(south.id), transaction():
        restrictions.lock(
            locked.partner_id, permissions.COMMISSION_PAYOUT, reason_code=next(iter(REASONS)), by=system_actor("test")
        )
    for brand in (north, south):
        with tenant_scope(brand.id):
            assert service.pay_automatically(BY) == 0
    assert redeem(poor) == redeem(locked) == dec(100)


class TestEarlyRelease:
    def test_one_asks_and_another_one_lets_it_go(self, app: Flask, desk: Desk) -> None:
        asker, other = (
            staff(app, desk, "partner_desk", "ask@example.com"),
            staff(app, desk, "finance", "yes@example.com"),
        )
        day = (DAY + timedelta(days=1)).isoformat()
        path = f"/commission/payouts/early/{desk.partner_id}"
        with tenant_scope(desk.brand.id), transaction():
            execute_sql(
                "UPDATE commission_batch SET due_at = :later WHERE tenant_id = :tenant_id AND status = 'posted'",
                later=datetime.now(UTC) + timedelta(days=30),
            )
        assert "100.00" in text_of(asker.get(path))
        assert asker.post(path, {"day": day, "reason": ""}).status_code == 422
        assert asker.post(path, {"day": day, "reason": "A good partner"}).status_code == 303
        assert asker.post(path, {"day": day, "reason": "Again"}).status_code == 409
        with tenant_scope(desk.brand.id):
            [request_id] = in_transaction(
                lambda: execute_sql("SELECT id FROM early_release WHERE tenant_id = :tenant_id").scalars().all()
            )
        yes = f"/commission/payouts/early-releases/{request_id}/approve"
        assert asker.post(yes).status_code == 403
        assert "A good partner" in text_of(other.get("/commission/payouts/"))
        assert other.post(yes).status_code == 303
        assert other.post(yes).status_code == 409
        assert "partners.release" in run_jobs(desk.brand)

        assert redeem(desk) == dec(200)

    def test_nobody_decides_about_an_own_request(self, app: Flask, desk: Desk) -> None:
        admin = staff(app, desk, "admin", "boss@example.com")
        day = (DAY + timedelta(days=1)).isoformat()
        admin.post(f"/commission/payouts/early/{desk.partner_id}", {"day": day, "reason": "Mine"})
        with tenant_scope(desk.brand.id):
            [request_id] = in_transaction(
                lambda: execute_sql("SELECT id FROM early_release WHERE tenant_id = :tenant_id").scalars().all()
            )

        assert admin.post(f"/commission/payouts/early-releases/{request_id}/approve").status_code == 403
        refuse = f"/commission/payouts/early-releases/{request_id}/refuse"
        assert admin.get(refuse).status_code == 200
        assert admin.post(refuse, {"reason": "Changed my mind"}).status_code == 303

    def test_a_day_with_nothing_under_audit_cannot_be_asked_for(self, app: Flask, desk: Desk) -> None:
        admin = staff(app, desk, "admin", "boss@example.com")
        response = admin.post(
            f"/commission/payouts/early/{desk.partner_id}", {"day": DAY.isoformat(), "reason": "Please"}
        )

        assert response.status_code == 409


def test_nobody_else_sees_or_takes_back_a_payout(app: Flask, desk: Desk, south: Brand) -> None:
    ask(partner_page(app, desk), "20.00")
    row = newest(desk)
    other = browser_of(app, desk.brand, make_trader(desk.brand, "eve@example.com", name="Eve"), "partner")
    assert other.post(f"/payouts/{row.id}/cancel").status_code == 404
    assert row.reference not in text_of(other.get("/payout"))
    abroad = browser_of(app, south, make_staff(south, "admin"), "office")
    assert abroad.get(f"/commission/payouts/{row.id}").status_code == 404
    support = staff(app, desk, "support", "sup@example.com")
    assert support.get("/commission/payouts/").status_code == 403


def test_terms_that_cannot_be_are_named() -> None:
    found = {key for key, _ in payout_faults(PayoutTerms(methods=(), automatic_from=Decimal(3)), Decimal(5))}

    assert found == {"payouts.methods", "payouts.automatic_from"}
    assert list(payout_faults(PayoutTerms(), Decimal(0))) == []


def test_the_plan_editor_says_how_partners_are_paid_out(app: Flask, north: Brand) -> None:
    desk = make_staff(north, "partner_desk")
    draft = begun(north, desk)
    office = browser_of(app, north, desk, "office")
    address = f"/commission/drafts/{draft.id}"
    wanted = {
        "payout_wallet": True,
        "payout_bank": True,
        "payout_approval_from": "500",
        "payout_second_person_from": "5000.50",
        "payout_automatic_from": "100",
        "min_payout": "25",
        "max_hold_days": "14",
        "release_target": "tenant_pool",
    }

    assert office.post(address, typed(SAFE, 1, **wanted)).status_code in (302, 303)
    plan = found(north, draft).plan
    assert plan.payouts == PayoutTerms(
        methods=("wallet", "bank"),
        approval_from=dec(500),
        second_person_from=dec("5000.50"),
        automatic_from=dec(100),
    )
    assert (plan.min_payout, plan.max_hold_days, plan.release_target) == (dec(25), 14, "tenant_pool")
    again = office.post(address, typed(plan, 2, payout_wallet=False, payout_bank=False))
    assert again.status_code == 422
    assert "Offer at least one way of payout" in text_of(again)
    assert office.post(address, typed(plan, 2, payout_automatic_from="many")).status_code == 422


def test_limits_hold_in_another_currency_at_the_rate_of_the_day(north: Brand) -> None:
    open_desk(north, PayoutTerms(approval_from=Decimal(10), automatic_from=Decimal(50)))
    with tenant_scope(north.id):
        worth = in_transaction(lambda: rates.rate("USD", "EUR").convert(Money(dec(10), "USD")).amount)
        terms, least = in_transaction(service.terms_for, "EUR")
    assert terms.approval_from == worth != dec(10)
    assert Decimal(0) < least < dec(5)
    assert terms.approvals_needed(worth) == 1
    assert terms.approvals_needed(worth - dec("0.01")) == 0
