"""A partner disputes a line or a reason: kept evidence, a thread, one or two people, and money in the next day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import permissions
from app.partners.disputes import evidence, queries, service
from app.partners.disputes.models import Dispute, DisputeState
from app.partners.disputes.queries import Subject
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.test_pages import DAY, Shop, add_partners, app, brands, hash_once, north, shop, south
from tests.partners.trades import dec
from tests.support.brands import Brand, Person, acting, browser_of, mails, make_staff, make_trader, run_jobs
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "shop", "south"]

WHY = "The spread of this trade was wider than that."
REASON = next(iter(REASONS))


def line(shop: Shop, track: str = "god") -> Subject:
    return Subject("line", track, shop.long_trade, 0, "base")


def unpaid(shop: Shop) -> Subject:
    return Subject("reason", "referral", shop.short_trade, 0)


def opened(shop: Shop, subject: Subject | None = None) -> Dispute:
    assert shop.pia.client_id is not None
    with acting(shop.brand):
        return service.open_dispute(shop.pia.client_id, subject or line(shop), WHY, by=shop.pia.actor("client"))


def found(shop: Shop, dispute_id: UUID) -> Dispute:
    with acting(shop.brand):
        return queries.dispute(dispute_id)


@pytest.fixture
def officer(shop: Shop) -> Person:
    return make_staff(shop.brand, "partner_desk")


@pytest.fixture
def second(shop: Shop) -> Person:
    return make_staff(shop.brand, "finance")


def under_audit(shop: Shop) -> Decimal:
    assert shop.pia.client_id is not None
    owner = ledger.Owner("partner", shop.pia.client_id)
    with tenant_scope(shop.brand.id):
        return in_transaction(lambda: ledger.balance(ledger.wallet(owner, ledger.TEMPORARY, "USD").id).amount)


def test_a_partner_disputes_from_the_page_of_the_trade_and_both_sides_hear_of_it(
    app: Flask, shop: Shop, officer: Person
) -> None:
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    assert f"/disputes/open/{shop.long_trade}/0/god/base" in pia.get(f"/earnings/{shop.long_trade}/0/god/base").text
    sent = pia.post(f"/disputes/open/{shop.long_trade}/0/god/base", {"text": WHY})
    assert sent.status_code == 303
    page = text_of(pia.get(sent.location))
    assert "D-1001" in page
    assert WHY in page
    assert pia.get(f"/disputes/open/{shop.long_trade}/0/god/base").status_code == 303  # It leads to the one under way.
    assert "D-1001" in text_of(pia.get("/disputes/"))

    assert {mail.subject for mail in mails(shop.brand, officer.email)} == {"A partner disputes commission: D-1001"}
    assert {mail.subject for mail in mails(shop.brand, shop.pia.email)} == {"We have your dispute D-1001"}
    desk = browser_of(app, shop.brand, officer, "office")
    assert "Pia Partner" in text_of(desk.get("/commission/disputes/"))


def test_the_evidence_holds_all_that_the_line_came_from(shop: Shop) -> None:
    row = opened(shop)
    with acting(shop.brand):
        kept = queries.evidence(row.id)
    document = kept.document

    assert kept.is_whole
    assert document["line"]["amount"] == 8
    assert document["trade"]["id"] == shop.long_trade
    assert document["settled"]["plan_number"] == document["plan"]["number"] == 1
    assert document["plan"]["body"]["caps"]["max_total_per_lot"] == "10"
    assert [step["partner_id"] for step in document["path"]] == [str(shop.pia.client_id)]
    assert document["path"][0]["link_id"]
    assert document["run"]["business_date"] == DAY.isoformat()
    assert {entry["kind"] for entry in document["journals"]} == {"commission.settle", "commission.release"}
    assert all(sum(p["amount_minor"] for p in entry["postings"]) == 0 for entry in document["journals"])
    assert document["statement"][0]["posted_minor"] == 1000
    own = evidence.for_partner(document)
    assert "path" not in own
    assert "journals" not in own
    assert str(shop.dan.client_id) not in evidence.as_json(own)


def test_a_reason_is_disputed_with_the_gates_that_failed(shop: Shop) -> None:
    row = opened(shop, unpaid(shop))
    with acting(shop.brand):
        document = queries.evidence(row.id).document

    assert (row.amount, row.reason) == (0, "HOLD_TOO_SHORT")
    assert document["line"] is None
    assert document["reason"]["gates"] == ["HOLD_TOO_SHORT"]


def test_evidence_and_messages_are_beyond_change(shop: Shop) -> None:
    row = opened(shop)
    for statement in (
        "UPDATE commission_dispute_evidence SET digest = '' WHERE tenant_id = :tenant_id",
        "DELETE FROM commission_dispute_message WHERE tenant_id = :tenant_id",
    ):
        with pytest.raises(ProgrammingError) as refused, acting(shop.brand):
            execute_sql(statement)
        assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)
    assert found(shop, row.id).state is DisputeState.OPEN


def test_a_small_correction_is_paid_by_the_next_settlement(shop: Shop, officer: Person) -> None:
    row = opened(shop)
    before = under_audit(shop)
    with acting(shop.brand):
        service.accept(row.id, Money(dec("4.50"), "USD"), WHY, version=row.version, by=officer.actor())
    run_jobs(shop.brand)
    run_jobs(shop.brand)
    done = found(shop, row.id)

    assert (done.state, done.correction) == (DisputeState.ACCEPTED, dec("4.50"))
    assert done.correction_on == DAY + timedelta(days=1)
    with tenant_scope(shop.brand.id):
        world.settle(DAY + timedelta(days=1))
    assert under_audit(shop) == before + dec("4.50")
    with acting(shop.brand):
        rows = execute_sql(
            "SELECT amount, detail FROM commission_award WHERE tenant_id = :tenant_id AND source_key = :key",
            key=str(row.id),
        ).all()
    assert [(one.amount, one.detail["dispute"]) for one in rows] == [(dec("4.50"), 1001)]


def test_a_large_correction_needs_another_person(shop: Shop, officer: Person, second: Person) -> None:
    row = opened(shop)
    with acting(shop.brand):
        service.accept(row.id, Money(dec("50.01"), "USD"), WHY, version=row.version, by=officer.actor())
    waiting = found(shop, row.id)
    assert (waiting.state, waiting.people_needed) == (DisputeState.OPEN, 2)
    with pytest.raises(service.SameDecider), acting(shop.brand):
        service.approve(row.id, version=waiting.version, by=officer.actor())
    with acting(shop.brand):
        service.approve(row.id, version=waiting.version, by=second.actor())

    done = found(shop, row.id)
    assert (done.state, done.decided_by) == (DisputeState.ACCEPTED, second.id)
    with pytest.raises(service.DisputeOver), acting(shop.brand):
        service.approve(row.id, version=done.version, by=second.actor())


def test_the_database_itself_refuses_one_person_for_two(shop: Shop, officer: Person) -> None:
    row = opened(shop)
    with pytest.raises(Exception, match="commission_dispute_two_people"), acting(shop.brand):
        execute_sql(
            "UPDATE commission_dispute SET state = 'accepted', correction = 60, people_needed = 2, proposed_by = :who,"
            " decided_by = :who WHERE tenant_id = :tenant_id AND id = :id",
            who=officer.id,
            id=row.id,
        )


def test_a_proposal_that_is_turned_down_leaves_the_dispute_open(shop: Shop, officer: Person, second: Person) -> None:
    row = opened(shop)
    with acting(shop.brand):
        service.accept(row.id, Money(dec(100), "USD"), WHY, version=row.version, by=officer.actor())
        service.turn_down(row.id, "The file says otherwise.", version=row.version + 1, by=second.actor())
    done = found(shop, row.id)

    assert (done.state, done.proposed_amount, done.correction) == (DisputeState.OPEN, None, None)
    with acting(shop.brand):
        said = [one.kind for one in queries.messages(row.id, with_notes=False)]
    assert said == ["message"]  # What the desk says among itself is not the partner's.


def test_answers_go_back_and_forth_until_one_side_ends_it(app: Flask, shop: Shop, officer: Person) -> None:
    row = opened(shop)
    desk = browser_of(app, shop.brand, officer, "office")
    at = f"/commission/disputes/{row.id}"
    sent = desk.post(f"{at}/answer", {"answer-text": "Which quote do you mean?", "answer-version": str(row.version)})
    assert sent.status_code == 303
    stale = desk.post(f"{at}/refuse", {"refuse-text": "It was the right one.", "refuse-version": str(row.version)})
    assert stale.status_code == 409
    assert found(shop, row.id).state is DisputeState.ANSWERED
    pia = browser_of(app, shop.brand, shop.pia, "cabinet")
    assert "Which quote do you mean?" in text_of(pia.get(f"/partner/disputes/{row.id}"))
    assert pia.post(f"/partner/disputes/{row.id}/reply", {"text": "The one at the close."}).status_code == 303
    again = found(shop, row.id)
    assert again.state is DisputeState.OPEN
    refused = {"refuse-text": "It was the right one.", "refuse-version": str(again.version)}
    assert desk.post(f"{at}/refuse", refused).status_code == 303
    assert "It was the right one." in text_of(pia.get(f"/partner/disputes/{row.id}"))
    assert pia.post(f"/partner/disputes/{row.id}/withdraw", {}).status_code == 409
    with pytest.raises(service.AlreadyJudged):
        opened(shop)
    subjects = {mail.subject for mail in mails(shop.brand, shop.pia.email)}
    assert {"Dispute D-1001 is decided", "The partner desk has answered in dispute D-1001"} <= subjects


def test_errors_stand_beside_their_fields(app: Flask, shop: Shop, officer: Person) -> None:
    row = opened(shop)
    desk = browser_of(app, shop.brand, officer, "office")
    at = f"/commission/disputes/{row.id}"
    wrong = desk.post(f"{at}/accept", {"accept-amount": "-1", "accept-text": WHY, "accept-version": "1"})
    assert wrong.status_code == 422
    assert "more than zero" in text_of(wrong)
    assert desk.post(f"{at}/note", {"note-text": "x"}).status_code == 422
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    assert pia.post(f"/disputes/open/{shop.long_trade}/0/referral/base", {"text": "short"}).status_code == 422


def test_time_limits_remind_the_desk_and_end_what_is_left_unanswered(shop: Shop, officer: Person) -> None:
    row = opened(shop)
    by = world.BY
    with clock.frozen(datetime.now(UTC) + timedelta(days=6)), acting(shop.brand):
        assert service.pass_time_limits(by) == 1
        assert service.pass_time_limits(by) == 0
    with acting(shop.brand):
        service.answer(row.id, "Here is the quote.", version=found_version(row.id), by=officer.actor())
    with clock.frozen(datetime.now(UTC) + timedelta(days=13)), acting(shop.brand):
        assert service.pass_time_limits(by) == 0
    with clock.frozen(datetime.now(UTC) + timedelta(days=15)), acting(shop.brand):
        assert service.pass_time_limits(by) == 1

    assert found(shop, row.id).state is DisputeState.WITHDRAWN
    with clock.frozen(datetime.now(UTC) + timedelta(days=15)):
        assert "Dispute D-1001 is overdue" in {mail.subject for mail in mails(shop.brand, officer.email)}
        assert "Dispute D-1001 has ended" in {mail.subject for mail in mails(shop.brand, shop.pia.email)}
    assert opened(shop).number == 1002  # Withdrawn is not decided.


def found_version(dispute_id: UUID) -> int:
    return queries.dispute(dispute_id).version


def test_an_old_line_is_disputed_no_more(shop: Shop) -> None:
    with clock.frozen(datetime.now(UTC) + timedelta(days=90)), pytest.raises(service.TooLateToDispute):
        opened(shop)


def test_locks_are_asked_on_both_sides(app: Flask, shop: Shop, officer: Person) -> None:
    assert shop.pia.client_id is not None
    row = opened(shop)
    with acting(shop.brand):
        restrictions.lock(shop.pia.client_id, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=officer.actor())
        restrictions.lock(shop.pia.client_id, permissions.COMMISSION_DISPUTE, reason_code=REASON, by=officer.actor())
    with pytest.raises(service.PartnerLocked), acting(shop.brand):
        service.accept(row.id, Money(dec(1), "USD"), WHY, version=row.version, by=officer.actor())
    with pytest.raises(restrictions.Restricted):
        opened(shop, line(shop, "referral"))
    pia = browser_of(app, shop.brand, shop.pia, "partner")
    assert pia.post(f"/disputes/{row.id}/reply", {"text": WHY}).status_code == 403
    assert pia.post(f"/disputes/{row.id}/withdraw", {}).status_code == 303  # Giving up stays open.


def test_nobody_else_sees_or_disputes_it(app: Flask, shop: Shop, south: Brand) -> None:
    row = opened(shop)
    add_partners(south)
    outsiders: list[Visitor] = [
        browser_of(app, shop.brand, shop.dan, "partner"),
        browser_of(app, south, make_trader(south, "olga@example.com", name="Olga Outside"), "partner"),
    ]
    for outsider in outsiders:
        assert outsider.get(f"/disputes/{row.id}").status_code == 404
        assert outsider.get(f"/disputes/{row.id}/evidence.json").status_code == 404
        assert outsider.post(f"/disputes/{row.id}/withdraw", {}).status_code == 404
        assert outsider.get(f"/disputes/open/{shop.long_trade}/0/god/base").status_code == 404
        assert "D-1001" not in text_of(outsider.get("/disputes/"))
    staff = browser_of(app, south, make_staff(south, "admin"), "office")
    assert staff.get(f"/commission/disputes/{row.id}").status_code == 404
    assert "Pia" not in text_of(staff.get("/commission/disputes/?show=all"))
    seller = browser_of(app, shop.brand, make_staff(shop.brand, "sales"), "office")
    assert seller.get("/commission/disputes/").status_code == 403
    with pytest.raises(NotFound), tenant_scope(south.id), transaction():
        queries.dispute(row.id)


def test_every_page_of_the_desk_can_be_read(app: Flask, shop: Shop, officer: Person) -> None:
    row = opened(shop)
    desk = browser_of(app, shop.brand, officer, "office")
    for path in ("", "?show=second", "?show=all", "?show=nonsense", f"{row.id}", f"{row.id}/evidence"):
        assert desk.get(f"/commission/disputes/{path}").status_code == 200
    assert "max_total_per_lot" in desk.get(f"/commission/disputes/{row.id}/evidence").text
    file = desk.get(f"/commission/disputes/{row.id}/evidence.json")
    with acting(shop.brand):
        assert file.get_data(as_text=True) == queries.evidence(row.id).text


def test_impossible_acts_are_refused(shop: Shop, officer: Person) -> None:
    row = opened(shop)
    with pytest.raises(Invalid), acting(shop.brand):
        service.accept(row.id, Money(dec(1), "EUR"), WHY, version=row.version, by=officer.actor())
    with pytest.raises(service.NothingProposed), acting(shop.brand):
        service.approve(row.id, version=row.version, by=officer.actor())
    with pytest.raises(Conflict), acting(shop.brand):
        service.answer(row.id, WHY, version=row.version + 5, by=officer.actor())
    with pytest.raises(service.AlreadyDisputed):
        opened(shop)
