"""Two tenants with nothing but a bundle, and the proof of both books after every test."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from app.core.actor import Actor, system_actor
from app.core.db import batch_scope, execute_sql, in_transaction, tenant_scope, transaction
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.ledger.rules import Line, Owner
from app.tenancy import service as tenancy
from tools import roles

HERE, THERE = 71, 72
SYSTEM = system_actor("test")
_DOCUMENT = """{
  "tenant": {"slug": "%s", "name": "Books", "short_name": "Books", "timezone": "Europe/Berlin"},
  "languages": {"offered": ["en"]}, "currencies": {"wallets": ["USD", "EUR", "JPY"], "base": "USD"},
  "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
  "company": {"legal_name": "Books", "registration": "", "address": ""}, "support": {"email": "help@books.example"}
}"""


def usd(text: str | int) -> Money:
    return Money.from_minor(text, "USD") if isinstance(text, int) else Money.from_minor(int(float(text) * 100), "USD")


def person(name: str) -> Actor:
    return Actor("staff", new_id(), name)


def client_wallet(currency: str = "USD", filled: int = 0, owner: UUID | None = None) -> UUID:
    """A new client's main wallet, with so many minor units in it."""
    made = ledger.wallet(Owner("client", owner or new_id()), ledger.MAIN, currency)
    if filled:
        give(made.id, Money.from_minor(filled, currency))
    return made.id


def bank(currency: str = "USD") -> UUID:
    return ledger.wallet(Owner("house", "bank_wire"), "bank", currency).id


def give(wallet_id: UUID, money: Money, key: str | None = None) -> ledger.PostedEntry:
    lines = [Line(bank(money.currency), -money), Line(wallet_id, money)]
    return ledger.post(key or f"give:{new_id()}", "deposit", lines, SYSTEM)


@pytest.fixture
def books(database: roles.Addresses) -> Iterator[None]:
    """Both tenants exist; their books are proven afterwards."""
    tenancy.forget()
    for number in (HERE, THERE):
        with batch_scope("test tenants"), transaction():
            execute_sql(
                "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
                " VALUES (:id, :slug, 'Books', 'active', true, 1, now())",
                id=number,
                slug=f"books{number}",
            )
        with tenant_scope(number), transaction():
            execute_sql(
                "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
                " VALUES (:tenant_id, 1, CAST(:document AS jsonb), '', now())",
                document=_DOCUMENT % f"books{number}",
            )
    yield
    for number in (HERE, THERE):
        with tenant_scope(number):
            assert [str(difference) for difference in in_transaction(ledger.verify)] == []
    tenancy.forget()


@pytest.fixture
def here(books: None) -> Iterator[None]:
    """Work as the first tenant."""
    with tenant_scope(HERE):
        yield
