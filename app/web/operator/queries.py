"""What the operator sees across tenants: counts and ages, never a client's data.

Works as the batch role through these functions alone; each is one statement for all tenants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.core import db, jobs
from app.core import redis as core_redis
from app.kit import clock
from app.tenancy.models import OPERATOR

# Every role that an instance runs, and how old its last sign of life may be.
ROLES = ("web", "jobs", "scheduler", "connector")
STALE_AFTER = timedelta(seconds=20)
SYNC_STALE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class TenantLine:
    """A tenant in the operator's list."""

    id: int
    slug: str
    name: str
    status: str
    is_sandbox: bool
    config_version: int
    created_at: datetime
    hosts: tuple[str, ...]
    clients: int
    clients_new: int
    accounts: int
    platforms: int
    platforms_up: int
    sync_at: datetime | None
    jobs_waiting: int
    jobs_failed: int
    business_offset: timedelta

    @property
    def is_well(self) -> bool:
        return self.platforms == self.platforms_up and self.jobs_failed == 0


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A process of the instance by its last heartbeat; `beat_at` is None when a role has no process at all."""

    role: str
    process: str
    beat_at: datetime | None
    facts: Mapping[str, Any]

    @property
    def is_well(self) -> bool:
        return self.beat_at is not None and clock.now() - self.beat_at < STALE_AFTER


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A class of work: what stands in Redis, what waits in the outbox, and how long the oldest due row has waited."""

    name: str
    in_redis: int | None
    in_outbox: int
    oldest_due_at: datetime | None
    failed: int


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """One tenant's link to one trade server."""

    tenant: str
    platform: str
    link: str
    checked_at: datetime | None
    latency_ms: float | None
    caught_up_at: datetime | None
    error: str
    owner: str

    @property
    def is_up(self) -> bool:
        return self.link == "up"

    @property
    def is_stale(self) -> bool:
        return self.checked_at is None or clock.now() - self.checked_at > SYNC_STALE_AFTER


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job whose retries are used up."""

    tenant_id: int
    tenant: str
    id: UUID
    job: str
    error: str
    attempts: int
    failed_at: datetime


def tenants() -> list[TenantLine]:
    """Every tenant with its counts."""
    with db.batch_scope("operator: tenants"):
        rows = db.execute_sql(
            "SELECT t.id, t.slug, t.name, t.status, t.is_sandbox, t.config_version, t.created_at,"
            " t.business_offset_seconds,"
            " ARRAY(SELECT h.host FROM tenant_host AS h WHERE h.tenant_id = t.id ORDER BY h.audience, h.host) AS hosts,"
            " coalesce(c.total, 0) AS clients, coalesce(c.fresh, 0) AS clients_new,"
            " coalesce(a.total, 0) AS accounts, coalesce(p.total, 0) AS platforms, coalesce(p.up, 0) AS platforms_up,"
            " p.checked_at, coalesce(o.waiting, 0) AS waiting, coalesce(o.failed, 0) AS failed"
            " FROM tenant AS t"
            " LEFT JOIN (SELECT tenant_id, count(*) AS total, count(*) FILTER (WHERE created_at > :month_ago) AS fresh"
            "   FROM client GROUP BY tenant_id) AS c ON c.tenant_id = t.id"
            " LEFT JOIN (SELECT tenant_id, count(*) AS total FROM trading_account GROUP BY tenant_id) AS a"
            "   ON a.tenant_id = t.id"
            " LEFT JOIN (SELECT p.tenant_id, count(*) AS total, count(*) FILTER (WHERE s.link = 'up') AS up,"
            "   min(s.checked_at) AS checked_at FROM trading_platform AS p"
            "   JOIN platform_status AS s ON s.tenant_id = p.tenant_id AND s.platform_id = p.id"
            "   WHERE p.is_active GROUP BY p.tenant_id) AS p ON p.tenant_id = t.id"
            " LEFT JOIN (SELECT tenant_id, count(*) FILTER (WHERE failed_at IS NULL) AS waiting,"
            "   count(failed_at) AS failed FROM outbox GROUP BY tenant_id) AS o ON o.tenant_id = t.id"
            " WHERE t.id <> :operator ORDER BY t.name, t.id",
            month_ago=clock.now() - timedelta(days=30),
            operator=OPERATOR,
        ).all()
    return [
        TenantLine(
            row.id,
            row.slug,
            row.name,
            row.status,
            row.is_sandbox,
            row.config_version,
            row.created_at,
            tuple(row.hosts),
            row.clients,
            row.clients_new,
            row.accounts,
            row.platforms,
            row.platforms_up,
            row.checked_at,
            row.waiting,
            row.failed,
            timedelta(seconds=row.business_offset_seconds),
        )
        for row in rows
    ]


def processes() -> list[ProcessLine]:
    """Every process that has shown itself lately, and a line for each role that has none."""
    with db.directory_scope():
        rows = db.execute_sql(
            "SELECT process, role, beat_at, facts FROM process_heartbeat ORDER BY role, process"
        ).all()
    found = [ProcessLine(row.role, row.process, row.beat_at, row.facts) for row in rows]
    missing = [ProcessLine(role, "", None, {}) for role in ROLES if role not in {line.role for line in found}]
    return sorted(found + missing, key=lambda line: (line.is_well, line.role, line.process))


def queues() -> list[QueueLine]:
    """The classes of work, most urgent first."""
    with db.batch_scope("operator: queues"):
        rows = db.execute_sql(
            "SELECT queue, count(*) FILTER (WHERE failed_at IS NULL) AS waiting, count(failed_at) AS failed,"
            " min(due_at) FILTER (WHERE failed_at IS NULL AND due_at <= :now) AS oldest FROM outbox GROUP BY queue",
            now=clock.now(),
        ).all()
    known = {row.queue: row for row in rows}
    lines = []
    for name in jobs.QUEUES:
        row = known.get(name)
        lines.append(
            QueueLine(
                name,
                _in_redis(name),
                row.waiting if row else 0,
                row.oldest if row else None,
                row.failed if row else 0,
            )
        )
    return lines


def platforms() -> list[PlatformLine]:
    """Every tenant's trade servers, those in trouble first."""
    with db.batch_scope("operator: platforms"):
        rows = db.execute_sql(
            "SELECT t.name AS tenant, p.name, s.link, s.checked_at, s.latency_ms, s.caught_up_at, s.last_error, l.owner"
            " FROM trading_platform AS p"
            " JOIN platform_status AS s ON s.tenant_id = p.tenant_id AND s.platform_id = p.id"
            " JOIN tenant AS t ON t.id = p.tenant_id"
            " LEFT JOIN platform_lease AS l ON l.tenant_id = p.tenant_id AND l.platform_id = p.id"
            " AND l.expires_at > :now"
            " WHERE p.is_active ORDER BY s.link = 'up', t.name, p.name",
            now=clock.now(),
        ).all()
    return [
        PlatformLine(
            row.tenant,
            row.name,
            row.link,
            row.checked_at,
            None if row.latency_ms is None else float(row.latency_ms),
            row.caught_up_at,
            row.last_error,
            row.owner or "",
        )
        for row in rows
    ]


