"""Readings about how well platforms are followed, and the set-based writes that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import execute_sql, session
from app.trading.models import ServerOffset
from app.trading.sync_health.models import (
    GapReason,
    IncidentKind,
    LatencyKind,
    PlatformTrouble,
    SyncGap,
    SyncIncident,
    SyncIncidentMail,
    SyncLatency,
    SyncSubscription,
)


def troubles(platform_id: UUID) -> Sequence[PlatformTrouble]:
    """What fails now, the oldest first."""
    statement = select(PlatformTrouble).where(PlatformTrouble.platform_id == platform_id)
    statement = statement.order_by(PlatformTrouble.since, PlatformTrouble.source)
    return session().scalars(statement.execution_options(populate_existing=True)).all()


def note_trouble(platform_id: UUID, source: str, trouble: str, detail: str, now: datetime) -> None:
    """Write a failure down; `since` stays while the trouble is the same."""
    execute_sql(
        "INSERT INTO platform_trouble AS t (tenant_id, platform_id, source, trouble, detail, since)"
        " VALUES (:tenant_id, :platform_id, :source, :trouble, :detail, :now)"
        " ON CONFLICT (tenant_id, platform_id, source) DO UPDATE SET detail = excluded.detail,"
        "  since = CASE WHEN t.trouble = excluded.trouble THEN t.since ELSE excluded.since END,"
        "  trouble = excluded.trouble",
        platform_id=platform_id,
        source=source,
        trouble=trouble,
        detail=detail,
        now=now,
    )


def forget_troubles(platform_id: UUID, sources: Sequence[str]) -> None:
    """These pieces of work succeed again."""
    execute_sql(
        "DELETE FROM platform_trouble WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND source = ANY(:sources)",
        platform_id=platform_id,
        sources=list(sources),
    )


def add_latencies(platform_id: UUID, kind: str, hour_at: datetime, counts: Sequence[int], slowest_ms: Decimal) -> None:
    """Add what was timed to the hour's row."""
    execute_sql(
        "INSERT INTO sync_latency AS l (tenant_id, platform_id, kind, hour_at, counts, total, slowest_ms)"
        " VALUES (:tenant_id, :platform_id, :kind, :hour_at, to_jsonb(CAST(:counts AS bigint[])), :total, :slowest_ms)"
        " ON CONFLICT (tenant_id, platform_id, kind, hour_at) DO UPDATE SET total = l.total + excluded.total,"
        "  slowest_ms = greatest(l.slowest_ms, excluded.slowest_ms),"
        "  counts = (SELECT jsonb_agg(coalesce(CAST(ours AS bigint), 0) + coalesce(CAST(fresh AS bigint), 0)"
        "   ORDER BY place) FROM ROWS FROM (jsonb_array_elements_text(l.counts),"
        "   jsonb_array_elements_text(excluded.counts)) WITH ORDINALITY AS pair (ours, fresh, place))",
        platform_id=platform_id,
        kind=kind,
        hour_at=hour_at,
        counts=list(counts),
        total=sum(counts),
        slowest_ms=slowest_ms,
    )


def latencies(platform_id: UUID, since: datetime) -> dict[LatencyKind, list[SyncLatency]]:
    """The hours since an instant, per kind, oldest first."""
    statement = (
        select(SyncLatency)
        .where(SyncLatency.platform_id == platform_id, SyncLatency.hour_at >= since)
        .order_by(SyncLatency.kind, SyncLatency.hour_at)
    )
    found: dict[LatencyKind, list[SyncLatency]] = {kind: [] for kind in LatencyKind}
    for row in session().scalars(statement.execution_options(populate_existing=True)):
        found[row.kind].append(row)
    return found


def forget_latencies(before: datetime) -> None:
    """Drop hours that nobody looks at any more."""
    execute_sql("DELETE FROM sync_latency WHERE tenant_id = :tenant_id AND hour_at < :before", before=before)


def open_gap(platform_id: UUID, gap_id: UUID, reason: GapReason, now: datetime, from_at: datetime | None) -> None:
    """Write a gap down. One that is open for the same reason takes it in, and must be read again from the beginning."""
    execute_sql(
        "INSERT INTO sync_gap (tenant_id, id, platform_id, reason, opened_at, from_at)"
        " VALUES (:tenant_id, :id, :platform_id, :reason, :now, :from_at)"
        " ON CONFLICT (tenant_id, platform_id, reason) WHERE closed_at IS NULL DO UPDATE SET batch_no = NULL",
        id=gap_id,
        platform_id=platform_id,
        reason=reason.value,
        now=now,
        from_at=from_at,
    )


def note_reading(platform_id: UUID) -> int:
    """Mark the open gaps as being read now, and answer how many there are. A reading that breaks off is gone on with:
    what it brought counts."""
    rows = execute_sql(
        "UPDATE sync_gap SET batch_no = coalesce(batch_no, (SELECT batch_no FROM ingest_counter"
        " WHERE tenant_id = :tenant_id), 0) WHERE tenant_id = :tenant_id AND platform_id = :platform_id"
        " AND closed_at IS NULL RETURNING id",
        platform_id=platform_id,
    )
    return len(rows.all())


