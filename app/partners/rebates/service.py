"""What partners and the office do about shares: wish for one, agree, change, end. Nothing here changes the past."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, get, session
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.text import _l
from app.notifications.service import Recipient, notify
from app.partners import permissions, versions
from app.partners.labels import masked
from app.partners.rebates.models import AgreementStatus, ShareAgreement
from app.partners.rebates.terms import Rebates
from app.partners.rules.shares import ShareKind
from app.referrals import queries as tree
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions

PLACES = 4
TRACKS = ("", "referral", "god")


class NotOffered(DomainError):
    status_code = 409
    message = _l("The commission plan does not let partners share in this way.")


class ShareTooLarge(Invalid):
    message = _l("The plan allows at most %(most)s.")
    field = "share"


class AlreadyDecided(Conflict):
    message = _l("Somebody has already decided about this.")


def terms() -> Rebates | None:
    """What the plan says that will be in force when a change made now begins; None where nobody shares."""
    version = versions.version_at(next_start())
    return version.plan.rebates if version is not None else None


def next_start() -> datetime:
    """When a change made now begins: with the next settlement day."""
    cut = versions.day_cut()
    return cut.end_of(cut.day_of(clock.business_now()))


def set_rebate(
    giver_id: UUID, receiver_id: UUID | None, share: Decimal, *, track: str = "", by: Actor, request_id: str
) -> ShareAgreement:
    """Give a client, or with nobody named every own client, a share of one's lines from the next settlement day.

    Where the plan asks for it the broker decides first; a later wish takes the place of one that still waits. The same
    `request_id` answers the first one. Raises Restricted, NotOffered, NotFound, ShareTooLarge and Invalid.
    """
    restrictions.require(permissions.COMMISSION_SHARING, giver_id)
    rebates = terms()
    if rebates is None or rebates.rebate_max <= 0:
        raise NotOffered
    _require_within(share, rebates.rebate_max)
    if track not in TRACKS:
        raise Invalid(_l("Choose one of the kinds of commission."), field="track")
    if receiver_id is not None and not tree.is_below(receiver_id, giver_id, clock.business_now()):
        raise NotFound
    _lock()
    standing = _by_request(request_id)
    if standing is not None:
        return standing
    waits = rebates.approval == "office"
    wish = _wish("rebate", giver_id, receiver_id, track, share, by, request_id, waits=waits)
    _record("partners.share.wish" if waits else "partners.share.agree", wish, by)
    return wish


def set_sub_share(
    master_id: UUID, sub_id: UUID, kind: ShareKind, share: Decimal, *, track: str = "", by: Actor, request_id: str
) -> ShareAgreement:
    """Give a direct sub-partner a share of what one earns below them, or take one of what they earn themselves.

    It begins with the next settlement day, and the sub-partner is told by mail. Raises as `set_rebate` does.
    """
    restrictions.require(permissions.COMMISSION_SHARING, master_id)
    require_offered(kind, share)
    if track not in TRACKS:
        raise Invalid(_l("Choose one of the kinds of commission."), field="track")
    if tree.parent_at(sub_id, clock.business_now()) != master_id:
        raise NotFound
    _lock()
    standing = _by_request(request_id)
    if standing is not None:
        return standing
    giver_id, receiver_id = (master_id, sub_id) if kind == "give" else (sub_id, master_id)
    agreement = _wish(kind, giver_id, receiver_id, track, share, by, request_id, waits=False)
    _record("partners.share.agree", agreement, by)
    _tell_sub(agreement, sub_id, master_id)
    return agreement


def require_offered(kind: ShareKind, share: Decimal, *, field: str = "share") -> None:
    """Raise NotOffered or ShareTooLarge unless the plan lets a partner give a sub-partner so much, or take it."""
    rebates = terms()
    most = Decimal(0) if rebates is None else {"give": rebates.give_max, "take": rebates.take_max}[kind]
    if most <= 0:
        raise NotOffered
    _require_within(share, most, field=field)


def end(agreement_id: UUID, owner_id: UUID, *, by: Actor) -> ShareAgreement:
    """End what one gives or takes, from the next settlement day; a wish, or what has not begun, is withdrawn.

    Only who made it can end it. Raises Restricted, NotFound, and AlreadyDecided for what is over.
    """
    restrictions.require(permissions.COMMISSION_SHARING, owner_id)
    _lock()
    found = get(ShareAgreement, agreement_id, lock=True)
    if found is None or owner_of(found) != owner_id:
        raise NotFound
    start = next_start()
    if found.status is AgreementStatus.WAITING:
        found.status = AgreementStatus.WITHDRAWN
    elif found.status is AgreementStatus.AGREED and found.valid_to > start:
        _close(found, start)
    else:
        raise AlreadyDecided
    session().flush()
    _record("partners.share.end", found, by)
    if found.kind != "rebate":
        _tell_sub(found, found.receiver_id if found.kind == "give" else found.giver_id, owner_id)
    return found


def approve(agreement_id: UUID, *, by: Actor) -> ShareAgreement:
    """Agree to a wish that waits: it begins with the next settlement day, in the place of what held before.

    Raises NotFound, AlreadyDecided, Restricted, and NotOffered or ShareTooLarge where the plan has changed since.
    """
    found = _waiting(agreement_id)
    restrictions.require(permissions.COMMISSION_SHARING, found.giver_id)  # A lock may have come since the wish.
    rebates = terms()
    if rebates is None:
        raise NotOffered
    _require_within(found.share, rebates.rebate_max)
    start = next_start()
    _make_room(found, start)
    found.status, found.valid_from = AgreementStatus.AGREED, start
    found.decided_by_name, found.decided_at = by.name, clock.now()
    session().flush()
    _record("partners.share.approve", found, by)
    _tell_partner(found)
    return found


def refuse(agreement_id: UUID, *, reason: str, by: Actor) -> ShareAgreement:
    """Refuse a wish that waits; what held before goes on. Raises NotFound, AlreadyDecided; Invalid without reason."""
    if not reason.strip():
        raise Invalid(_l("Say why. The partner reads it."), field="reason")
    found = _waiting(agreement_id)
    found.status, found.reason = AgreementStatus.REFUSED, reason.strip()[:500]
    found.decided_by_name, found.decided_at = by.name, clock.now()
    session().flush()
    _record("partners.share.refuse", found, by)
    _tell_partner(found)
    return found


def owner_of(agreement: ShareAgreement) -> UUID | None:
    """Who made an agreement and may end it: the sponsor where something is taken, else the giver."""
    return agreement.receiver_id if agreement.kind == "take" else agreement.giver_id


def _require_within(share: Decimal, most: Decimal, *, field: str = "share") -> None:
    if not share.is_finite() or not 0 <= share <= 1 or share != round(share, PLACES):
        raise Invalid(_l("Give a percentage from 0 to 100 with at most two decimals."), field=field)
    if share > most:
        raise ShareTooLarge(most=f"{(most * 100).normalize():f}%", field=field)


def _lock() -> None:
    """One change of a tenant's shares at a time: two that are each allowed could overlap together."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('share_agreement'), :tenant_id)")


