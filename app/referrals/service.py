"""The sponsor tree: codes, the first sponsor at registration, and moves that are never retroactive."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.core import features
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid, NotFound
from app.core.events import publish
from app.kit import clock
from app.kit.ids import reference
from app.kit.text import _l
from app.referrals import permissions, queries
from app.referrals.events import SponsorChanged
from app.referrals.models import PartnerLink, ReferralCode
from app.referrals.rules import BY_LINK, FOREVER, normal_code
from app.restrictions import service as restrictions

When = Literal["plan", "immediate", "next_settlement_day"]


class WouldCloseCycle(Conflict):
    """The new sponsor stands below the client."""

    message = _l("This partner stands below the client in the tree. Nobody can be their own upline.")
    field = "parent"


class AlreadyThere(Conflict):
    message = _l("The client already stands below this partner.")
    field = "parent"


class AlreadyAttributed(Conflict):
    message = _l("This client already has a sponsor. Use a move to change it.")


def give_code(client_id: UUID) -> str:
    """The client's referral code, made when they have none. Codes carry no name and no number of anybody."""
    found = queries.code_of(client_id)
    if found is not None:
        return found
    code = reference("R").replace("-", "")[1:]
    session().add(ReferralCode(code=code, client_id=client_id, visits=0, created_at=clock.now()))
    session().flush()
    return code


def sponsor_by_code(text: str) -> UUID | None:
    """Whom a code belongs to, or None when there is no such code or its owner may not bring in anybody."""
    code = normal_code(text)
    row = queries.code_row(code) if code else None
    if row is None or restrictions.is_locked(permissions.REFERRAL_ATTRIBUTION, row.client_id):
        return None
    return row.client_id


def attribute(
    client_id: UUID, parent_id: UUID, *, reason: str, by: Actor, request_id: str | None = None
) -> PartnerLink:
    """Give a client their first sponsor, from this business instant on. Raises AlreadyAttributed, WouldCloseCycle."""
    queries.lock_tree(exclusively=False)
    at = clock.business_now()
    if queries.links_of(client_id):
        raise AlreadyAttributed
    if client_id == parent_id or queries.closes_cycle(client_id, parent_id, at):
        raise WouldCloseCycle
    link = _link(client_id, parent_id, at, reason, by, request_id or f"attribute:{client_id}")
    audit.record(
        "referrals.attribute",
        link,
        by=by,
        after={"sponsor": str(parent_id)},
        reason="" if reason == BY_LINK else reason,
        client_id=client_id,
    )
    publish(SponsorChanged(client_id, None, parent_id, at, is_new=queries.direct_count(client_id, at) == 0))
    return link


def move(
    client_id: UUID, parent_id: UUID | None, *, when: When, reason: str, by: Actor, request_id: str
) -> PartnerLink | None:
    """Put a client, with everybody below, under another partner (or nobody), at once or at the next settlement day.

    A move already dated for later is called off. The same `request_id` answers the first move. Raises WouldCloseCycle,
    AlreadyThere, NotFound, Invalid without a reason. Never retroactive: trades already closed keep their path.
    """
    if not reason.strip():
        raise Invalid(_l("Say why the client is moved."), field="reason")
    queries.lock_tree(exclusively=True)
    standing = queries.link_by_request(request_id)
    if standing is not None:
        return standing
    now = clock.business_now()
    at = moment_of(when, now)
    links = queries.open_links(client_id, now)
    before = queries.parent_at(client_id, now)
    if parent_id == client_id or (parent_id is not None and queries.closes_cycle(client_id, parent_id, at)):
        raise WouldCloseCycle
    holder = next((link for link in links if link.valid_from < at), None)
    if parent_id is not None and holder is not None and holder.parent_id == parent_id and links[-1] is holder:
        raise AlreadyThere
    _end_at(links, at)
    link = _link(client_id, parent_id, at, reason.strip(), by, request_id) if parent_id is not None else None
    audit.record(
        "referrals.move",
        link or ("client", client_id),
        by=by,
        before={"sponsor": str(before) if before else None},
        after={"sponsor": str(parent_id) if parent_id else None, "from": at.isoformat()},
        reason=reason.strip(),
        client_id=client_id,
    )
    publish(SponsorChanged(client_id, before, parent_id, at, is_new=False))
    return link


def moment_of(when: When, now: datetime) -> datetime:
    """The instant a move entered now takes effect. The feature above that knows the settlement day answers for it."""
    if when == "immediate":
        return now
    for next_moment in features.port("referrals.move_moment"):
        return max(now, next_moment(when, now))  # type: ignore[no-any-return]  # A port's answer carries no type.
    return now


def _end_at(links: list[PartnerLink], at: datetime) -> None:
    """End what holds at `at`, and call off what would begin later."""
    for link in links:
        link.valid_to = min(link.valid_to, max(at, link.valid_from))
    session().flush()


def _link(client_id: UUID, parent_id: UUID, at: datetime, reason: str, by: Actor, request_id: str) -> PartnerLink:
    link = PartnerLink(
        child_id=client_id,
        parent_id=parent_id,
        valid_from=at,
        valid_to=FOREVER,
        reason=reason,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
        request_id=request_id,
        created_at=clock.now(),
    )
    session().add(link)
    try:
        session().flush()
    except IntegrityError as error:
        if "fkey" in str(error.orig):
            raise NotFound from error
        raise Conflict from error
    return link
