"""Invitations of sub-partners with shares of one's own: within the plan's limits, agreed when one is accepted."""

from __future__ import annotations

from decimal import Decimal

import structlog

from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import DomainError
from app.partners import permissions
from app.partners.rebates import service as shares
from app.partners.rules.shares import ShareKind
from app.referrals import invitations
from app.referrals.events import InvitationAccepted
from app.referrals.models import SubIBInvitation
from app.restrictions import service as restrictions

log = structlog.get_logger()


def invite(
    email: str,
    *,
    language: str,
    give_share: Decimal | None,
    take_share: Decimal | None,
    by: Actor,
) -> SubIBInvitation:
    """Invite somebody to be a partner below the client who acts, with what one would give them or take from them.

    Raises what `invitations.send` raises; NotOffered and ShareTooLarge where the plan does not allow a share.
    """
    assert by.client_id is not None, "Partners are clients."
    offered: tuple[tuple[ShareKind, Decimal | None], ...] = (("give", give_share), ("take", take_share))
    for kind, share in offered:
        if share is not None:
            restrictions.require(permissions.COMMISSION_SHARING, by.client_id)
            shares.require_offered(kind, share, field=kind)
    return invitations.send(by.client_id, email, language=language, give_share=give_share, take_share=take_share, by=by)


def on_accepted(event: InvitationAccepted) -> None:
    """Agree to what the invitation offered, from the next settlement day, as if the inviter did it now.

    What the plan no longer allows, or a lock forbids, is left out: the sub-partner stands below the inviter all the
    same, and the inviter may agree to something else.
    """
    inviter = clients.get(event.inviter_id)
    by = Actor("client", inviter.user_id, inviter.name, client_id=inviter.id)
    offered: tuple[tuple[ShareKind, Decimal | None], ...] = (("give", event.give_share), ("take", event.take_share))
    for kind, share in offered:
        if not share:
            continue
        try:
            with session().begin_nested():
                shares.set_sub_share(
                    event.inviter_id,
                    event.client_id,
                    kind,
                    share,
                    by=by,
                    request_id=f"invitation:{event.invitation_id}:{kind}",
                )
        except DomainError as refusal:
            log.info("partners.invited_share_refused", inviter=str(event.inviter_id), kind=kind, reason=refusal.code)
