"""Which connector owns which connection, and which connectors live. Time here is the database's clock, the one clock
that all machines share.
"""

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


def release_one(owner: str, lease: Lease) -> None:
    """Give one connection back at once. Runs in the directory scope."""
    execute_sql(
        "UPDATE platform_lease SET expires_at = 'epoch' WHERE tenant_id = :tenant AND platform_id = :platform_id"
        " AND owner = :owner AND epoch = :epoch",
        tenant=lease.tenant_id,
        platform_id=lease.platform_id,
        owner=owner,
        epoch=lease.epoch,
    )


def attend(owner: str) -> None:
    """Say that this connector lives. Runs in the directory scope."""
    execute_sql(
        "INSERT INTO connector_presence (name, seen_at) VALUES (:owner, clock_timestamp())"
        " ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp()",
        owner=owner,
    )


def fair_share() -> int:
    """How many connections each living connector should own. Runs in the directory scope.

    The shares of all of them together are never fewer than the connections there are.
    """
    row = execute_sql(
        "SELECT (SELECT count(*) FROM platform_lease) AS connections, count(*) AS living FROM connector_presence"
        " WHERE seen_at > clock_timestamp() - make_interval(secs => :seconds)",
        seconds=LEASE_S,
    ).one()
    return -(-int(row.connections) // max(int(row.living), 1))


def leave(owner: str) -> None:
    """Say that this connector takes nothing more, and forget those that fell silent long ago. Runs in the directory
    scope."""
    execute_sql(
        "DELETE FROM connector_presence WHERE name = :owner OR seen_at < clock_timestamp() - interval '1 hour'",
        owner=owner,
    )


def living() -> list[str]:
    """The connectors that have shown themselves lately. Runs in the directory scope."""
    rows = execute_sql(
        "SELECT name FROM connector_presence WHERE seen_at > clock_timestamp() - make_interval(secs => :seconds)"
        " ORDER BY name",
        seconds=LEASE_S,
    )
    return list(rows.scalars())


def lease_of(tenant: int, platform_id: UUID) -> tuple[str, int, bool] | None:
    """(owner, epoch, whether the lease is live) of one connection, or None where none is announced."""
    row = execute_sql(
        "SELECT owner, epoch, expires_at > clock_timestamp() AS is_live FROM platform_lease"
        " WHERE tenant_id = :tenant AND platform_id = :platform_id",
        tenant=tenant,
        platform_id=platform_id,
    ).one_or_none()
    return None if row is None else (row.owner, row.epoch, row.is_live)


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
