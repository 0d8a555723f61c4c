"""Withdrawals: held at request, approved by the people it takes, paid once, and otherwise returned."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import IntegrityError

from app.core import db
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import service as ledger
from app.payments import errors, gates, queries
from app.payments import service as payments
from app.payments.models import Withdrawal, WithdrawalStatus
from app.restrictions import service as restrictions
from tests.payments.conftest import DETAILS, IBAN, House
from tests.support.brands import acting, mails
from tests.support.browsing import text_of

FORM = {"currency": "USD", "holder": "Mona Haddad", "iban": IBAN, "bic": "", "bank_name": "West Bank"}


def usd(text: str) -> Money:
    return Money.from_minor(int(float(text) * 100), "USD")


def _fresh(house: House, row: Withdrawal) -> Withdrawal:
    with acting(house.brand):
        return queries.get_withdrawal(row.id)


def test_a_client_asks_finance_approves_and_the_bank_pays(house: House) -> None:
    house.fill("500")
    client = house.as_client
    page = client.post("/withdraw", {**FORM, "amount": "200", "once": client.form_number("/withdraw")})
    assert page.status_code == 303
    url = page.headers["Location"]
    assert (house.balance(), house.balance(purpose=ledger.HELD)) == (usd("300"), usd("200"))
    office = house.browser(house.anna)
    detail = f"/payments{url}"
    shown = text_of(office.get(detail))
    assert "GB82 WEST 1234 5698 7654 32" in shown
    assert office.post(f"{detail}/approve", {"version": 1}).status_code == 303
    assert (house.balance(), house.bank()) == (usd("300"), -usd("500"))
    assert "waits for payout" in text_of(client.get(url))
    assert office.post(f"{detail}/confirm", {"version": 2, "reference": "BANK-77"}).status_code == 303

    assert (house.balance(), house.balance(purpose=ledger.HELD), house.bank()) == (usd("300"), usd("0"), -usd("300"))
    assert "BANK-77" in text_of(client.get(url))
    assert {mail.template for mail in mails(house.brand, house.client.email)} >= {
        "payments.withdrawal_requested",
        "payments.withdrawal_paid",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": "19.99"}, "The least amount is"),
        ({"amount": "10000.01"}, "The greatest amount is"),
        ({"amount": "500.01"}, "not enough money"),
        ({"amount": "1.001"}, "at most 2 decimals"),
        ({"amount": "-3"}, "more than zero"),
        ({"iban": "GB82 WEST 1234 5698 7654 33"}, "check digits"),
        ({"iban": "DE8937040044053201300"}, "has 22 characters"),
        ({"iban": "ZZ82WEST12345698765432"}, "no country"),
        ({"bic": "NOPE"}, "8 or 11 letters"),
        ({"holder": "x"}, "account&#39;s holder"),
    ],
)
def test_bad_input_moves_nothing_and_is_said_beside_its_field(house: House, change: dict[str, str], words: str) -> None:
    house.fill("500")
    client = house.as_client
    page = client.post("/withdraw", {**FORM, "amount": "100", "once": client.form_number("/withdraw"), **change})

    assert page.status_code == 422
    assert words in page.get_data(as_text=True)
    assert house.balance() == usd("500")


def test_a_double_click_holds_once(house: House) -> None:
    house.fill("500")
    client = house.as_client
    number = client.form_number("/withdraw")
    pages = [client.post("/withdraw", {**FORM, "amount": "200", "once": number}) for _ in range(2)]
    changed = client.post("/withdraw", {**FORM, "amount": "201", "once": number})

    assert pages[0].headers["Location"] == pages[1].headers["Location"]
    assert changed.status_code == 409
    assert house.balance() == usd("300")


def _at_once(house: House, works: list[Callable[[], object]]) -> list[str]:
    outcomes: list[str] = []
    gate = threading.Barrier(len(works))

    def body(work: Callable[[], object]) -> None:
        gate.wait()
        try:
            with acting(house.brand):
                work()
            outcomes.append("done")
        except Exception as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=body, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_one_form_sent_twice_at_once_holds_once(house: House) -> None:
    house.fill("500")

    def work() -> object:
        return payments.request_withdrawal(
            house.client_id, usd("200"), DETAILS, once="o" * 22, by=house.actor(house.client)
        )

    assert _at_once(house, [work] * 4) == ["done"] * 4
    assert house.balance() == usd("300")


def test_two_requests_of_the_whole_balance_hold_it_once(house: House) -> None:
    house.fill("500")

    def asking(number: int) -> Callable[[], object]:
        return lambda: payments.request_withdrawal(
            house.client_id, usd("500"), DETAILS, once=str(number) * 22, by=house.actor(house.client)
        )

    assert _at_once(house, [asking(number) for number in range(3)]) == ["InsufficientFunds"] * 2 + ["done"]
    assert (house.balance(), house.balance(purpose=ledger.HELD)) == (usd("0"), usd("500"))


def test_approvals_at_once_count_each_person_once(house: House) -> None:
    house.fill("5000")
    row = house.withdrawal("2000")

    def approving(person_index: int) -> Callable[[], object]:
        person = (house.anna, house.anna, house.boris)[person_index]
        return lambda: payments.approve_withdrawal(row.id, by=house.actor(person))

    outcomes = _at_once(house, [approving(index) for index in range(3)])

    assert outcomes in (["AlreadyDecided", "done", "done"], ["OwnEarlierStep", "done", "done"])
    assert _fresh(house, row).status is WithdrawalStatus.APPROVED
    with acting(house.brand):
        assert {step.decided_by for step in queries.approvals(row.id)} == {house.anna.id, house.boris.id}


def test_two_payouts_at_once_leave_the_books_once(house: House) -> None:
    house.fill("500")
    row = house.withdrawal("200")
    with acting(house.brand):
        payments.approve_withdrawal(row.id, by=house.actor(house.anna))

    def paying(number: int) -> Callable[[], object]:
        return lambda: payments.confirm_paid(row.id, f"BANK-{number}", by=house.actor(house.boris))

    assert _at_once(house, [paying(number) for number in range(3)]) == ["AlreadyDecided"] * 2 + ["done"]
    assert house.bank() == -usd("300")


def test_above_the_limit_one_person_is_not_enough(house: House) -> None:
    house.fill("5000")
    row = house.withdrawal("1000")
    url = f"/payments/withdrawals/{row.id}"
    anna, boris = house.browser(house.anna), house.browser(house.boris)
    assert anna.post(f"{url}/approve", {"version": 1}).status_code == 303
    page = anna.get(url)
    assert "Another person must give the second" in text_of(page)
    assert anna.post(f"{url}/approve", {"version": 2}).status_code == 403
    assert anna.post(f"{url}/confirm", {"version": 2, "reference": "EARLY-1"}).status_code == 409
    assert boris.post(f"{url}/approve", {"version": 2}).status_code == 303

    assert _fresh(house, row).status is WithdrawalStatus.APPROVED
    with pytest.raises(IntegrityError, match="withdrawal_approved"), acting(house.brand):
        db.execute_sql("UPDATE withdrawal SET approvals_given = 1 WHERE tenant_id = :tenant_id")


def test_a_rejected_or_cancelled_withdrawal_returns_its_money_once(house: House) -> None:
    house.fill("500")
    rejected, cancelled, approved = house.withdrawal("100"), house.withdrawal("100"), house.withdrawal("100")
    office, client = house.browser(house.anna), house.as_client
    with acting(house.brand):
        payments.approve_withdrawal(approved.id, by=house.actor(house.anna))
    assert client.post(f"/withdrawals/{cancelled.id}/cancel").status_code == 303
    assert client.post(f"/withdrawals/{cancelled.id}/cancel").status_code == 409
    assert client.post(f"/withdrawals/{approved.id}/cancel").status_code == 409
    url = f"/payments/withdrawals/{rejected.id}/reject"
    assert office.post(url, {"version": 1, "reason": "nonsense"}).status_code == 422
    assert office.post(url, {"version": 1, "reason": "holder_mismatch"}).status_code == 303
    assert office.post(url, {"version": 2, "reason": "holder_mismatch"}).status_code == 409
    late = f"/payments/withdrawals/{approved.id}/reject"
    assert office.post(late, {"version": 2, "reason": "wrong_details"}).status_code == 303

    assert (house.balance(), house.balance(purpose=ledger.HELD)) == (usd("500"), usd("0"))
    assert "not in your name" in text_of(client.get(f"/withdrawals/{rejected.id}"))


def test_a_lock_stops_request_and_approval_but_not_the_news_that_the_bank_has_paid(house: House) -> None:
    house.fill("500")
    asked, approved = house.withdrawal("100"), house.withdrawal("100")
    with acting(house.brand):
        payments.approve_withdrawal(approved.id, by=house.actor(house.anna))
        restrictions.lock(house.client_id, "withdraw", reason_code="aml_review", by=house.actor(house.chen))
    office, client = house.browser(house.anna), house.as_client

    assert client.post("/withdraw", {**FORM, "amount": "50", "once": "k" * 22}).status_code == 403
    assert office.post(f"/payments/withdrawals/{asked.id}/approve", {"version": 1}).status_code == 403
    assert "Locked" in text_of(office.get(f"/payments/withdrawals/{approved.id}"))
    assert house.bank() == -usd("500")
    paid = office.post(f"/payments/withdrawals/{approved.id}/confirm", {"version": 2, "reference": "BANK-1"})
    assert paid.status_code == 303
    assert house.bank() == -usd("400")


def test_a_gate_of_a_feature_above_stops_a_withdrawal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill("500")

    def gate(question: gates.GateQuestion) -> Message | None:
        return _l("A case is open.") if question.kind == "withdrawal" and question.stage == "approval" else None

    row = house.withdrawal("100")
    monkeypatch.setattr(gates.features, "port", lambda name: [gate] if name == "payments.gates" else [])
    with pytest.raises(gates.GateClosed, match="A case is open"), acting(house.brand):
        payments.approve_withdrawal(row.id, by=house.actor(house.anna))

    assert "A case is open" in text_of(house.browser(house.anna).get(f"/payments/withdrawals/{row.id}"))
    assert _fresh(house, row).status is WithdrawalStatus.REQUESTED


def test_a_bank_reference_pays_one_withdrawal(house: House) -> None:
    house.fill("500")
    rows = house.withdrawal("100"), house.withdrawal("100")
    with acting(house.brand):
        for row in rows:
            payments.approve_withdrawal(row.id, by=house.actor(house.anna))
        payments.confirm_paid(rows[0].id, "BANK-1", by=house.actor(house.anna))
    with pytest.raises(errors.ReferenceUsed), acting(house.brand):
        payments.confirm_paid(rows[1].id, " BANK-1 ", by=house.actor(house.anna))


def test_bank_details_are_sealed_in_the_database(house: House) -> None:
    house.fill("500")
    row = house.withdrawal("100")
    with acting(house.brand):
        stored = db.execute_sql(
            "SELECT destination_sealed, destination_masked FROM withdrawal WHERE tenant_id = :tenant_id"
        )
        sealed, masked = stored.one()
        assert b"98765432" not in bytes(sealed)
        assert masked == "GB•• •••• 5432"
        assert payments.details_of(queries.get_withdrawal(row.id)).iban == "GB82WEST12345698765432"


def test_other_brands_and_clients_find_nothing(houses: tuple[House, House]) -> None:
    house, other = houses
    house.fill("500")
    row = house.withdrawal("100")
    stranger, officer = other.as_client, other.browser(other.anna)
    answers = [
        stranger.get(f"/withdrawals/{row.id}"),
        stranger.post(f"/withdrawals/{row.id}/cancel"),
        officer.get(f"/payments/withdrawals/{row.id}"),
        officer.post(f"/payments/withdrawals/{row.id}/approve", {"version": 1}),
        officer.post(f"/payments/withdrawals/{row.id}/reject", {"version": 1, "reason": "other"}),
        officer.post(f"/payments/withdrawals/{row.id}/confirm", {"version": 1, "reference": "BANK-9"}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert _fresh(house, row).status is WithdrawalStatus.REQUESTED
    assert house.balance(purpose=ledger.HELD) == usd("100")


def test_an_officer_who_clicks_twice_decides_once(house: House) -> None:
    house.fill("5000")
    row = house.withdrawal("1000")
    url = f"/payments/withdrawals/{row.id}"
    anna, boris = house.browser(house.anna), house.browser(house.boris)
    pages = [anna.post(f"{url}/approve", {"version": 1}) for _ in range(2)]
    pages += [boris.post(f"{url}/approve", {"version": 2}) for _ in range(2)]
    pages += [boris.post(f"{url}/confirm", {"version": 3, "reference": "BANK-1"}) for _ in range(2)]

    assert [page.status_code for page in pages] == [303] * 6
    assert (house.balance(), house.bank()) == (usd("4000"), -usd("4000"))
    with acting(house.brand):
        assert len(queries.approvals(row.id)) == 2
