"""Deposits: announced by the client, credited once by the people it takes, and never by anybody else."""

from __future__ import annotations

import io
import threading

import pytest
from sqlalchemy.exc import IntegrityError

from app.core import db
from app.core.errors import NotFound
from app.kit.money import Money
from app.payments import errors, queries
from app.payments import service as payments
from app.payments.models import Deposit, DepositStatus
from app.restrictions import service as restrictions
from tests.payments.conftest import House
from tests.support.brands import Person, acting, mails, make_staff
from tests.support.browsing import text_of

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


def usd(text: str) -> Money:
    return Money.from_minor(int(float(text) * 100), "USD")


def _status(house: House, deposit: Deposit) -> Deposit:
    with acting(house.brand):
        return queries.get_deposit(deposit.id)


def test_a_client_announces_uploads_and_is_credited_what_arrived(house: House) -> None:
    client = house.as_client
    page = client.post("/deposit", {"currency": "USD", "amount": "500.00", "once": client.form_number("/deposit")})
    assert page.status_code == 303
    url = page.headers["Location"]
    shown = text_of(client.get(url))
    assert "DE82100500007700284117" in shown
    assert "Announced" in shown
    proof = client.post(f"{url}/proof", {"proof": (io.BytesIO(PNG), "wire.png")})
    assert proof.status_code == 303

    office = house.browser(house.anna)
    assert "Mona Haddad" in text_of(office.get("/payments/deposits"))
    detail = f"/payments{url}"
    assert office.get(detail).status_code == 200
    assert office.get(f"{detail}/proof").get_data() == PNG
    version = _only(house).version
    done = office.post(f"{detail}/approve", {"version": version, "received": "480.50"})
    assert done.status_code == 303

    assert house.balance() == usd("480.50")
    assert house.bank() == -usd("480.50")
    assert "Credited" in text_of(client.get(url))
    assert next(mail.template for mail in mails(house.brand, house.client.email)) == "payments.deposit_credited"


def _only(house: House) -> Deposit:
    with acting(house.brand):
        rows, total = queries.queue(Deposit, queries.QueueFilter(status="all"), limit=10, offset=0)
        assert total == 1
        return rows[0][0]


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "Fill in this field"),
        ("-5", "must be more than zero"),
        ("0", "must be more than zero"),
        ("100.001", "at most 2 decimals"),
        ("49.99", "The least amount is"),
        ("20000.01", "The greatest amount is"),
        ("99999999999999999999", "The amount is too large"),
        ("abc", "Enter the amount in digits"),
    ],
)
def test_a_bad_amount_is_said_beside_its_field(house: House, amount: str, words: str) -> None:
    client = house.as_client
    page = client.post("/deposit", {"currency": "USD", "amount": amount, "once": client.form_number("/deposit")})

    assert page.status_code == 422
    assert words in text_of(page)
    assert 'aria-invalid="true"' in page.get_data(as_text=True)
    assert "Nothing waits" in text_of(house.browser(house.anna).get("/payments/deposits"))


def test_a_double_click_announces_once_and_a_changed_form_is_refused(house: House) -> None:
    client = house.as_client
    number = client.form_number("/deposit")
    pages = [client.post("/deposit", {"currency": "USD", "amount": "500", "once": number}) for _ in range(2)]
    changed = client.post("/deposit", {"currency": "USD", "amount": "600", "once": number})

    assert pages[0].headers["Location"] == pages[1].headers["Location"]
    assert changed.status_code == 409
    assert _only(house).requested == usd("500")


def test_a_form_without_its_number_does_nothing(house: House) -> None:
    page = house.as_client.post("/deposit", {"currency": "USD", "amount": "500"})

    assert page.status_code == 422
    assert "Reload the page" in text_of(page)


def test_a_file_is_judged_by_its_content(house: House) -> None:
    deposit = house.deposit()
    client = house.as_client
    for content, name in ((b"MZ\x90\x00 a program", "proof.png"), (b"", "empty.pdf"), (b"<html>", "page.pdf")):
        page = client.post(f"/deposits/{deposit.id}/proof", {"proof": (io.BytesIO(content), name)})
        assert page.status_code == 422
    assert _status(house, deposit).proof_file_id is None
    assert (
        client.post(f"/deposits/{deposit.id}/proof", {"proof": (io.BytesIO(b"%PDF-1.7"), "x.exe")}).status_code == 303
    )


def test_a_large_deposit_needs_two_different_people(house: House) -> None:
    deposit = house.deposit("1000")
    anna, boris = house.browser(house.anna), house.browser(house.boris)
    url = f"/payments/deposits/{deposit.id}"
    first = anna.post(f"{url}/approve", {"version": 1, "received": "1000"})
    assert first.status_code == 303
    assert house.balance() == usd("0")
    again = anna.post(f"{url}/approve", {"version": 2, "received": "1000"})
    other = boris.post(f"{url}/approve", {"version": 2, "received": "900"})
    assert (again.status_code, other.status_code) == (403, 422)
    assert "Another person must give the second" in text_of(anna.get(url))
    second = boris.post(f"{url}/approve", {"version": 2, "received": "1000"})

    assert second.status_code == 303
    assert house.balance() == usd("1000")


