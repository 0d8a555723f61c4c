"""Transfers follow the platform's answer, conversions the quote that was seen, and the history shows it all."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core import db
from app.kit import clock
from app.kit.ids import new_id, new_token
from app.kit.money import Money
from app.ledger import service as ledger
from app.payments import errors, queries
from app.payments import service as payments
from app.payments.models import Transfer, TransferStatus
from app.rates import service as rates
from app.restrictions import service as restrictions
from app.trading.models import (
    AccountStatus,
    AccountType,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)
from app.trading.service import outcomes
from tests.payments.conftest import House
from tests.support.brands import acting
from tests.support.browsing import text_of


def usd(text: str) -> Money:
    return Money.from_minor(int(float(text) * 100), "USD")


def _account(house: House, currency: str = "USD", *, is_demo: bool = False) -> UUID:
    """A trading account of the client on a platform whose answers the test gives itself."""
    with acting(house.brand):
        platform = TradingPlatform(
            code=f"p{new_token(64)[:6].lower()}", kind="mt5", name="MT5", server_name="Live",
            settings={"operation_expires_s": 60}, password_secret="A", bridge_secret="B", is_active=True,
            created_at=clock.now(),
        )  # fmt: skip
        db.session().add(platform)
        db.session().flush()
        kind = AccountType(
            code=f"t{new_token(64)[:6].lower()}", platform_id=platform.id, label={"en": "Classic"}, description={},
            groups={currency: "real"}, leverages=[100], default_leverage=100, leverage_warning_above=100,
            min_deposit=Decimal(0), is_hedging=True, is_swap_free=False, is_demo=is_demo, demo_deposit=Decimal(0),
            accounts_max=5, position=0, is_offered=True,
        )  # fmt: skip
        db.session().add(kind)
        db.session().flush()
        account = TradingAccount(
            client_id=house.client_id, platform_id=platform.id, type_id=kind.id, login=50001, group_name="real",
            currency=currency, leverage=100, rights=0, nickname="", status=AccountStatus.ACTIVE, is_demo=is_demo,
            is_hedging=True, reference=f"A-{new_token(64)[:10]}", created_at=clock.now(), opened_at=clock.now(),
        )  # fmt: skip
        db.session().add(account)
        db.session().flush()
        return account.id


def _transfer(house: House, transfer_id: UUID) -> Transfer:
    with acting(house.brand):
        return queries.get_transfer(transfer_id)


def _answer(house: House, transfer: Transfer, *, refused: str = "") -> None:
    """The platform's answer, through trading's own door."""
    assert transfer.operation_id is not None
    with acting(house.brand):
        operation = db.get(PlatformOperation, transfer.operation_id, lock=True)
        assert operation is not None
        if refused:
            outcomes.refuse(operation, 10019, refused)
        else:
            outcomes.confirm(operation, {"ticket": 1})


def _start(house: House, account: UUID, amount: str, direction: str = "to") -> Transfer:
    client = house.as_client
    number = client.form_number("/transfer")
    form = {"direction": direction, "account": str(account), "amount": amount, "once": number}
    page = client.post("/transfer", form)
    again = client.post("/transfer", form)
    assert page.status_code == 303, text_of(page)
    assert again.headers["Location"] == page.headers["Location"]
    return _transfer(house, UUID(page.headers["Location"].rpartition("/")[2]))


def test_money_to_an_account_is_held_until_the_platform_confirms(house: House) -> None:
    house.fill("500")
    transfer = _start(house, _account(house), "120.50")
    assert transfer.status is TransferStatus.PENDING
    assert (house.balance(), house.balance(purpose=ledger.HELD)) == (usd("379.50"), usd("120.50"))
    _answer(house, transfer)

    assert _transfer(house, transfer.id).status is TransferStatus.COMPLETED
    assert (house.balance(), house.balance(purpose=ledger.HELD)) == (usd("379.50"), usd("0"))


def test_a_refused_transfer_returns_the_money_and_says_why(house: House) -> None:
    house.fill("500")
    transfer = _start(house, _account(house), "120.50")
    _answer(house, transfer, refused="amount_too_large")

    assert house.balance() == usd("500")
    page = text_of(house.as_client.get(f"/transfers/{transfer.id}"))
    assert "Nothing was moved" in page
    assert "more than the platform accepts" in page


def test_money_from_an_account_arrives_when_the_platform_gave_it(house: House) -> None:
    house.fill("500")
    account = _account(house)
    _answer(house, _start(house, account, "300"))
    transfer = _start(house, account, "100", "from")
    assert house.balance() == usd("200")
    _answer(house, transfer)

    assert house.balance() == usd("300")


def test_bad_transfers_move_nothing(houses: tuple[House, House]) -> None:
    house, other = houses
    house.fill("500")
    own, foreign, demo = _account(house), _account(other), _account(house, is_demo=True)
    client = house.as_client
    for account, amount, status in (
        (own, "500.01", 422),
        (own, "0", 422),
        (own, "1.001", 422),
        (foreign, "10", 422),
        (demo, "10", 422),
        (new_id(), "10", 422),
    ):
        form = {"direction": "to", "account": str(account), "amount": amount, "once": new_token(128)}
        assert client.post("/transfer", form).status_code == status
    form = {"direction": "sideways", "account": str(own), "amount": "10", "once": new_token(128)}
    assert client.post("/transfer", form).status_code == 422
    with acting(house.brand):
        restrictions.lock(house.client_id, "transfer_own", reason_code="aml_review", by=house.actor(house.anna))
    form = {"direction": "to", "account": str(own), "amount": "10", "once": new_token(128)}
    assert client.post("/transfer", form).status_code == 403

    assert house.balance() == usd("500")


def _load_rates() -> None:
    """One quote is enough: 2 January 2024, 1 EUR = 1.0956 USD. Those that stand already are left alone."""
    with db.batch_scope("test"), db.transaction():
        db.execute_sql(
            "INSERT INTO reference_rate (currency, quoted_on, per_euro) VALUES ('USD', '2024-01-02', 1.0956)"
            " ON CONFLICT DO NOTHING"
        )


def test_a_conversion_gives_what_the_quote_said_and_only_that(rated: House) -> None:
    house = rated
    house.fill("500")
    client = house.as_client
    page = client.get("/convert?from_currency=USD&to_currency=EUR&amount=100")
    with acting(house.brand):
        offer = payments.quote(usd("100"), "EUR")
        middle = rates.convert(usd("100"), "EUR")
    assert offer.received < middle
    assert f'value="{offer.received.amount:f}"' in page.get_data(as_text=True)
    form = {"from_currency": "USD", "to_currency": "EUR", "amount": "100", "once": new_token(128)}
    stale = client.post("/convert", {**form, "expected": f"{offer.received.amount + 1:f}"})
    assert stale.status_code == 409
    assert "The rate has changed" in text_of(stale)
    assert house.balance() == usd("500")
    pages = [client.post("/convert", {**form, "expected": f"{offer.received.amount:f}"}) for _ in range(2)]

    assert pages[0].headers["Location"] == pages[1].headers["Location"]
    assert (house.balance(), house.balance("EUR")) == (usd("400"), offer.received)
    assert "Middle rate" in text_of(client.get(pages[0].headers["Location"]))


def test_a_conversion_that_cannot_be_is_refused(rated: House) -> None:
    house = rated
    house.fill("5")
    client = house.as_client
    for form, status in (
        ({"from_currency": "USD", "to_currency": "EUR", "amount": "100", "expected": "92"}, 409),
        ({"from_currency": "USD", "to_currency": "XXX", "amount": "1", "expected": "1"}, 422),
        ({"from_currency": "USD", "to_currency": "EUR", "amount": "1", "expected": "many"}, 422),
        ({"from_currency": "USD", "to_currency": "EUR", "amount": "-1", "expected": "1"}, 422),
    ):
        assert client.post("/convert", {**form, "once": new_token(128)}).status_code == status
    with acting(house.brand):
        received = payments.quote(usd("100"), "EUR").received
    form = {"from_currency": "USD", "to_currency": "EUR", "amount": "100", "expected": f"{received.amount:f}"}
    assert client.post("/convert", {**form, "once": new_token(128)}).status_code == 422

    assert (house.balance(), house.balance("EUR")) == (usd("5"), Money.zero("EUR"))


@pytest.fixture
def rated(house: House) -> House:
    """The house on a day with a rate."""
    _load_rates()
    return house


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minor=st.integers(1, 10_000_000))
def test_a_client_never_gains_by_converting_there_and_back(rated: House, minor: int) -> None:
    house = rated
    with acting(house.brand):
        paid = Money.from_minor(minor, "USD")
        try:
            back = payments.quote(payments.quote(paid, "EUR").received, "USD").received
        except errors.NothingReceived:
            return
        assert back < paid


def test_the_history_shows_every_kind_and_narrows(house: House) -> None:
    house.fill("500")
    deposit, withdrawal = house.deposit("75"), house.withdrawal("50")
    _answer(house, _start(house, _account(house), "10"))
    with acting(house.brand):
        wallet = ledger.wallet(ledger.Owner("client", house.client_id), ledger.MAIN, "USD")
        proposal = ledger.propose_adjustment(
            wallet.id, usd("3"), "Goodwill for the outage", once=new_token(128), by=house.actor(house.anna)
        )
        ledger.approve_adjustment(proposal.id, by=house.actor(house.boris))
    client = house.as_client
    everything = text_of(client.get("/history"))
    for words in (
        "Deposit",
        "Withdrawal",
        "Transfer to account",
        "Adjustment",
        deposit.reference,
        withdrawal.reference,
    ):
        assert words in everything
    only = text_of(client.get("/history?kind=withdrawal", target="list"))
    assert withdrawal.reference in only
    assert deposit.reference not in only
    assert "No movements found" in text_of(client.get("/history?until=2001-01-01"))
    rows = list(csv.DictReader(io.StringIO(client.get("/history.csv?kind=withdrawal").get_data(as_text=True))))

    assert [(row["reference"], row["amount"], row["status"]) for row in rows] == [
        (withdrawal.reference, "-50.00", "requested")
    ]


def test_wallet_pages_and_panels_show_what_is_free_and_what_is_set_aside(house: House) -> None:
    house.fill("500")
    house.withdrawal("50")
    page = text_of(house.as_client.get("/wallets"))
    assert "450.00" in page
    assert "50.00" in page


def test_other_peoples_transfers_are_not_found(houses: tuple[House, House]) -> None:
    house, other = houses
    house.fill("500")
    transfer = _start(house, _account(house), "10")
    _answer(house, transfer)

    assert other.as_client.get(f"/transfers/{transfer.id}").status_code == 404


@pytest.mark.parametrize("status", ["open", "all", "paid", "nonsense"])
def test_office_queues_narrow_without_errors(house: House, status: str) -> None:
    house.fill("500")
    row = house.withdrawal("50")
    office = house.browser(house.anna)
    page = text_of(office.get(f"/payments/withdrawals?status={status}&currency=USD&q={row.reference.lower()}"))

    shown = office.get(f"/payments/withdrawals.csv?status={status}").get_data(as_text=True)

    assert (row.reference in page) == (row.reference in shown) == (status in ("open", "all", "nonsense"))


def test_adjustments_in_the_office_take_two_people(house: House) -> None:
    house.fill("500")
    anna, boris = house.browser(house.anna), house.browser(house.boris)
    with acting(house.brand):
        from app.clients import queries as clients

        number = clients.get(house.client_id).number
    form = {
        "client_number": str(number),
        "currency": "USD",
        "direction": "debit",
        "amount": "20",
        "reason": "Booked twice",
    }
    unknown = anna.post("/payments/adjustments/new", {**form, "client_number": "1", "once": new_token(128)})
    short = anna.post("/payments/adjustments/new", {**form, "reason": "no", "once": new_token(128)})
    assert (unknown.status_code, short.status_code) == (422, 422)
    once = new_token(128)
    for _ in range(2):
        assert anna.post("/payments/adjustments/new", {**form, "once": once}).status_code == 303
    with acting(house.brand):
        from app.ledger import queries as books

        (row,) = books.adjustments(status=None)
        adjustment = row[0]
    url = f"/payments/adjustments/{adjustment.id}"
    assert "Another person must approve" in text_of(anna.get("/payments/adjustments/"))
    assert anna.post(f"{url}/approve").status_code == 403
    assert house.balance() == usd("500")
    assert boris.get(f"{url}/reject").status_code == 200
    assert boris.post(f"{url}/approve").status_code == 303
    assert boris.post(f"{url}/approve").status_code == 409

    assert house.balance() == usd("480")


def test_the_proof_command_names_what_differs(house: House) -> None:
    house.fill("500")
    runner = house.app.test_cli_runner()
    good = runner.invoke(args=["ledger", "verify", "--tenant", house.brand.slug])
    assert (good.exit_code, good.output) == (0, f"{house.brand.slug}: the books balance\n")
    with acting(house.brand):
        wallet = ledger.wallet(ledger.Owner("client", house.client_id), ledger.MAIN, "USD").id
        change = "UPDATE wallet SET balance_minor = balance_minor + :by WHERE tenant_id = :tenant_id AND id = :id"
        db.execute_sql(change, by=1, id=wallet)
    bad = runner.invoke(args=["ledger", "verify", "--tenant", house.brand.slug])
    with acting(house.brand):
        db.execute_sql(change, by=-1, id=wallet)

    assert bad.exit_code == 1
    assert f"wallet_balance {wallet}: expected 50000, found 50001" in bad.output
    assert runner.invoke(args=["ledger", "verify", "--tenant", "nobody"]).exit_code == 1
