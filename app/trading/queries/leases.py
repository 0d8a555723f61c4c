"""Which connector owns which connection. Time here is the database's clock, the one clock that all machines share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.db import execute_sql

LEASE_S = 10


@dataclass(frozen=True, slots=True)
class Lease:
    """A connection that this connector owns, and under which epoch."""

    tenant_id: int
    platform_id: UUID
    epoch: int


def announce(platform_id: UUID, bridge_key: str) -> None:
    """Tell the connectors that there is a connection to own. A new row has no owner: its lease ran out long ago."""
    execute_sql(
        "INSERT INTO platform_lease (tenant_id, platform_id, bridge_key, expires_at)"
        " VALUES (:tenant_id, :platform_id, :bridge_key, 'epoch')"
        " ON CONFLICT (tenant_id, platform_id) DO UPDATE SET bridge_key = excluded.bridge_key",
        platform_id=platform_id,
        bridge_key=bridge_key,
    )


def renew(owner: str) -> list[Lease]:
    """Prolong what `owner` still holds. Runs in the directory scope."""
    rows = execute_sql(
        "UPDATE platform_lease SET expires_at = clock_timestamp() + make_interval(secs => :seconds)"
        " WHERE owner = :owner AND expires_at > clock_timestamp() RETURNING tenant_id, platform_id, epoch",
        owner=owner,
        seconds=LEASE_S,
    )
    return [Lease(row.tenant_id, row.platform_id, row.epoch) for row in rows]


def take(owner: str, limit: int) -> list[Lease]:
    """Take up to `limit` connections that nobody holds, each under a new epoch. Runs in the directory scope."""
    rows = execute_sql(
        "UPDATE platform_lease AS l SET owner = :owner, epoch = l.epoch + 1,"
        "  expires_at = clock_timestamp() + make_interval(secs => :seconds)"
        " FROM (SELECT tenant_id, platform_id FROM platform_lease WHERE expires_at <= clock_timestamp()"
        "  ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED) AS free"
        " WHERE l.tenant_id = free.tenant_id AND l.platform_id = free.platform_id"
        " RETURNING l.tenant_id, l.platform_id, l.epoch",
        owner=owner,
        seconds=LEASE_S,
        limit=limit,
    )
    return [Lease(row.tenant_id, row.platform_id, row.epoch) for row in rows]


def release(owner: str) -> None:
    """Give everything back at once, so that another connector need not wait. Runs in the directory scope."""
    execute_sql("UPDATE platform_lease SET expires_at = 'epoch' WHERE owner = :owner", owner=owner)


def platform_of_bridge(bridge_key: str) -> tuple[int, UUID] | None:
    """(tenant, platform) that a bridge's key names, or None. Runs in the directory scope."""
    row = execute_sql(
        "SELECT tenant_id, platform_id FROM platform_lease WHERE bridge_key = :bridge_key", bridge_key=bridge_key
    ).one_or_none()
    return None if row is None else (row.tenant_id, row.platform_id)


def owners() -> Sequence[tuple[int, UUID, str, int, bool]]:
    """Every connection: (tenant, platform, owner, epoch, whether the lease is live). Runs in the directory scope."""
    rows = execute_sql(
        "SELECT tenant_id, platform_id, owner, epoch, expires_at > clock_timestamp() AS is_live FROM platform_lease"
        " ORDER BY tenant_id, platform_id"
    )
    return [(r.tenant_id, r.platform_id, r.owner, r.epoch, r.is_live) for r in rows]