def failed_jobs(limit: int = 50) -> Sequence[FailedJob]:
    """The latest jobs that gave up, of every tenant."""
    with db.batch_scope("operator: failed jobs"):
        rows = db.execute_sql(
            "SELECT o.tenant_id, t.name, o.id, o.job, coalesce(o.last_error, '') AS error, o.attempts, o.failed_at"
            " FROM outbox AS o JOIN tenant AS t ON t.id = o.tenant_id"
            " WHERE o.failed_at IS NOT NULL ORDER BY o.failed_at DESC LIMIT :limit",
            limit=limit,
        ).all()
    return [FailedJob(r.tenant_id, r.name, r.id, r.job, r.error, r.attempts, r.failed_at) for r in rows]


def try_again(tenant_id: int, row_id: UUID) -> bool:
    """Let a failed job have its tries anew; False when it has been done or let go meanwhile."""
    with db.batch_scope("operator: retry"), db.transaction():
        changed = db.execute_sql(
            "UPDATE outbox SET failed_at = NULL, attempts = 0, sent_at = NULL, due_at = :now"
            " WHERE tenant_id = :tenant AND id = :id AND failed_at IS NOT NULL",
            tenant=tenant_id,
            id=row_id,
            now=clock.now(),
        )
    return bool(changed.rowcount)


def _in_redis(name: str) -> int | None:
    try:
        return Queue(core_redis.key(name), connection=core_redis.client(), serializer=JSONSerializer).count
    except redis.RedisError:
        return None
