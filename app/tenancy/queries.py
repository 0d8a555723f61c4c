"""Statements on the tenant directory. It belongs to no tenant, so they run in a batch scope."""

from __future__ import annotations

from sqlalchemy import delete, select

from app.core import db
from app.kit import clock
from app.tenancy.models import AppliedBundle, TenantHost, TenantRow, TenantStatus

Hosts = dict[str, tuple[str, bool]]  # Host name -> its audience, and whether links use it.


def by_slug(slug: str) -> TenantRow | None:
    """The tenant of this name."""
    return db.session().execute(select(TenantRow).where(TenantRow.slug == slug)).scalar_one_or_none()


def add_tenant(slug: str, name: str, *, is_sandbox: bool) -> int:
    """Give a new tenant the next number. Two commands that do so follow each other."""
    db.execute_sql("SELECT pg_advisory_xact_lock(hashtext('found tenant'))")
    number = db.execute_sql(
        "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
        " SELECT coalesce(max(id), 0) + 1, :slug, :name, :status, :is_sandbox, 0, :now FROM tenant"
        " RETURNING id",
        slug=slug,
        name=name,
        status=TenantStatus.ACTIVE.value,
        is_sandbox=is_sandbox,
        now=clock.now(),
    ).scalar_one()
    return int(number)


def publish_version(tenant: int, name: str, version: int, *, is_sandbox: bool) -> None:
    """Say which version of its bundle is in force. A tenant that is no sandbox any more keeps the real time."""
    db.execute_sql(
        "UPDATE tenant SET name = :name, is_sandbox = :is_sandbox, config_version = :version,"
        " business_offset_seconds = CASE WHEN :is_sandbox THEN business_offset_seconds ELSE 0 END"
        " WHERE id = :tenant"
        " AND (name, is_sandbox, config_version) IS DISTINCT FROM (:name, :is_sandbox, :version)",
        tenant=tenant,
        name=name,
        is_sandbox=is_sandbox,
        version=version,
    )


def hosts_of(tenant: int) -> Hosts:
    """The tenant's host names."""
    rows = db.session().execute(select(TenantHost).where(TenantHost.tenant_id == tenant)).scalars()
    return {row.host: (row.audience, row.is_primary) for row in rows}


def replace_hosts(tenant: int, hosts: Hosts) -> None:
    """Let the tenant answer on these host names and no others."""
    db.session().execute(delete(TenantHost).where(TenantHost.tenant_id == tenant))
    for host, (audience, is_primary) in hosts.items():
        db.session().add(TenantHost(host=host, tenant_id=tenant, audience=audience, is_primary=is_primary))
    db.session().flush()


def newest_version() -> AppliedBundle | None:
    """The bundle that was applied last to the bound tenant, whether or not the directory names it already."""
    statement = select(AppliedBundle).order_by(AppliedBundle.version.desc()).limit(1)
    return db.session().execute(statement).scalar_one_or_none()


def lock_bundle() -> None:
    """Let two commands that apply a bundle to the bound tenant follow each other."""
    db.execute_sql("SELECT pg_advisory_xact_lock(hashtext('apply bundle'), :tenant_id)")


def move_clock(tenant: int, offset_seconds: int) -> bool:
    """Let a sandbox tenant's business clock run ahead by so much, never by less; False when it is no sandbox."""
    moved = db.execute_sql(
        "UPDATE tenant SET business_offset_seconds = greatest(business_offset_seconds, :offset)"
        " WHERE id = :tenant AND is_sandbox",
        tenant=tenant,
        offset=offset_seconds,
    )
    return bool(moved.rowcount)
