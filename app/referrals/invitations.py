"""Invitations of sub-partners: mailed by a partner, accepted once by whoever reads that mailbox."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid, NotFound, TooMany
from app.core.events import publish
from app.identity import queries as logins
from app.identity import rules as identity
from app.identity.rules import UserKind
from app.identity.service import throttle
from app.kit import clock
from app.kit.ids import new_token
from app.kit.text import _l
from app.notifications.service import Recipient, notify
from app.referrals import membership, permissions, queries, service
from app.referrals.bundle import settings
from app.referrals.events import InvitationAccepted
from app.referrals.models import InvitationStatus, SubIBInvitation
from app.referrals.rules import BY_INVITATION
from app.restrictions import service as restrictions

SENT_PER_DAY = 30
"""Invitations that one partner may mail in a day, those sent again included."""
SENT_PER_ADDRESS = 3
"""Invitations that one address may get in a day, whoever sends them."""
_DAY_SECONDS = 86_400


class InvitationGone(DomainError):
    """It was accepted, withdrawn, sent again with another link, is too old, or never was ours."""

    status_code = 410
    message = _l("This invitation no longer holds. Ask for a new one.")


class TooManyInvitations(TooMany):
    message = _l("You have sent as many invitations as a day allows. Try again tomorrow.")


class AlreadyInvited(Conflict):
    message = _l("You have invited this address already. Send that invitation again or withdraw it.")
    field = "email"


class NotYourself(Invalid):
    message = _l("This is your own address.")
    field = "email"


class OtherAddress(DomainError):
    """The signed-in client is not who was invited."""

    status_code = 403
    message = _l("This invitation went to another address than yours. Sign in with that one to accept it.")


class HasPartner(Conflict):
    message = _l("You have another partner, or had one. Only the broker can change that.")


class InvitationEnded(Conflict):
    message = _l("This invitation is accepted or withdrawn already.")


def send(
    inviter_id: UUID,
    email: str,
    *,
    language: str,
    by: Actor,
    give_share: Decimal | None = None,
    take_share: Decimal | None = None,
) -> SubIBInvitation:
    """Invite somebody by mail to be a partner below one. Nothing tells whether the address is a client's.

    Raises Restricted, NotInProgramme, Invalid naming the field, AlreadyInvited, TooManyInvitations.
    """
    restrictions.require(permissions.REFERRAL_ATTRIBUTION, inviter_id)
    membership.require(inviter_id)
    if not identity.is_email(email):
        raise Invalid(_l("Enter an e-mail address such as name@example.com."), field="email")
    email_norm = identity.normal_email(email)
    if email_norm == clients.get(inviter_id).email_norm:
        raise NotYourself
    standing = session().scalar(
        select(SubIBInvitation).where(
            SubIBInvitation.inviter_id == inviter_id,
            SubIBInvitation.email_norm == email_norm,
            SubIBInvitation.status == InvitationStatus.SENT,
        )
    )
    now = clock.now()
    if standing is not None and standing.is_open(now):
        raise AlreadyInvited
    if standing is not None:  # Too old to be accepted: the new one takes its place.
        _end(standing, InvitationStatus.CANCELLED)
        session().flush()
    _take_turn(inviter_id, email_norm)
    token = new_token()
    row = SubIBInvitation(
        inviter_id=inviter_id,
        email=email.strip(),
        email_norm=email_norm,
        language=language,
        status=InvitationStatus.SENT,
        token_hash=identity.digest(token),
        give_share=give_share,
        take_share=take_share,
        created_at=now,
        sent_at=now,
        sent_count=1,
        expires_at=now + timedelta(days=settings().invitation_days),
        ended_at=None,
        client_id=None,
    )
    session().add(row)
    try:
        session().flush()
    except IntegrityError as error:
        raise AlreadyInvited from error
    _mail(row, token)
    _record("referrals.invitation.send", row, by)
    return row


def send_again(invitation_id: UUID, inviter_id: UUID, *, by: Actor) -> SubIBInvitation:
    """Mail an invitation anew, with a new link and a new term; the link before stops working.

    Raises NotFound, Restricted, NotInProgramme, InvitationEnded, TooManyInvitations.
    """
    row = _of(invitation_id, inviter_id)
    restrictions.require(permissions.REFERRAL_ATTRIBUTION, inviter_id)
    membership.require(inviter_id)
    if row.status is not InvitationStatus.SENT:
        raise InvitationEnded
    _take_turn(inviter_id, row.email_norm)
    token, now = new_token(), clock.now()
    row.token_hash, row.sent_at, row.sent_count = identity.digest(token), now, row.sent_count + 1
    row.expires_at = now + timedelta(days=settings().invitation_days)
    session().flush()
    _mail(row, token)
    _record("referrals.invitation.send_again", row, by)
    return row


def withdraw(invitation_id: UUID, inviter_id: UUID, *, by: Actor) -> SubIBInvitation:
    """Take an invitation back: its link stops working. Raises NotFound, InvitationEnded."""
    row = _of(invitation_id, inviter_id)
    if row.status is not InvitationStatus.SENT:
        raise InvitationEnded
    _end(row, InvitationStatus.CANCELLED)
    session().flush()
    _record("referrals.invitation.withdraw", row, by)
    return row


def by_token(token: str) -> SubIBInvitation:
    """The invitation behind a link that still works. Raises InvitationGone."""
    return _working(token)


def has_login(invitation: SubIBInvitation) -> bool:
    """Whether the invited address is a client's: known only to whoever holds the link that went there."""
    return logins.user_by_email(UserKind.CLIENT, invitation.email_norm) is not None