def close_gaps(platform_id: UUID, until_at: datetime, now: datetime) -> int:
    """Close the gaps whose reading is complete, each with the number of deals that it brought, and answer how many stay
    open: they were opened while the reading was on its way."""
    execute_sql(
        "UPDATE sync_gap AS g SET closed_at = :now, until_at = :until_at, deals = (SELECT count(*) FROM deal AS d"
        "  WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.batch_no > g.batch_no"
        "  AND d.at < :counted_until)"
        " WHERE g.tenant_id = :tenant_id AND g.platform_id = :platform_id AND g.closed_at IS NULL"
        " AND g.batch_no IS NOT NULL",
        platform_id=platform_id,
        until_at=until_at,
        counted_until=until_at + timedelta(seconds=2),  # Platforms tell their time in whole seconds.
        now=now,
    )
    return open_gaps(platform_id)


def open_gaps(platform_id: UUID) -> int:
    """How many gaps have not been read again yet."""
    statement = select(func.count()).select_from(SyncGap)
    return session().scalar(statement.where(SyncGap.platform_id == platform_id, SyncGap.closed_at.is_(None))) or 0


def gaps(platform_id: UUID, limit: int) -> Sequence[SyncGap]:
    """The latest gaps, the newest first."""
    statement = select(SyncGap).where(SyncGap.platform_id == platform_id).order_by(SyncGap.opened_at.desc())
    return session().scalars(statement.limit(limit).execution_options(populate_existing=True)).all()


def offsets(platform_id: UUID, limit: int) -> Sequence[ServerOffset]:
    """How the platform's clock stood ahead of UTC, the newest first."""
    statement = select(ServerOffset).where(ServerOffset.platform_id == platform_id)
    return session().scalars(statement.order_by(ServerOffset.from_msc.desc()).limit(limit)).all()


def operations_by_state(platform_id: UUID) -> dict[str, int]:
    """How many operations have no outcome yet, by state."""
    rows = execute_sql(
        "SELECT state, count(*) AS number FROM platform_operation WHERE tenant_id = :tenant_id"
        " AND platform_id = :platform_id AND state IN ('requested', 'sent', 'unknown') GROUP BY state",
        platform_id=platform_id,
    )
    return {row.state: int(row.number) for row in rows}


def conditions(platform_id: UUID) -> Mapping[str, Any]:
    """What incidents are made of, in one reading: the link, the bridge, and what waits for a person."""
    row = execute_sql(
        "SELECT s.link, s.link_changed_at, s.checked_at, s.bridge_seen_at, s.bridge_epoch,"
        " (SELECT count(*) FROM platform_operation AS o WHERE o.tenant_id = s.tenant_id"
        "  AND o.platform_id = s.platform_id AND o.state = 'unknown' AND o.amount_minor IS NOT NULL) AS unknown_money,"
        " (SELECT count(*) FROM sync_difference AS d WHERE d.tenant_id = s.tenant_id"
        "  AND d.platform_id = s.platform_id AND d.resolved_at IS NULL) AS differences,"
        " (SELECT count(*) FROM unmatched_deal AS u WHERE u.tenant_id = s.tenant_id"
        "  AND u.platform_id = s.platform_id AND u.resolved_at IS NULL) AS suspense,"
        " (SELECT count(*) FROM platform_trouble AS t WHERE t.tenant_id = s.tenant_id"
        "  AND t.platform_id = s.platform_id AND t.trouble = 'sign_in_stopped') AS stopped"
        " FROM platform_status AS s WHERE s.tenant_id = :tenant_id AND s.platform_id = :platform_id",
        platform_id=platform_id,
    ).one_or_none()
    return dict(row._mapping) if row is not None else {}


def subscription(platform_id: UUID, user_id: UUID) -> SyncSubscription | None:
    """What this person wants to be told of this platform."""
    statement = select(SyncSubscription).where(
        SyncSubscription.platform_id == platform_id, SyncSubscription.user_id == user_id
    )
    return session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def subscriptions(platform_id: UUID) -> Sequence[SyncSubscription]:
    """Who wants to be told of this platform."""
    statement = select(SyncSubscription).where(SyncSubscription.platform_id == platform_id)
    return session().scalars(statement.order_by(SyncSubscription.user_id)).all()


def lock_incident(platform_id: UUID, kind: IncidentKind) -> SyncIncident | None:
    """The open incident of a kind, locked."""
    statement = (
        select(SyncIncident)
        .where(SyncIncident.platform_id == platform_id, SyncIncident.kind == kind, SyncIncident.closed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def incidents(platform_id: UUID, limit: int) -> Sequence[SyncIncident]:
    """The latest incidents, the newest first."""
    statement = select(SyncIncident).where(SyncIncident.platform_id == platform_id)
    return session().scalars(statement.order_by(SyncIncident.opened_at.desc()).limit(limit)).all()


def incident_mails(incident_id: UUID) -> dict[UUID, SyncIncidentMail]:
    """Who was told of an incident."""
    statement = select(SyncIncidentMail).where(SyncIncidentMail.incident_id == incident_id)
    return {row.user_id: row for row in session().scalars(statement)}


def mails_since(user_id: UUID, since: datetime) -> int:
    """How many incidents a person has been told of since an instant."""
    statement = select(func.count()).select_from(SyncIncidentMail)
    statement = statement.where(SyncIncidentMail.user_id == user_id, SyncIncidentMail.sent_at >= since)
    return session().scalar(statement) or 0


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour in which an instant lies."""
    return at.replace(minute=0, second=0, microsecond=0)


def hours_before(at: datetime, hours: int) -> datetime:
    """The beginning of the hour so many hours before an instant."""
    return hour_of(at) - timedelta(hours=hours)
