"""Moves in the tree: looked at beforehand, entered, called off, undone while no commission depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.core import features, live
from app.core.actor import Actor
from app.core.db import session, undone
from app.core.errors import Conflict, Invalid
from app.core.events import publish
from app.kit import clock
from app.kit.money import Money
from app.kit.text import Message, _l
from app.referrals import letters, limits, membership, permissions, queries
from app.referrals.bundle import settings
from app.referrals.events import SponsorChanged
from app.referrals.links import Author, Change, WouldCloseCycle, hand_over, put_below
from app.referrals.models import MoveScope, MoveStatus, PartnerLink, TreeMove, TreeMoveLink
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions

When = Literal["plan", "immediate", "next_settlement_day", "dated"]
REASON_LENGTH_MAX = 500


class AlreadyThere(Conflict):
    message = _l("The client already stands below this partner.")
    field = "parent"


class MoveEnded(Conflict):
    message = _l("Somebody has called this move off or undone it already.")


class LaterChange(Conflict):
    """Something that came later builds on the links of this move."""

    message = _l("Another change of the tree came after this move and builds on it. Take that one back first.")


class SomethingDepends(Conflict):
    """Commission was computed on the paths that the move made."""

    message = _l("This move cannot be undone: %(what)s Enter a move back instead.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a partner stands above the client before and after: the distance, or None for nowhere."""

    partner_id: UUID
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What the trades of the last days would have paid a partner on the paths before and after, before caps."""

    partner_id: UUID
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class Preview:
    """What a move would do."""

    old_parent_id: UUID | None
    takes_effect_at: datetime
    people_count: int
    places: Sequence[Place]
    worth: Sequence[Worth]
    called_off: Sequence[TreeMove]
    notes: Sequence[Message]


def enter(
    client_id: UUID,
    parent_id: UUID | None,
    *,
    when: When,
    reason: str,
    by: Actor,
    request_id: str,
    scope: MoveScope = MoveScope.STRUCTURE,
    dated: datetime | None = None,
) -> TreeMove:
    """Put a client under another partner (or nobody), with everybody below or alone, at once or from an instant on.

    A move of this client that is dated for the same instant or later is called off. The same `request_id` answers the
    first move. Never retroactive: trades already closed keep their path. Raises WouldCloseCycle, AlreadyThere,
    TreeTooDeep, MoveNotAllowed, NotFound, Invalid naming the field.
    """
    reason = _checked(reason)
    queries.lock_tree(exclusively=True)
    standing = queries.move_by_request(request_id)
    if standing is not None:
        return standing
    now = clock.business_now()
    at = moment_of(when, now, dated)
    limits.require(client_id, parent_id, now)
    pending = queries.pending_moves(client_id, at)
    for called_off in pending:
        _end(called_off, MoveStatus.CANCELLED, by, reason)
    author = Author(reason, by, request_id)
    change, old_parent_id, below = _change(client_id, parent_id, at, scope, author, is_instead=bool(pending))
    move = TreeMove(
        client_id=client_id,
        old_parent_id=old_parent_id,
        new_parent_id=parent_id,
        scope=scope,
        effective="immediate" if at <= now else ("dated" if when == "dated" else "next_settlement_day"),
        takes_effect_at=at,
        reason=reason,
        people_count=1 + below,
        status=MoveStatus.ENTERED,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
        request_id=request_id,
        created_at=clock.now(),
        ended_at=None,
        ended_by_id=None,
        ended_by_name="",
        end_reason="",
    )
    session().add(move)
    session().flush()
    _note(move, change)
    _share_arrival(parent_id, change)
    audit.record(
        "referrals.move",
        move,
        by=by,
        before={"sponsor": _text(old_parent_id)},
        after={"sponsor": _text(parent_id), "from": at.isoformat(), "scope": scope.value, "people": move.people_count},
        reason=reason,
        client_id=client_id,
    )
    _publish(move, change, old_parent_id, parent_id, at)
    letters.moved(move)
    return move


def preview(
    client_id: UUID,
    parent_id: UUID | None,
    *,
    when: When,
    by: Actor,
    scope: MoveScope = MoveScope.STRUCTURE,
    dated: datetime | None = None,
) -> Preview:
    """What the move would do, tried and taken back at once. Raises what `enter` raises."""
    queries.lock_tree(exclusively=True)
    now = clock.business_now()
    at = moment_of(when, now, dated)
    limits.require(client_id, parent_id, now)
    pending = queries.pending_moves(client_id, at)
    clients = queries.below_from(client_id, at)
    steps = {step.partner_id: step.distance for step in queries.path_at(client_id, at)}
    before = _worth(clients, at)
    with undone():
        for move in pending:
            _take_back(move)
        author = Author("preview", by, "preview")
        _tried, old_parent_id, below = _change(client_id, parent_id, at, scope, author, is_instead=bool(pending))
        later = {step.partner_id: step.distance for step in queries.path_at(client_id, at)}
        after = _worth(clients, at)
    partners = dict.fromkeys([*steps, *later])
    return Preview(
        old_parent_id=old_parent_id,
        takes_effect_at=at,
        people_count=1 + below,
        places=[Place(one, steps.get(one), later.get(one)) for one in partners if steps.get(one) != later.get(one)],
        worth=_compared(before, after),
        called_off=pending,
        notes=_notes(client_id, parent_id),
    )


def cancel(move_id: UUID, *, reason: str, by: Actor) -> TreeMove:
    """Call off a move that has not taken effect yet. Raises NotFound, MoveEnded, LaterChange, Invalid."""
    reason = _checked(reason)
    queries.lock_tree(exclusively=True)
    move = queries.lock_move(move_id)
    if not move.is_pending(clock.business_now()):
        raise MoveEnded
    _end(move, MoveStatus.CANCELLED, by, reason)
    letters.ended(move)
    return move


def undo(move_id: UUID, *, reason: str, by: Actor) -> TreeMove:
    """Take a move back as if it had never been, while no commission was computed on the paths that it made.

    Raises NotFound, MoveEnded, LaterChange, SomethingDepends, WouldCloseCycle, Invalid.
    """
    reason = _checked(reason)
    queries.lock_tree(exclusively=True)
    move = queries.lock_move(move_id)
    if move.status is not MoveStatus.ENTERED:
        raise MoveEnded
    if not move.is_pending(clock.business_now()):
        found = what_depends(move)
        if found is not None:
            raise SomethingDepends(what=found)
        _end(move, MoveStatus.UNDONE, by, reason)
    else:
        _end(move, MoveStatus.CANCELLED, by, reason)
    letters.ended(move)
    return move


def what_depends(move: TreeMove) -> Message | None:
    """Why a move that has taken effect cannot be undone, as a sentence; None while it can."""
    made, ended = queries.links_of_move(move.id)
    changed = {link.child_id for link in made} | {link.child_id for link, _was in ended} or {move.client_id}
    first, *others = changed
    people = queries.below_from(first, move.takes_effect_at, others=others)
    for asked in features.port("referrals.depends"):
        found = asked(people, move.takes_effect_at)
        if found is not None:
            return found  # type: ignore[no-any-return]  # A port's answer carries no type.
    return None


def moment_of(when: When, now: datetime, dated: datetime | None = None) -> datetime:
    """The instant a move entered now takes effect. The feature above that knows the settlement day answers for it.

    Raises Invalid for a date that has passed or lies too far ahead.
    """
    if when == "dated":
        most = settings().move.dated_days_max
        if dated is None:
            raise Invalid(_l("Give the day on which the move takes effect."), field="dated")
        if dated <= now:
            raise Invalid(_l("Give a day to come. A move is never retroactive."), field="dated")
        if dated > now + timedelta(days=most):
            raise Invalid(_l("Give a day at most %(days)s days ahead.", days=most), field="dated")
        return dated.astimezone(UTC)
    if when == "immediate":
        return now
    for next_moment in features.port("referrals.move_moment"):
        return max(now, next_moment(when, now))  # type: ignore[no-any-return]  # A port's answer carries no type.
    return now


def _change(
    client_id: UUID, parent_id: UUID | None, at: datetime, scope: MoveScope, author: Author, *, is_instead: bool
) -> tuple[Change, UUID | None, int]:
    """Change the links: (what happened to them, who stood directly above, how many people go along)."""
    change = Change()
    links = queries.open_links(client_id, clock.business_now())
    holder = next((link for link in links if link.valid_from < at <= link.valid_to), None)
    old_parent_id = holder.parent_id if holder is not None else None
    stays_as_it_is = old_parent_id == parent_id and (links[-1] is holder if links else True)
    if stays_as_it_is and not is_instead:
        raise AlreadyThere
    below: dict[int, int] = {}
    if scope is MoveScope.SINGLE:
        hand_over(change, queries.links_below(client_id, at), old_parent_id, at, author)
    else:
        below = queries.people_below(client_id, at)
    for link in links:
        change.end(link, at)
    session().flush()
    if parent_id is not None:
        put_below(change, client_id, parent_id, at, author, height=max(below, default=0))
    return change, old_parent_id, sum(below.values())


def _note(move: TreeMove, change: Change) -> None:
    session().add_all(
        TreeMoveLink(move_id=move.id, link_id=link_id, was_valid_to=was) for link_id, was in change.rows()
    )
    session().flush()


def _share_arrival(parent_id: UUID | None, change: Change) -> None:
    if parent_id is not None and change.made:
        go_along(change.made[-1])


def go_along(link: PartnerLink) -> None:
    """Let somebody who has just come below a partner go along with what is dated for those below that partner.

    A partner who leaves alone on a later day hands everybody to the former sponsor, newcomers included.
    """
    for move in queries.pending_singles(link.parent_id, link.valid_from):
        change = Change()
        author = Author(move.reason, Actor("system", None, move.actor_name), f"{move.request_id}:{link.id}")
        hand_over(change, [link], move.old_parent_id, move.takes_effect_at, author)
        _note(move, change)


def _end(move: TreeMove, status: MoveStatus, by: Actor, reason: str) -> None:
    change = _take_back(move)
    move.status, move.ended_at = status, clock.now()
    move.ended_by_id, move.ended_by_name, move.end_reason = by.id, by.name, reason
    session().flush()
    audit.record(
        f"referrals.move.{'cancel' if status is MoveStatus.CANCELLED else 'undo'}",
        move,
        by=by,
        before={"sponsor": _text(move.new_parent_id)},
        after={"sponsor": _text(move.old_parent_id), "from": move.takes_effect_at.isoformat()},
        reason=reason,
        client_id=move.client_id,
    )
    _publish(move, change, move.new_parent_id, move.old_parent_id, move.takes_effect_at)


def _take_back(move: TreeMove) -> Change:
    """Put the links back as they stood before the move. Raises LaterChange, WouldCloseCycle."""
    at = move.takes_effect_at
    made, ended = queries.links_of_move(move.id)
    reached = {(link.child_id, was) for link, was in ended}
    for link in made:
        if link.valid_to != FOREVER and (link.child_id, link.valid_to) not in reached:
            raise LaterChange
    if any(link.valid_to != max(at, link.valid_from) for link, _was in ended):
        raise LaterChange
    for link in made:
        link.valid_to = link.valid_from
    session().flush()
    for link, was in ended:
        link.valid_to = was
    try:
        session().flush()
    except IntegrityError as error:
        raise LaterChange from error
    for parent_id in {link.parent_id for link, _was in ended}:
        above = queries.ever_above(parent_id, at)
        if any(link.child_id in above for link, _was in ended if link.parent_id == parent_id):
            raise WouldCloseCycle
    return Change(made=made, ended=ended)


def _publish(move: TreeMove, change: Change, old: UUID | None, new: UUID | None, at: datetime) -> None:
    changed = {link.child_id for link in change.made} | {link.child_id for link, _was in change.ended}
    others = tuple(changed - {move.client_id})
    publish(SponsorChanged(move.client_id, old, new, at, is_new=False, others=others))
    for partner_id in {old, new} - {None}:
        live.publish(f"partner:{partner_id}", "network-changed")
    live.publish("office", "tree-changed")


def _worth(clients: Sequence[UUID], at: datetime) -> dict[UUID, Money]:
    """What the trades of these clients in the last days would pay whom on the paths as of an instant."""
    for asked in features.port("referrals.worth"):
        return asked(clients, at)  # type: ignore[no-any-return]  # A port's answer carries no type.
    return {}


def _compared(before: dict[UUID, Money], after: dict[UUID, Money]) -> list[Worth]:
    zero = next((Money.zero(money.currency) for money in (*before.values(), *after.values())), None)
    if zero is None:
        return []
    rows = [Worth(one, before.get(one, zero), after.get(one, zero)) for one in dict.fromkeys([*before, *after])]
    return sorted((row for row in rows if row.before != row.after), key=lambda row: row.after.minor - row.before.minor)


def _notes(client_id: UUID, parent_id: UUID | None) -> list[Message]:
    """What stands in no one's way and should be known before."""
    found: list[Message] = []
    if parent_id is not None and restrictions.is_locked(permissions.REFERRAL_ATTRIBUTION, parent_id):
        found.append(_l("The new partner may not bring in new clients at present. A move by staff is possible."))
    if parent_id is not None and not membership.is_member(parent_id):
        found.append(_l("The new partner does not take part in the referral programme and earns nothing."))
    if queries.parent_at(client_id, clock.business_now()) is None:
        found.append(_l("The client has no partner now. Positions opened before the move pay nobody."))
    return found


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Invalid(_l("Say why the client is moved."), field="reason")
    if len(reason) > REASON_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_LENGTH_MAX), field="reason")
    return reason


def _text(value: Any) -> str | None:
    return str(value) if value is not None else None
