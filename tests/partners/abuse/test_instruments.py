"""Bank accounts that two clients were paid to: compared by a hash of the brand's own, never kept in clear."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from app.core.db import execute_sql
from app.kit.ids import new_token
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners.abuse import clusters
from app.partners.abuse.terms import Clusters
from app.payments import service as payments
from app.payments.rules import BankDetails
from tests.payments.conftest import take_payments
from tests.support.brands import Brand, Person, acting, app, brands, hash_once, make_trader, north, south

__all__ = ["app", "brands", "hash_once", "north", "south"]

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def paid_to(brand: Brand, person: Person, iban: str) -> None:
    """The client asks for money to a bank account."""
    assert person.client_id is not None
    money = Money(Decimal(100), "USD")
    with acting(brand):
        wallet = ledger.wallet(ledger.Owner("client", person.client_id), ledger.MAIN, "USD")
        lines = [ledger.Line(payments.house_bank("USD"), -money), ledger.Line(wallet.id, money)]
        ledger.post(f"fill:{new_token(128)}", "deposit", lines, person.actor("client"))
        details = BankDetails(person.email, iban, "", "Bank")
        payments.request_withdrawal(person.client_id, money, details, once=new_token(128), by=person.actor("client"))


def test_one_account_of_two_clients_links_them_however_it_is_written(north: Brand, south: Brand) -> None:
    tags = []
    for brand in (north, south):
        take_payments(brand)
        mona, omar, zoe = (make_trader(brand, f"{name}@example.com", name=name) for name in ("mona", "omar", "zoe"))
        paid_to(brand, mona, "GB82 WEST 1234 5698 7654 32")
        paid_to(brand, omar, "gb82west12345698765432")
        paid_to(brand, zoe, "DE89370400440532013000")
        with acting(brand):
            found = clusters.members(NOW, Clusters(action="hold"))
            assert clusters.members(NOW, Clusters(action="hold")) == found
            rows = execute_sql("SELECT client_id, tag FROM client_instrument WHERE tenant_id = :tenant_id").all()
        assert {(one.client_id, one.partner_id) for one in found} == {
            (mona.client_id, omar.client_id),
            (omar.client_id, mona.client_id),
        }
        assert {(one.confidence, one.kinds) for one in found} == {(Decimal("0.9500"), ("instrument",))}
        assert len(rows) == 3
        assert all(b"12345698765432" not in bytes(row.tag) for row in rows)
        tags.append({bytes(row.tag) for row in rows})

    assert tags[0].isdisjoint(tags[1])