def accept(token: str, client_id: UUID, *, by: Actor) -> SubIBInvitation:
    """Take up an invitation as the client to whose address it went, and stand below the inviter from now on.

    The link works once. Who has no partner gets the inviter; who has another one keeps them. Raises InvitationGone,
    OtherAddress, NotInProgramme, HasPartner, WouldCloseCycle, TreeTooDeep.
    """
    row = _working(token, lock=True)
    client = clients.get(client_id)
    if client.email_norm != row.email_norm:
        raise OtherAddress
    inviter_may = membership.against(row.inviter_id) is None
    if not inviter_may or client.country in settings().countries_denied:
        raise InvitationGone
    links = queries.links_of(client_id)
    if not links:
        service.attribute(client_id, row.inviter_id, reason=BY_INVITATION, by=by, request_id=f"invitation:{row.id}")
    elif queries.parent_at(client_id, clock.business_now()) != row.inviter_id:
        if queries.standing(client_id, row.inviter_id, clock.business_now()).closes_cycle:
            raise service.WouldCloseCycle
        raise HasPartner
    membership.admit_invited(client_id, by=by)
    _end(row, InvitationStatus.ACCEPTED, client_id)
    session().flush()
    _record("referrals.invitation.accept", row, by)
    inviter = clients.get(row.inviter_id)
    notify(
        "referrals.invitation_accepted",
        Recipient(inviter.email, inviter.name, inviter.language),
        email=row.email,
        number=client.number,
    )
    publish(InvitationAccepted(row.id, row.inviter_id, client_id, row.give_share, row.take_share))
    return row


def invitations(*, inviter_id: UUID | None = None, limit: int, offset: int = 0) -> tuple[list[SubIBInvitation], int]:
    """Invitations of one partner or of all, the newest first, and how many there are."""
    wanted = select(SubIBInvitation)
    if inviter_id is not None:
        wanted = wanted.where(SubIBInvitation.inviter_id == inviter_id)
    rows = session().scalars(
        wanted.order_by(SubIBInvitation.created_at.desc(), SubIBInvitation.id.desc()).limit(limit).offset(offset)
    )
    return list(rows), session().scalar(select(func.count()).select_from(wanted.subquery())) or 0


def _of(invitation_id: UUID, inviter_id: UUID) -> SubIBInvitation:
    row = get(SubIBInvitation, invitation_id, lock=True)
    if row is None or row.inviter_id != inviter_id:
        raise NotFound
    return row


def _working(token: str, *, lock: bool = False) -> SubIBInvitation:
    statement = select(SubIBInvitation).where(SubIBInvitation.token_hash == identity.digest(token))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session().scalar(statement)
    if row is None or not row.is_open(clock.now()):
        raise InvitationGone
    return row


def _take_turn(inviter_id: UUID, email_norm: str) -> None:
    of_partner = throttle.limit("sub_ib_sent", str(inviter_id), times=SENT_PER_DAY, seconds=_DAY_SECONDS)
    of_address = throttle.limit(
        "sub_ib_address", identity.digest(email_norm), times=SENT_PER_ADDRESS, seconds=_DAY_SECONDS
    )
    if not (of_partner and of_address):
        raise TooManyInvitations


def _end(row: SubIBInvitation, status: InvitationStatus, client_id: UUID | None = None) -> None:
    row.status, row.ended_at, row.client_id = status, clock.now(), client_id


def _mail(row: SubIBInvitation, token: str) -> None:
    inviter = clients.get(row.inviter_id)
    notify(
        "referrals.sub_partner_invited",
        Recipient(row.email, row.email, row.language),
        inviter=inviter.name,
        token=token,
        until=row.expires_at,
    )


def _record(action: str, row: SubIBInvitation, by: Actor) -> None:
    audit.record(
        action,
        row,
        by=by,
        after={"email": row.email, "status": row.status.value, "give": row.give_share, "take": row.take_share},
        client_id=row.inviter_id,
    )
    live.publish(f"partner:{row.inviter_id}", "network-changed")
    live.publish("office", "tree-changed")
