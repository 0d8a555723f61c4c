"""Who takes part in the referral programme: everybody, those whom the broker approved, or those who were invited."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import session, tenant_id
from app.core.errors import Conflict, DomainError, Invalid
from app.kit import clock
from app.kit.text import Message, _l
from app.notifications.service import Recipient, notify
from app.referrals import permissions
from app.referrals.bundle import settings
from app.referrals.models import MembershipStatus, ReferralMembership
from app.restrictions import service as restrictions

NOTE_LENGTH_MAX = 1000
REASON_LENGTH_MAX = 500
AGAIN_AFTER = timedelta(days=30)
"""How long somebody who was refused waits before they apply again. Staff may admit them at any time."""


class NoApplications(DomainError):
    status_code = 409
    message = _l("This brand takes no applications. Ask the partner desk.")


class NotInProgramme(DomainError):
    """Somebody who may not bring in new clients tries to."""

    status_code = 403


class AlreadyDecided(Conflict):
    message = _l("This is decided already.")


class CannotLeave(DomainError):
    status_code = 409
    message = _l("Ask the partner desk if you want to leave the programme.")


def of_client(client_id: UUID, *, lock: bool = False) -> ReferralMembership | None:
    """What was said about a client's taking part; None for most clients of an open programme."""
    statement = select(ReferralMembership).where(ReferralMembership.client_id == client_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session().scalar(statement)


def is_member(client_id: UUID) -> bool:
    """Whether a client takes part, wherever they live and whatever is locked for them."""
    row = of_client(client_id)
    if settings().join == "open":
        return row is None or row.status not in (MembershipStatus.REFUSED, MembershipStatus.LEFT)
    return row is not None and row.status is MembershipStatus.APPROVED


def against(client_id: UUID) -> Message | None:
    """Why a client may not bring in anybody new, as a sentence to them; None where they may."""
    rules, row = settings(), of_client(client_id)
    if not rules.enabled:
        return _l("This brand has no referral programme at present.")
    if row is not None and row.status is MembershipStatus.LEFT:
        return _l("You have left the referral programme.")
    if row is not None and row.status is MembershipStatus.REFUSED:
        return _l("The broker has not admitted you to the referral programme.")
    if not is_member(client_id):
        if row is not None:
            return _l("The broker has not decided about your application yet.")
        if rules.join == "approval":
            return _l("The broker decides who takes part in the referral programme. You can apply.")
        return _l("This referral programme is for those who were invited.")
    if clients.get(client_id).country in rules.countries_denied:
        return _l("The referral programme is not offered in your country.")
    if restrictions.is_locked(permissions.REFERRAL_ATTRIBUTION, client_id):
        return _l("You cannot bring in new clients at present. Please contact support.")
    return None


def require(client_id: UUID) -> None:
    """Raise NotInProgramme, with the sentence, unless a client may bring in new ones."""
    found = against(client_id)
    if found is not None:
        raise NotInProgramme(found)


def may_be_paid(client_id: UUID) -> bool:
    """Whether a client is verified as far as the brand asks for before commission is paid out."""
    return clients.get(client_id).kyc_level >= settings().requires_kyc_level


def may_apply(client_id: UUID) -> bool:
    """Whether an application of this client would be taken."""
    rules, row = settings(), of_client(client_id)
    if not rules.enabled or rules.join != "approval" or clients.get(client_id).country in rules.countries_denied:
        return False
    if row is None or row.status is MembershipStatus.LEFT:
        return True
    return row.status is MembershipStatus.REFUSED and clock.now() >= (row.decided_at or row.applied_at) + AGAIN_AFTER


def apply(client_id: UUID, *, note: str, by: Actor) -> ReferralMembership:
    """Apply to take part. Staff decide, and the client hears of it by mail.

    Raises Restricted, NoApplications, AlreadyDecided while it waits or is approved, and Invalid.
    """
    restrictions.require(permissions.REFERRAL_ATTRIBUTION, client_id)
    note = note.strip()
    if len(note) > NOTE_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=NOTE_LENGTH_MAX), field="note")
    standing = of_client(client_id, lock=True)
    if standing is not None and standing.status in (MembershipStatus.APPLIED, MembershipStatus.APPROVED):
        raise AlreadyDecided
    if not may_apply(client_id):
        raise NoApplications
    row = _said(client_id, MembershipStatus.APPLIED, source="application", note=note)
    _record("referrals.member.apply", row, by, note)
    return row


def admit(client_id: UUID, *, reason: str, by: Actor) -> ReferralMembership:
    """Let a client take part: an answer to an application, or without one. Raises NotFound, AlreadyDecided, Invalid."""
    return _decide(client_id, MembershipStatus.APPROVED, reason, by)


def refuse(client_id: UUID, *, reason: str, by: Actor) -> ReferralMembership:
    """Refuse an application, or take a client out of the programme. Those below stay where they are.

    They earn nothing on trades that are settled from then on. Raises NotFound, AlreadyDecided; Invalid without reason.
    """
    if not reason.strip():
        raise Invalid(_l("Say why. The client reads it."), field="reason")
    return _decide(client_id, MembershipStatus.REFUSED, reason, by)


