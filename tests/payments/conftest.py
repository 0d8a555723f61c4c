"""Two brands that take and pay money, a client and two officers each, and the proof of the books afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from flask import Flask

from app.core.actor import Actor
from app.kit.ids import new_token
from app.kit.money import Money, parse_amount
from app.ledger import service as ledger
from app.payments import service as payments
from app.payments.models import Deposit, Withdrawal
from app.payments.rules import BankDetails
from tests.support import brands as support
from tests.support.brands import Brand, Person, acting
from tests.support.browsing import Visitor

app = support.app
brands = support.brands

BANK = {"holder": "North Ltd", "bank_name": "Bank", "iban": "DE82100500007700284117", "bic": "DEMODEBB"}
IBAN = "GB82 WEST 1234 5698 7654 32"
DETAILS = BankDetails("Mona Haddad", IBAN, "", "West Bank")
_SECTION = {
    "conversion_spread": "0.01",
    "currencies": [
        {
            "currency": currency,
            "deposit_min": 50,
            "deposit_max": 20000,
            "withdrawal_min": 20,
            "withdrawal_max": 10000,
            "second_person_from": 1000,
            "bank": BANK,
        }
        for currency in ("USD", "EUR")
    ],
}


@dataclass(frozen=True)
class House:
    """A brand with a client and three people of finance."""

    app: Flask
    brand: Brand
    client: Person
    anna: Person
    boris: Person
    chen: Person

    @property
    def client_id(self) -> UUID:
        assert self.client.client_id is not None
        return self.client.client_id

    def browser(self, person: Person, audience: str = "office") -> Visitor:
        return support.browser_of(self.app, self.brand, person, audience)

    @property
    def as_client(self) -> Visitor:
        return self.browser(self.client, "cabinet")

    def actor(self, person: Person) -> Actor:
        return person.actor("client" if person is self.client else "staff")

    def balance(self, currency: str = "USD", purpose: str = ledger.MAIN) -> Money:
        with acting(self.brand):
            return ledger.balance(ledger.wallet(ledger.Owner("client", self.client_id), purpose, currency).id)

    def bank(self, currency: str = "USD") -> Money:
        with acting(self.brand):
            return ledger.balance(payments.house_bank(currency))

    def fill(self, amount: str, currency: str = "USD") -> None:
        """Money in the client's wallet, as if deposited."""
        with acting(self.brand):
            money = parse_amount(amount, currency)
            wallet = ledger.wallet(ledger.Owner("client", self.client_id), ledger.MAIN, currency)
            lines = [ledger.Line(payments.house_bank(currency), -money), ledger.Line(wallet.id, money)]
            ledger.post(f"fill:{new_token(128)}", "deposit", lines, self.actor(self.anna))

    def deposit(self, amount: str = "500", currency: str = "USD") -> Deposit:
        with acting(self.brand):
            money = parse_amount(amount, currency)
            return payments.request_deposit(self.client_id, money, once=new_token(128), by=self.actor(self.client))

    def withdrawal(self, amount: str = "200", currency: str = "USD") -> Withdrawal:
        with acting(self.brand):
            money = parse_amount(amount, currency)
            return payments.request_withdrawal(
                self.client_id, money, DETAILS, once=new_token(128), by=self.actor(self.client)
            )


def take_payments(brand: Brand) -> None:
    """Let a brand take and pay money."""
    support.extend_bundle(brand, payments=_SECTION)


def _house(app: Flask, brand: Brand) -> House:
    take_payments(brand)
    return House(
        app,
        brand,
        support.make_trader(brand, f"mona@{brand.slug}.example"),
        *(
            support.make_staff(brand, "finance", email=f"{name}@{brand.slug}.example")
            for name in ("anna", "boris", "chen")
        ),
    )


def _prove(*houses: House) -> None:
    for house in houses:
        with acting(house.brand):
            assert [str(difference) for difference in ledger.verify()] == []


@pytest.fixture
def house(app: Flask, brands: tuple[Brand, Brand]) -> Iterator[House]:
    """One brand; its books are proven afterwards."""
    found = _house(app, brands[0])
    yield found
    _prove(found)


@pytest.fixture
def houses(house: House, app: Flask, brands: tuple[Brand, Brand]) -> Iterator[tuple[House, House]]:
    """Both brands; their books are proven afterwards."""
    other = _house(app, brands[1])
    yield house, other
    _prove(other)
