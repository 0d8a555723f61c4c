"""Changing dated links, one at a time: what a first sponsor, a move and a correction have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, DomainError, NotFound
from app.kit import clock
from app.kit.text import _l
from app.referrals import queries
from app.referrals.bundle import settings
from app.referrals.models import PartnerLink
from app.referrals.rules import FOREVER


class WouldCloseCycle(Conflict):
    """The new sponsor stands below the client."""

    message = _l("This partner stands below the client in the tree. Nobody can be their own upline.")
    field = "parent"


class TreeTooDeep(DomainError):
    """The path would be longer than any path may be: nothing is paid on a path that is cut."""

    status_code = 422
    message = _l("Nobody may stand more than %(most)s places below the top of the tree.")
    field = "parent"


@dataclass
class Change:
    """What happened to links: those that were made, and those whose end moved, with where they reached before."""

    made: list[PartnerLink] = field(default_factory=list)
    ended: list[tuple[PartnerLink, datetime]] = field(default_factory=list)

    def end(self, link: PartnerLink, at: datetime) -> None:
        """End a link at an instant; one that would only begin later is called off."""
        if link.valid_to > max(at, link.valid_from):
            self.ended.append((link, link.valid_to))
            link.valid_to = max(at, link.valid_from)

    def rows(self) -> list[tuple[UUID, datetime | None]]:
        """What to store of it: (link, where it reached before; None for a link that was made)."""
        return [*((link.id, was) for link, was in self.ended), *((link.id, None) for link in self.made)]


@dataclass(frozen=True, slots=True)
class Author:
    """Why links change, who does it, and the key by which the same request changes them once."""

    reason: str
    by: Actor
    request_id: str


def put_below(
    change: Change, client_id: UUID, parent_id: UUID, at: datetime, author: Author, *, height: int = 0
) -> PartnerLink:
    """Link a client to a partner from an instant on. Whatever the client's own links said before is ended already.

    `height` is how many levels stand below the client. Raises WouldCloseCycle, TreeTooDeep, NotFound, Conflict.
    """
    if client_id == parent_id:
        raise WouldCloseCycle
    place = queries.standing(client_id, parent_id, at)
    if place.closes_cycle:
        raise WouldCloseCycle
    refuse_depth(place.depth + 1 + height)
    link = _row(client_id, parent_id, at, FOREVER, author, author.request_id)
    session().add(link)
    try:
        session().flush()
    except IntegrityError as error:
        if "fkey" in str(error.orig):
            raise NotFound from error
        raise Conflict from error
    change.made.append(link)
    return link


def refuse_depth(depth: int) -> None:
    """Raise TreeTooDeep for more uplines than the tenant's longest path may have."""
    most = settings().max_path_length
    if depth > most:
        raise TreeTooDeep(most=most)


def hand_over(
    change: Change, links: Iterable[PartnerLink], parent_id: UUID | None, at: datetime, author: Author
) -> None:
    """Let those who hold these links stand below somebody else (or nobody) from `at` to where their links reached.

    Raises WouldCloseCycle.
    """
    given = list(links)
    reached = {link.id: link.valid_to for link in given}
    for link in given:
        change.end(link, at)
    session().flush()
    if parent_id is None or not given:
        return
    above = queries.ever_above(parent_id, at)
    if any(link.child_id in above or link.child_id == parent_id for link in given):
        raise WouldCloseCycle
    made = [
        _row(link.child_id, parent_id, at, reached[link.id], author, f"{author.request_id}:{link.child_id}")
        for link in given
    ]
    session().add_all(made)
    session().flush()
    change.made.extend(made)


def _row(
    client_id: UUID, parent_id: UUID, valid_from: datetime, valid_to: datetime, author: Author, request_id: str
) -> PartnerLink:
    return PartnerLink(
        child_id=client_id,
        parent_id=parent_id,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=author.reason,
        actor_kind=author.by.kind,
        actor_id=author.by.id,
        actor_name=author.by.name,
        request_id=request_id,
        created_at=clock.now(),
    )
