"""Releasing money before its audit period ends: one person asks and says why, another one decides."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners.payouts import queries
from app.partners.payouts.models import EarlyRelease, EarlyReleaseStatus

REASON_LENGTH_MAX = 500


class NothingUnderAudit(Conflict):
    message = _l("Nothing of this day is under audit.")


class AlreadyAsked(Conflict):
    message = _l("Somebody has asked for this already. It waits for another person.")


class AlreadyDecided(Conflict):
    message = _l("Somebody has already decided this. Nothing has been changed.")


class OwnRequest(Forbidden):
    message = _l("You asked for this release, so another person decides.")


def request_early_release(partner_id: UUID, day: date, reason: str, *, by: Actor) -> EarlyRelease:
    """Ask for what a partner got on a day to be released now. It waits for another person.

    Raises NotFound, NothingUnderAudit, AlreadyAsked, Invalid.
    """
    assert by.id is not None, "Only a person asks."
    client = clients.get(partner_id)
    said = _checked(reason)
    batches = queries.under_audit(client.id, day, lock=True)
    if not batches:
        raise NothingUnderAudit
    if queries.early_releases(partner_id=client.id, day=day, status=EarlyReleaseStatus.WAITING):
        raise AlreadyAsked
    row = EarlyRelease(
        id=new_id(),
        partner_id=client.id,
        business_date=day,
        reason=said,
        status=EarlyReleaseStatus.WAITING,
        asked_by=by.id,
        asked_by_name=by.name,
        asked_at=clock.now(),
        decided_by=None,
        decided_by_name="",
        decided_at=None,
        note="",
    )
    session().add(row)
    session().flush()
    audit.record(
        "partners.early_release.request",
        row,
        by=by,
        after={"day": day.isoformat(), "amount": str([str(batch.remaining) for batch in batches])},
        reason=said,
        client_id=client.id,
    )
    live.publish("office", "payouts-changed")
    return row


def approve_early_release(release_id: UUID, *, by: Actor) -> EarlyRelease:
    """Let the money go now: its batches are due at once, and the next sweep releases them by its own rules.

    Locks of the partner still hold it. Raises NotFound, AlreadyDecided, OwnRequest, NothingUnderAudit.
    """
    row = _lock(release_id, by)
    batches = queries.under_audit(row.partner_id, row.business_date, lock=True)
    if not batches:
        raise NothingUnderAudit
    now = clock.business_now()
    for batch in batches:
        batch.due_at = min(batch.due_at, now)
    _decide(row, EarlyReleaseStatus.APPROVED, "", by)
    enqueue_after_commit("partners.release")
    return row


def refuse_early_release(release_id: UUID, note: str, *, by: Actor) -> EarlyRelease:
    """Leave the money under audit. Raises NotFound, AlreadyDecided, Invalid."""
    row = queries.early_release(release_id, lock=True)
    if row.status is not EarlyReleaseStatus.WAITING:
        raise AlreadyDecided
    _decide(row, EarlyReleaseStatus.REFUSED, _checked(note), by)
    return row


def _lock(release_id: UUID, by: Actor) -> EarlyRelease:
    row = queries.early_release(release_id, lock=True)
    if row.status is not EarlyReleaseStatus.WAITING:
        raise AlreadyDecided
    if row.asked_by == by.id:
        raise OwnRequest
    return row


def _decide(row: EarlyRelease, status: EarlyReleaseStatus, note: str, by: Actor) -> None:
    assert by.id is not None, "Only a person decides."
    row.status, row.note = status, note
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    session().flush()
    audit.record(
        f"partners.early_release.{'approve' if status is EarlyReleaseStatus.APPROVED else 'refuse'}",
        row,
        by=by,
        after={"day": row.business_date.isoformat()},
        reason=note or row.reason,
        client_id=row.partner_id,
    )
    live.publish("office", "payouts-changed")


def _checked(reason: str) -> str:
    said = reason.strip()
    if not said:
        raise Invalid(_l("Say why."), field="reason")
    if len(said) > REASON_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_LENGTH_MAX), field="reason")
    return said