def _by_request(request_id: str) -> ShareAgreement | None:
    return session().scalar(select(ShareAgreement).where(ShareAgreement.request_id == request_id))


def _wish(
    kind: ShareKind,
    giver_id: UUID,
    receiver_id: UUID | None,
    track: str,
    share: Decimal,
    by: Actor,
    request_id: str,
    *,
    waits: bool,
) -> ShareAgreement:
    start = next_start()
    found = ShareAgreement(
        kind=kind,
        giver_id=giver_id,
        receiver_id=receiver_id,
        track=track,
        share=share,
        status=AgreementStatus.WAITING if waits else AgreementStatus.AGREED,
        valid_from=None if waits else start,
        valid_to=FOREVER,
        asked_by=by.id,
        asked_by_name=by.name,
        asked_at=clock.now(),
        decided_by_name="",
        decided_at=None,
        reason="",
        request_id=request_id,
    )
    for older in _same(found, AgreementStatus.WAITING):
        older.status = AgreementStatus.WITHDRAWN
    if not waits:
        _make_room(found, start)
    session().flush()  # What is replaced ends before what replaces it begins.
    session().add(found)
    session().flush()
    return found


def _make_room(agreement: ShareAgreement, start: datetime) -> None:
    """End what holds between the same people, of the same kind and track, where the new one begins."""
    for older in _same(agreement, AgreementStatus.AGREED):
        if older.valid_to > start:
            _close(older, start)
    session().flush()


