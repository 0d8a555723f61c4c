"""Two tenants that pay partners, and the proof of both books after every test."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from app.core import events, features
from app.core.db import batch_scope, execute_sql, in_transaction, tenant_scope, transaction
from app.ledger import service as ledger
from app.partners.feature import FEATURE
from app.rates import queries as rates
from app.referrals.feature import FEATURE as REFERRALS
from app.tenancy import service as tenancy
from tools import roles

HERE, THERE = 81, 82
RATE_DAY = date(2026, 11, 20)  # One euro was worth 1.1 USD and 130.7658 JPY: one USD 118.878 JPY.
_DOCUMENT = """{
  "tenant": {"slug": "%s", "name": "Pays", "short_name": "Pays", "timezone": "UTC", "holidays": ["2026-12-25"]},
  "languages": {"offered": ["en"]}, "currencies": {"wallets": ["USD", "EUR", "JPY"], "base": "USD"},
  "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
  "company": {"legal_name": "Pays", "registration": "", "address": ""}, "support": {"email": "help@pays.example"},
  "partners": {"plan": {"name": "Unused", "currency": "USD"}}, "referrals": {"requires_kyc_level": 0}
}"""


@pytest.fixture
def pays(database: roles.Addresses, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both tenants exist and their sponsor changes reach the receivers; their books are proven afterwards."""
    monkeypatch.setattr(features, "_features", [REFERRALS, FEATURE])
    for feature in (REFERRALS, FEATURE):  # In the product's order: a sign-up is counted once it is attributed.
        for kind, handler in feature.subscribers:
            events.subscribe(kind, handler)
    tenancy.forget()
    for number in (HERE, THERE):
        with batch_scope("test tenants"), transaction():
            execute_sql(
                "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
                " VALUES (:id, :slug, 'Pays', 'active', true, 1, now())",
                id=number,
                slug=f"pays{number}",
            )
        with tenant_scope(number), transaction():
            execute_sql(
                "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
                " VALUES (:tenant_id, 1, CAST(:document AS jsonb), '', now())",
                document=_DOCUMENT % f"pays{number}",
            )
    with batch_scope("test rates"), transaction():
        rates.store_quotes([("USD", RATE_DAY, Decimal("1.1")), ("JPY", RATE_DAY, Decimal("130.7658"))])
    yield
    for number in (HERE, THERE):
        with tenant_scope(number):
            assert [str(difference) for difference in in_transaction(ledger.verify)] == []
    tenancy.forget()


@pytest.fixture
def here(pays: None) -> Iterator[None]:
    """Work as the first tenant."""
    with tenant_scope(HERE):
        yield
