"""The sponsor tree: codes, the first sponsor at registration; moves and corrections stand in modules of their own."""

from __future__ import annotations

from uuid import UUID

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict
from app.core.events import publish
from app.kit import clock
from app.kit.ids import reference
from app.kit.text import _l
from app.referrals import membership, moves, queries
from app.referrals.bundle import settings
from app.referrals.events import SponsorChanged
from app.referrals.links import Author, Change, TreeTooDeep, WouldCloseCycle, put_below
from app.referrals.models import PartnerLink, ReferralCode
from app.referrals.moves import AlreadyThere, When, moment_of
from app.referrals.rules import BY_INVITATION, BY_LINK, normal_code

__all__ = [
    "AlreadyAttributed",
    "AlreadyThere",
    "TreeTooDeep",
    "When",
    "WouldCloseCycle",
    "attribute",
    "give_code",
    "moment_of",
    "move",
    "sponsor_by_code",
]

move = moves.enter


class AlreadyAttributed(Conflict):
    message = _l("This client already has a sponsor. Use a move to change it.")


def give_code(client_id: UUID) -> str:
    """The client's referral code, made when they have none. Codes carry no name and no number of anybody."""
    found = queries.code_of(client_id)
    if found is not None:
        return found
    return add_code(client_id)


def add_code(client_id: UUID) -> str:
    """One more code for a client, for a link of its own."""
    code = reference("R").replace("-", "")[1:]
    session().add(ReferralCode(code=code, client_id=client_id, visits=0, created_at=clock.now()))
    session().flush()
    return code


def sponsor_by_code(text: str, *, country: str = "") -> UUID | None:
    """Whom a code belongs to, or None when there is no such code or its owner may not bring in anybody.

    `country` is where the newcomer lives, who may live where the brand refers nobody.
    """
    if country in settings().countries_denied:
        return None
    code = normal_code(text)
    row = queries.code_row(code) if code else None
    return row.client_id if row is not None and membership.against(row.client_id) is None else None


def attribute(
    client_id: UUID, parent_id: UUID, *, reason: str, by: Actor, request_id: str | None = None
) -> PartnerLink:
    """Give a client their first sponsor, from this business instant on. Raises AlreadyAttributed, WouldCloseCycle,
    TreeTooDeep."""
    queries.lock_tree(exclusively=False)
    at = clock.business_now()
    if queries.links_of(client_id):
        raise AlreadyAttributed
    link = put_below(Change(), client_id, parent_id, at, Author(reason, by, request_id or f"attribute:{client_id}"))
    moves.go_along(link)
    audit.record(
        "referrals.attribute",
        link,
        by=by,
        after={"sponsor": str(parent_id)},
        reason="" if reason in (BY_LINK, BY_INVITATION) else reason,
        client_id=client_id,
    )
    publish(SponsorChanged(client_id, None, parent_id, at, is_new=queries.direct_count(client_id, at) == 0))
    return link
