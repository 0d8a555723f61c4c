"""Putting a bundle in force: once, all of it or nothing, and only for its own tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import tenancy
from app.audit.models import AuditRecord
from app.core import db, features
from app.core.actor import system_actor
from app.core.features import BundleSection, Feature
from app.rates.bundle import SECTION as RATES
from app.tenancy import directory, secrets, service
from app.tenancy.bundles import apply as applying
from app.tenancy.models import AppliedBundle, TenantHost, TenantRow
from tests.support.servers import TestServers
from tests.tenancy.bundles import GOOD, Applied, Loyalty, good_bundle, loyalty, write_bundle

ACTOR = system_actor("test")


@pytest.fixture(autouse=True)
def _database(servers: TestServers) -> Iterator[None]:
    before = features.features()
    features.install([Feature("rates", bundle=RATES), Feature("loyalty", bundle=loyalty())])
    service.forget()
    yield
    features.install(before)
    service.forget()


def put_in_force(place: Path, section: BundleSection | None = None) -> applying.Plan:
    bundle = good_bundle(place, section)
    return applying.apply(bundle, [RATES, section or loyalty()], by=ACTOR)


def tenant_number(slug: str) -> int:
    with db.directory_scope():
        return db.session().execute(select(TenantRow.id).where(TenantRow.slug == slug)).scalar_one()


def counts(tenant: int) -> tuple[int, int]:
    """How many versions and audit records the tenant has."""
    with db.tenant_scope(tenant):
        session = db.session()
        versions = session.execute(select(func.count()).select_from(AppliedBundle)).scalar_one()
        records = session.execute(select(func.count()).select_from(AuditRecord)).scalar_one()
        return versions, records


def test_a_new_tenant_is_reachable_when_its_bundle_is_in_force(tmp_path: Path) -> None:
    planned = put_in_force(write_bundle(tmp_path))

    assert planned.tenant_id is None
    tenant = tenant_number("brand")
    place = directory.find_place("office.brand.test.localhost:8000")
    assert place is not None
    assert (place.tenant_id, place.audience) == (tenant, "office")
    with db.tenant_scope(tenant):
        config = tenancy.current()
        assert (config.name, config.currencies, config.is_sandbox) == ("Test Markets", ("USD", "AED"), True)
        assert [str(level.share) for level in config.section("loyalty").levels] == ["0.4", "0.2"]


def test_applying_twice_is_once(tmp_path: Path) -> None:
    applied = Applied()
    place = write_bundle(tmp_path)
    put_in_force(place, loyalty(applied))
    tenant = tenant_number("brand")
    before = counts(tenant)
    with db.tenant_scope(tenant):
        secret = secrets.get("LOYALTY_KEY")

    again = put_in_force(place, loyalty(applied))

    assert again.is_empty
    assert counts(tenant) == before
    with db.tenant_scope(tenant):
        assert secrets.get("LOYALTY_KEY") == secret
    assert applied.values[0] == applied.values[1]  # The feature was asked again, with the same: that mends a crash.
    with db.directory_scope():
        assert len(db.session().execute(select(TenantHost).where(TenantHost.tenant_id == tenant)).all()) == 3


def test_a_change_makes_a_new_version_and_says_what_changed(tmp_path: Path) -> None:
    put_in_force(write_bundle(tmp_path))
    tenant = tenant_number("brand")
    text = (
        GOOD.format(slug="brand").replace("Test Markets", "Best Markets", 1).replace('cabinet = ["', 'cabinet = ["my.')
    )

    planned = applying.plan(good_bundle(write_bundle(tmp_path, text=text)))
    assert [str(change) for change in planned.changes] == [
        '~ hosts.cabinet: ["brand.test.localhost"] -> ["my.brand.test.localhost"]',
        "~ tenant.name: Test Markets -> Best Markets",
        "~ directory: out of date -> as the bundle says",
    ]
    assert counts(tenant)[0] == 1  # Planning has written nothing.
    put_in_force(tmp_path / "brand")

    assert counts(tenant)[0] == 2
    assert directory.find_place("brand.test.localhost") is None
    assert directory.find_place("my.brand.test.localhost") is not None
    with db.tenant_scope(tenant):
        assert tenancy.current().name == "Best Markets"
        record = db.session().execute(select(AuditRecord).order_by(AuditRecord.at.desc()).limit(1)).scalar_one()
        assert record.action == "tenancy.bundle.apply"
        assert record.before is not None
        assert record.before["tenant.name"] == "Test Markets"


def test_a_feature_that_fails_undoes_the_whole_tenant(tmp_path: Path) -> None:
    put_in_force(write_bundle(tmp_path))
    tenant = tenant_number("brand")
    before = counts(tenant)
    text = GOOD.format(slug="brand").replace("Test Markets", "Broken Markets", 1)

    def fail(value: Loyalty) -> None:
        assert tenancy.current().name == "Broken Markets"  # The feature sees the tenant as it is going to be.
        raise RuntimeError("the feature cannot keep this")

    section = BundleSection(name="loyalty", type=Loyalty, apply=fail)
    with pytest.raises(RuntimeError, match="cannot keep"):
        put_in_force(write_bundle(tmp_path, text=text), section)

    assert counts(tenant) == before
    with db.tenant_scope(tenant):
        assert tenancy.current().name == "Test Markets"


def test_two_tenants_keep_their_own(tmp_path: Path) -> None:
    put_in_force(write_bundle(tmp_path, "first"))
    put_in_force(write_bundle(tmp_path, "second"))
    first, second = tenant_number("first"), tenant_number("second")

    assert first != second
    with db.tenant_scope(first):
        mine = secrets.get("LOYALTY_KEY")
    with db.tenant_scope(second):
        assert secrets.get("LOYALTY_KEY") != mine
        visible = db.execute_sql("SELECT DISTINCT tenant_id FROM tenant_config").scalars().all()
        assert visible == [second]


def test_a_secret_of_the_environment_replaces_the_made_up_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_force(write_bundle(tmp_path))
    monkeypatch.setenv("KONTOR_SECRET_BRAND_LOYALTY_KEY", "given-by-the-operator")

    planned = put_in_force(tmp_path / "brand")

    assert list(planned.missing_secrets) == ["LOYALTY_KEY"]
    with db.tenant_scope(tenant_number("brand")):
        assert secrets.get("LOYALTY_KEY") == "given-by-the-operator"
        records = db.session().execute(select(AuditRecord)).scalars().all()
        assert not any("given-by-the-operator" in str(vars(record)) for record in records)
    assert put_in_force(tmp_path / "brand").is_empty