def test_the_database_refuses_a_second_approval_by_the_same_person(house: House) -> None:
    deposit = house.deposit("1000")
    with acting(house.brand):
        payments.approve_deposit(deposit.id, usd("1000"), by=house.actor(house.anna))
    with pytest.raises(IntegrityError, match="payment_approval_two_people"), acting(house.brand):
        db.execute_sql(
            "INSERT INTO payment_approval (tenant_id, object_id, step, deposit_id, amount_minor, currency, decided_by,"
            " decided_by_name, decided_at) SELECT tenant_id, object_id, 2, deposit_id, amount_minor, currency,"
            " decided_by, decided_by_name, decided_at FROM payment_approval WHERE tenant_id = :tenant_id"
        )
    with pytest.raises(IntegrityError, match="deposit_"), acting(house.brand):
        db.execute_sql("UPDATE deposit SET status = 'succeeded' WHERE tenant_id = :tenant_id")


def test_two_officers_at_once_credit_once(house: House) -> None:
    deposit = house.deposit("500")
    outcomes: list[str] = []
    gate = threading.Barrier(3)

    def work(person: Person) -> None:
        gate.wait()
        try:
            with acting(house.brand):
                payments.approve_deposit(deposit.id, usd("500"), version=1, by=house.actor(person))
            outcomes.append("approved")
        except errors.AlreadyDecided:
            outcomes.append("decided")

    threads = [threading.Thread(target=work, args=(person,)) for person in (house.anna, house.boris, house.chen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["approved", "decided", "decided"]
    assert house.balance() == usd("500")


def test_a_stale_page_decides_nothing(house: House) -> None:
    deposit = house.deposit()
    house.as_client.post(f"/deposits/{deposit.id}/proof", {"proof": (io.BytesIO(PNG), "p.png")})
    page = house.browser(house.anna).post(f"/payments/deposits/{deposit.id}/approve", {"version": 1, "received": "500"})

    assert page.status_code == 409
    assert "has changed since you opened the page" in text_of(page)
    assert house.balance() == usd("0")


def test_a_rejection_needs_a_reason_and_tells_the_client(house: House) -> None:
    deposit = house.deposit()
    office = house.browser(house.anna)
    url = f"/payments/deposits/{deposit.id}/reject"
    assert office.post(url, {"version": 1, "reason": ""}).status_code == 422
    assert office.post(url, {"version": 1, "reason": "third_party", "note": "Sent by a cousin"}).status_code == 303

    page = text_of(house.as_client.get(f"/deposits/{deposit.id}"))
    assert "somebody else's account" in page
    assert "cousin" not in page
    assert office.post(f"/payments/deposits/{deposit.id}/approve", {"version": 2, "received": "500"}).status_code == 409
    assert house.balance() == usd("0")


def test_a_lock_is_asked_at_request_and_again_at_approval(house: House) -> None:
    deposit = house.deposit()
    with acting(house.brand):
        restrictions.lock(
            house.client_id,
            "deposit",
            reason_code="aml_review",
            public_note="Please call us.",
            by=house.actor(house.anna),
        )
    client = house.as_client
    refused = client.post("/deposit", {"currency": "USD", "amount": "500", "once": "k" * 22})
    approve = house.browser(house.anna).post(
        f"/payments/deposits/{deposit.id}/approve", {"version": 1, "received": "500"}
    )

    assert refused.status_code == 403
    assert approve.status_code == 403
    assert _status(house, deposit).status is DepositStatus.AWAITING_CLIENT
    assert house.balance() == usd("0")


def test_other_brands_clients_and_roles_find_nothing(houses: tuple[House, House]) -> None:
    house, other = houses
    deposit = house.deposit()
    support = make_staff(house.brand, "support")
    assert other.as_client.get(f"/deposits/{deposit.id}").status_code == 404
    assert other.browser(other.anna).get(f"/payments/deposits/{deposit.id}").status_code == 404
    other_try = other.browser(other.anna).post(
        f"/payments/deposits/{deposit.id}/approve", {"version": 1, "received": "500"}
    )
    assert other_try.status_code == 404
    support_try = house.browser(support).post(
        f"/payments/deposits/{deposit.id}/approve", {"version": 1, "received": "500"}
    )
    assert support_try.status_code == 403
    with acting(other.brand), pytest.raises(NotFound):
        payments.approve_deposit(deposit.id, usd("500"), by=other.actor(other.anna))

    assert _status(house, deposit).status is DepositStatus.AWAITING_CLIENT


def test_a_client_cancels_only_before_the_first_approval(house: House) -> None:
    open_one, begun = house.deposit("1000"), house.deposit("1000")
    with acting(house.brand):
        payments.approve_deposit(begun.id, usd("1000"), by=house.actor(house.anna))
    client = house.as_client

    assert client.post(f"/deposits/{open_one.id}/cancel").status_code == 303
    assert client.post(f"/deposits/{begun.id}/cancel").status_code == 409


def test_an_officer_who_clicks_twice_decides_once(house: House) -> None:
    """The second press shows the state just before the first one, so it is answered like the first."""
    credited, rejected = house.deposit("500"), house.deposit("70")
    office = house.browser(house.anna)
    approve = [
        office.post(f"/payments/deposits/{credited.id}/approve", {"version": 1, "received": "500"}) for _ in range(2)
    ]
    reject = [
        office.post(f"/payments/deposits/{rejected.id}/reject", {"version": 1, "reason": "other"}) for _ in range(2)
    ]
    other = house.browser(house.boris).post(
        f"/payments/deposits/{credited.id}/approve", {"version": 1, "received": "500"}
    )

    assert [page.status_code for page in (*approve, *reject, other)] == [303, 303, 303, 303, 409]
    assert house.balance() == usd("500")
