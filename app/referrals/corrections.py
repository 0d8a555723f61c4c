"""Correcting a wrong attribution: proposed by one person, approved by another, counting from an instant of the past."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import features, live
from app.core.actor import Actor
from app.core.db import session, undone
from app.core.errors import Conflict, DomainError, Invalid
from app.core.events import publish
from app.kit import clock
from app.kit.text import _l, _ln
from app.referrals import letters, moves, queries
from app.referrals.bundle import settings
from app.referrals.events import SponsorChanged
from app.referrals.links import Author, Change, put_below
from app.referrals.models import Reattribution, ReattributionLink, ReattributionStatus

REASON_LENGTH_MAX = 500


class CorrectionWaits(Conflict):
    message = _l("A correction for this client waits for a second person already.")


class CorrectionDecided(Conflict):
    message = _l("Somebody has already decided this correction.")


class SamePerson(DomainError):
    status_code = 403
    message = _l("Another person than the one who proposed the correction has to decide it.")


def propose(
    client_id: UUID, parent_id: UUID | None, *, since: datetime, reason: str, by: Actor, request_id: str
) -> Reattribution:
    """Propose that a client has stood below this partner (or nobody) since an instant. Nothing changes before approval.

    The same `request_id` answers the first proposal. Raises NotFound, Invalid naming the field, CorrectionWaits,
    WouldCloseCycle, AlreadyThere.
    """
    assert by.id is not None, "A correction is proposed by a person."
    client, reason = clients.get(client_id), _checked(reason)
    queries.lock_tree(exclusively=True)
    standing = queries.reattribution_by_request(request_id)
    if standing is not None:
        return standing
    _refuse_instant(since, client.created_at)
    with undone():
        change = _change(client_id, parent_id, since, Author("preview", by, "preview"))
    row = Reattribution(
        client_id=client_id,
        old_parent_id=change.old_parent_id,
        new_parent_id=parent_id,
        since=since,
        reason=reason,
        status=ReattributionStatus.PROPOSED,
        trade_count=0,
        proposed_by_id=by.id,
        proposed_by_name=by.name,
        proposed_at=clock.now(),
        decided_by_id=None,
        decided_by_name="",
        decided_at=None,
        decision_note="",
        request_id=request_id,
    )
    session().add(row)
    try:
        session().flush()
    except IntegrityError as error:
        raise CorrectionWaits from error
    audit.record(
        "referrals.reattribute.propose",
        row,
        by=by,
        before={"sponsor": _text(row.old_parent_id)},
        after={"sponsor": _text(parent_id), "since": since.isoformat()},
        reason=reason,
        client_id=client_id,
    )
    live.publish("office", "tree-changed")
    return row


def approve(reattribution_id: UUID, *, by: Actor) -> Reattribution:
    """Put the attribution right: links change from the instant on, and trades settled since are settled anew.

    Their old lines are reversed and new ones written by the next settlement. Both partners are told. Raises NotFound,
    CorrectionDecided, SamePerson, WouldCloseCycle, AlreadyThere, Invalid when the window has passed meanwhile.
    """
    queries.lock_tree(exclusively=True)
    row = _locked(reattribution_id, by)
    _refuse_instant(row.since, None)
    people = queries.below_from(row.client_id, row.since)
    for settle_anew in features.port("referrals.settle_anew"):
        row.trade_count += settle_anew(row.id, people, row.since)
    author = Author(row.reason, by, f"reattribution:{row.id}")
    change = _change(row.client_id, row.new_parent_id, row.since, author)
    session().add_all(
        ReattributionLink(reattribution_id=row.id, link_id=link_id, was_valid_to=was) for link_id, was in change.rows()
    )
    _decide(row, ReattributionStatus.APPROVED, by, "")
    publish(SponsorChanged(row.client_id, row.old_parent_id, row.new_parent_id, row.since, is_new=False))
    for partner_id in {row.old_parent_id, row.new_parent_id} - {None}:
        live.publish(f"partner:{partner_id}", "network-changed")
    letters.reattributed(row)
    return row


def refuse(reattribution_id: UUID, *, note: str, by: Actor) -> Reattribution:
    """Decide that nothing is corrected; whoever proposed it may take it back so. Raises NotFound, CorrectionDecided."""
    row = _locked(reattribution_id, by, may_be_same=True)
    _decide(row, ReattributionStatus.REFUSED, by, _checked(note, "note"))
    return row


class _Corrected(Change):
    """What happened to links, and who stood directly above when the correction begins to count."""

    old_parent_id: UUID | None = None


def _change(client_id: UUID, parent_id: UUID | None, since: datetime, author: Author) -> _Corrected:
    change = _Corrected()
    links = queries.open_links(client_id, since)
    holder = next((link for link in links if link.valid_from <= since < link.valid_to), None)
    change.old_parent_id = holder.parent_id if holder is not None else None
    is_the_same = change.old_parent_id == parent_id and (not links or links[-1] is holder)
    if is_the_same:
        raise moves.AlreadyThere
    for link in links:
        change.end(link, since)
    session().flush()
    if parent_id is not None:
        height = max(queries.people_below(client_id, since), default=0)
        moves.go_along(put_below(change, client_id, parent_id, since, author, height=height))
    return change


def _refuse_instant(since: datetime, registered_at: datetime | None) -> None:
    """Raise Invalid for an instant to come or before the window; registration itself may lie a moment later."""
    now, days = clock.business_now(), settings().reattribute_window_days
    if since > now:
        raise Invalid(_l("Give an instant that has passed. For what is to come, enter a move."), field="since")
    if since < now - timedelta(days=days):
        raise Invalid(
            _ln(
                "An attribution can be corrected for the last day at most.",
                "An attribution can be corrected for the last %(num)s days at most.",
                days,
            ),
            field="since",
        )
    if registered_at is not None and since < registered_at - timedelta(days=1):
        raise Invalid(_l("The client had not signed up then."), field="since")


def _locked(reattribution_id: UUID, by: Actor, *, may_be_same: bool = False) -> Reattribution:
    row = queries.lock_reattribution(reattribution_id)
    if row.status is not ReattributionStatus.PROPOSED:
        raise CorrectionDecided
    if by.id is None or (by.id == row.proposed_by_id and not may_be_same):
        raise SamePerson
    return row


def _decide(row: Reattribution, status: ReattributionStatus, by: Actor, note: str) -> None:
    row.status, row.decided_by_id, row.decided_by_name = status, by.id, by.name
    row.decided_at, row.decision_note = clock.now(), note
    session().flush()
    audit.record(
        f"referrals.reattribute.{'approve' if status is ReattributionStatus.APPROVED else 'refuse'}",
        row,
        by=by,
        after={"sponsor": _text(row.new_parent_id), "since": row.since.isoformat(), "trades": row.trade_count},
        reason=note,
        client_id=row.client_id,
    )
    live.publish("office", "tree-changed")


def _checked(reason: str, field: str = "reason") -> str:
    reason = reason.strip()
    if not reason:
        raise Invalid(_l("Fill in this field."), field=field)
    if len(reason) > REASON_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_LENGTH_MAX), field=field)
    return reason


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