def _close(agreement: ShareAgreement, at: datetime) -> None:
    """End an agreement; one that has not begun by then never holds."""
    assert agreement.valid_from is not None, "What is agreed has a beginning."
    if agreement.valid_from >= at:
        agreement.status, agreement.valid_from = AgreementStatus.WITHDRAWN, None
    else:
        agreement.valid_to = at


def _same(agreement: ShareAgreement, status: AgreementStatus) -> list[ShareAgreement]:
    to_same = (
        ShareAgreement.receiver_id.is_(None)
        if agreement.receiver_id is None
        else ShareAgreement.receiver_id == agreement.receiver_id
    )
    statement = (
        select(ShareAgreement)
        .where(
            ShareAgreement.kind == agreement.kind,
            ShareAgreement.giver_id == agreement.giver_id,
            ShareAgreement.track == agreement.track,
            ShareAgreement.status == status,
            to_same,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session().scalars(statement))


def _waiting(agreement_id: UUID) -> ShareAgreement:
    _lock()
    found = get(ShareAgreement, agreement_id, lock=True)
    if found is None:
        raise NotFound
    if found.status is not AgreementStatus.WAITING:
        raise AlreadyDecided
    return found


def _record(action: str, agreement: ShareAgreement, by: Actor) -> None:
    audit.record(
        action,
        agreement,
        by=by,
        after={
            "kind": agreement.kind,
            "giver": agreement.giver_id,
            "receiver": agreement.receiver_id,
            "track": agreement.track,
            "share": str(agreement.share),
            "status": agreement.status.value,
            "from": agreement.valid_from,
            "until": None if agreement.valid_to == FOREVER else agreement.valid_to,
        },
        reason=agreement.reason,
        client_id=agreement.giver_id,
    )
    live.publish(f"partner:{agreement.giver_id}", "shares-changed")
    if agreement.receiver_id is not None:
        live.publish(f"partner:{agreement.receiver_id}", "shares-changed")
    live.publish("office", "shares-changed")


def _tell_sub(agreement: ShareAgreement, sub_id: UUID | None, master_id: UUID) -> None:
    """Write to the sub-partner what changes for them, and from when."""
    assert sub_id is not None, "A share between partners names both."
    master = clients.get(master_id)
    _write_to(
        sub_id,
        "share_changed",
        kind=agreement.kind,
        share=agreement.share,
        is_over=agreement.valid_to != FOREVER or agreement.status is AgreementStatus.WITHDRAWN,
        start=next_start(),
        partner=masked(master.name),
    )


def _tell_partner(agreement: ShareAgreement) -> None:
    """Write to the partner what the broker decided."""
    name = masked(clients.get(agreement.receiver_id).name) if agreement.receiver_id is not None else ""
    _write_to(
        agreement.giver_id,
        "rebate_decided",
        client=name,
        share=agreement.share,
        is_agreed=agreement.status is AgreementStatus.AGREED,
        start=agreement.valid_from,
        reason=agreement.reason,
    )


def _write_to(client_id: UUID, template: str, **params: object) -> None:
    client = clients.get(client_id)
    notify(f"partners.{template}", Recipient(client.email, client.name, client.language), **params)


def waiting_count() -> int:
    """How many wishes wait for the office."""
    statement = select(func.count()).select_from(ShareAgreement).where(ShareAgreement.status == AgreementStatus.WAITING)
    return session().scalar(statement) or 0