def admit_invited(client_id: UUID, *, by: Actor) -> None:
    """Somebody has accepted the invitation of a partner. Where the broker decides about everybody, it waits for that.

    Raises NotInProgramme for somebody whom the broker has refused.
    """
    row = of_client(client_id, lock=True)
    if row is not None and row.status is MembershipStatus.REFUSED:
        raise NotInProgramme(_l("The broker has not admitted you to the referral programme."))
    if is_member(client_id):
        return
    waits = settings().join == "approval"
    status = MembershipStatus.APPLIED if waits else MembershipStatus.APPROVED
    if row is not None and row.status is status:
        return
    made = _said(client_id, status, source="invitation", note="")
    _record("referrals.member.apply" if waits else "referrals.member.admit", made, by)


def leave(client_id: UUID, *, by: Actor) -> ReferralMembership:
    """Leave the programme: one's links bring in nobody, and trades that are settled from then on earn one nothing.

    What is earned stays. Raises CannotLeave where the brand does not offer it, AlreadyDecided.
    """
    if not settings().opt_out:
        raise CannotLeave
    row = of_client(client_id, lock=True)
    if not is_member(client_id) and (row is None or row.status is not MembershipStatus.APPLIED):
        raise AlreadyDecided
    left = _said(client_id, MembershipStatus.LEFT, source=row.source if row is not None else "application", note="")
    _record("referrals.member.leave", left, by)
    return left


def come_back(client_id: UUID, *, by: Actor) -> ReferralMembership:
    """Take part again after leaving, where everybody may. Raises AlreadyDecided, NoApplications."""
    row = of_client(client_id, lock=True)
    if row is None or row.status is not MembershipStatus.LEFT:
        raise AlreadyDecided
    if settings().join != "open":
        raise NoApplications
    back = _said(client_id, MembershipStatus.APPROVED, source=row.source, note=row.note)
    _record("referrals.member.return", back, by)
    return back


def members(status: str = "", *, limit: int, offset: int = 0) -> tuple[list[ReferralMembership], int]:
    """Those about whom something was said, applications first, then the newest; all, or those in one state."""
    wanted = select(ReferralMembership)
    if status:
        wanted = wanted.where(ReferralMembership.status == MembershipStatus(status))
    rows = session().scalars(
        wanted.order_by(
            ReferralMembership.status != MembershipStatus.APPLIED,
            ReferralMembership.applied_at.desc(),
            ReferralMembership.client_id,
        )
        .limit(limit)
        .offset(offset)
    )
    return list(rows), session().scalar(select(func.count()).select_from(wanted.subquery())) or 0


def instants_between(since: datetime, until: datetime) -> set[datetime]:
    """When somebody was admitted or refused, or left."""
    statement = select(ReferralMembership.decided_at).where(
        ReferralMembership.decided_at > since, ReferralMembership.decided_at <= until
    )
    return {at for at in session().scalars(statement) if at is not None}


def waiting_count() -> int:
    """How many applications wait."""
    statement = select(func.count()).where(
        ReferralMembership.tenant_id == tenant_id(), ReferralMembership.status == MembershipStatus.APPLIED
    )
    return int(session().scalar(statement) or 0)


def _decide(client_id: UUID, status: MembershipStatus, reason: str, by: Actor) -> ReferralMembership:
    reason, client = reason.strip(), clients.get(client_id)
    if len(reason) > REASON_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_LENGTH_MAX), field="reason")
    standing = of_client(client_id, lock=True)
    if standing is not None and standing.status is status:
        raise AlreadyDecided
    row = _said(
        client_id,
        status,
        source=standing.source if standing is not None else "staff",
        note=standing.note if standing is not None else "",
        reason=reason,
        decided_by=by,
    )
    _record(f"referrals.member.{'admit' if status is MembershipStatus.APPROVED else 'refuse'}", row, by, reason)
    template = "member_admitted" if status is MembershipStatus.APPROVED else "member_refused"
    notify(f"referrals.{template}", Recipient(client.email, client.name, client.language), reason=reason)
    return row


def _said(
    client_id: UUID,
    status: MembershipStatus,
    *,
    source: str,
    note: str,
    reason: str = "",
    decided_by: Actor | None = None,
) -> ReferralMembership:
    """Write down what holds from now on. Raises AlreadyDecided for whoever comes second."""
    row, now = of_client(client_id), clock.business_now()
    if row is None:
        row = ReferralMembership(client_id=client_id, status=status, source=source, note=note, applied_at=now)
        session().add(row)
    elif status is MembershipStatus.APPLIED:
        row.applied_at = now
    row.status, row.source, row.note, row.reason = status, source, note, reason
    row.decided_at = None if status is MembershipStatus.APPLIED else now
    row.decided_by_id = decided_by.id if decided_by is not None else None
    row.decided_by_name = decided_by.name if decided_by is not None else ""
    try:
        session().flush()
    except IntegrityError as error:
        raise AlreadyDecided from error
    return row


def _record(action: str, row: ReferralMembership, by: Actor, reason: str = "") -> None:
    audit.record(
        action,
        ("referral_membership", row.client_id),
        by=by,
        after={"status": row.status.value, "source": row.source},
        reason=reason,
        client_id=row.client_id,
    )
    live.publish(f"partner:{row.client_id}", "network-changed")
    live.publish("office", "tree-changed")
