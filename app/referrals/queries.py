"""Reading the sponsor tree: paths upward as of an instant, levels downward one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select

from app.core.db import execute_sql, get, load_sql, session, tenant_id
from app.core.errors import NotFound
from app.kit import clock
from app.referrals.models import (
    MoveScope,
    MoveStatus,
    PartnerLink,
    Reattribution,
    ReattributionStatus,
    ReferralCode,
    TreeMove,
    TreeMoveLink,
)
from app.referrals.rules import FOREVER, PATH_LENGTH_MAX

log = structlog.get_logger()

LEVEL_SIZE = 50


class PathTooLong(RuntimeError):
    """A path longer than any real one: the links are corrupt. Nothing is paid on a cut path."""

    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"More than {PATH_LENGTH_MAX} people stand above client {client_id}.")
        log.critical("referrals.path_too_long", client=str(client_id), length_max=PATH_LENGTH_MAX)


@dataclass(frozen=True, slots=True)
class Step:
    """One upline: distance 1 is the sponsor. `link_id` is the dated link that puts them there."""

    partner_id: UUID
    link_id: UUID
    distance: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Somebody in the tree, with the number of people they sponsor themselves."""

    client_id: UUID
    number: int
    name: str
    status: str
    country: str
    since: datetime
    children: int


def path_at(client_id: UUID, at: datetime) -> list[Step]:
    """Everybody above a client as of an instant, nearest first. Raises PathTooLong on corrupt data."""
    rows = execute_sql(_sql("path"), client_id=client_id, at=at, length_max=PATH_LENGTH_MAX).all()
    if len(rows) > PATH_LENGTH_MAX:
        raise PathTooLong(client_id)
    return [Step(row.parent_id, row.link_id, row.distance) for row in rows]


def is_below(client_id: UUID, ancestor_id: UUID, at: datetime) -> bool:
    """Whether a client stands anywhere below somebody."""
    return any(step.partner_id == ancestor_id for step in path_at(client_id, at))


def those_below(client_ids: Sequence[UUID], ancestor_id: UUID, at: datetime) -> list[UUID]:
    """Which of these clients stand anywhere below somebody as of an instant."""
    if not client_ids:
        return []
    rows = execute_sql(
        _sql("those_below"),
        client_ids=list(client_ids),
        ancestor_id=ancestor_id,
        at=at,
        length_max=PATH_LENGTH_MAX,
    )
    return list(rows.scalars())


def children(parent_id: UUID, at: datetime, *, after: UUID | None = None, limit: int = LEVEL_SIZE) -> list[Branch]:
    """One level of the tree below a client as of an instant, oldest registration first, from behind `after` on."""
    rows = execute_sql(_sql("children"), parent_id=parent_id, at=at, forever=FOREVER, after=after, limit=limit)
    return [Branch(**row._mapping) for row in rows]


def branches(client_ids: Sequence[UUID], at: datetime) -> dict[UUID, Branch]:
    """These clients as rows of the tree as of an instant, whoever they stand below."""
    if not client_ids:
        return {}
    rows = execute_sql(_sql("branches"), ids=list(client_ids), at=at)
    return {row.client_id: Branch(**row._mapping) for row in rows}


def roots(at: datetime, *, after: int | None = None, limit: int = LEVEL_SIZE) -> list[Branch]:
    """The tops of the tree: those who sponsor somebody and have no sponsor."""
    return [Branch(**row._mapping) for row in execute_sql(_sql("roots"), at=at, after=after, limit=limit)]


def people_below(client_id: UUID, at: datetime) -> dict[int, int]:
    """How many people stand below a client, by distance."""
    rows = execute_sql(_sql("below_count"), client_id=client_id, at=at, length_max=PATH_LENGTH_MAX)
    return {row.distance: row.people for row in rows}


def below_from(client_id: UUID, at: datetime, *, others: Sequence[UUID] = ()) -> list[UUID]:
    """A client (and `others`) and everybody below at any instant from `at` on, dated moves of the future included."""
    rows = execute_sql(
        _sql("below"), client_ids=[client_id, *others], at=at, forever=FOREVER, length_max=PATH_LENGTH_MAX
    )
    return [row.client_id for row in rows]


def ever_above(client_id: UUID, at: datetime) -> set[UUID]:
    """Everybody who stands above a client at any instant from `at` on, dated moves of the future included."""
    return set(execute_sql(_sql("ever_above"), client_id=client_id, at=at, length_max=PATH_LENGTH_MAX).scalars())


@dataclass(frozen=True, slots=True)
class Standing:
    """What putting a client below somebody would mean: a cycle, and how many people stand above the new place."""

    closes_cycle: bool
    depth: int


def standing(client_id: UUID, parent_id: UUID, at: datetime) -> Standing:
    """Whether a client below this partner would make anybody their own ancestor, now or by a move already dated.

    Raises PathTooLong on corrupt data.
    """
    row = execute_sql(
        _sql("would_close_cycle"), client_id=client_id, parent_id=parent_id, at=at, length_max=PATH_LENGTH_MAX
    ).one()
    if row.depth > PATH_LENGTH_MAX:
        raise PathTooLong(parent_id)
    return Standing(bool(row.is_above), row.depth)


def links_of(client_id: UUID) -> list[PartnerLink]:
    """A client's sponsors over time, newest first; called-off moves included."""
    statement = (
        select(PartnerLink)
        .where(PartnerLink.child_id == client_id)
        .order_by(PartnerLink.valid_from.desc(), PartnerLink.created_at.desc())
    )
    return list(session().scalars(statement))


def open_links(client_id: UUID, at: datetime) -> list[PartnerLink]:
    """The client's links that reach beyond `at`, locked, the earliest first; called-off ones are not among them."""
    statement = (
        select(PartnerLink)
        .where(
            PartnerLink.child_id == client_id,
            PartnerLink.valid_to > at,
            PartnerLink.valid_from < PartnerLink.valid_to,
        )
        .order_by(PartnerLink.valid_from)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session().scalars(statement))


def links_below(parent_id: UUID, at: datetime) -> list[PartnerLink]:
    """The links of those whom somebody sponsors directly as of an instant, locked."""
    statement = (
        select(PartnerLink)
        .where(PartnerLink.parent_id == parent_id, PartnerLink.valid_from <= at, PartnerLink.valid_to > at)
        .order_by(PartnerLink.child_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session().scalars(statement))


def parent_at(client_id: UUID, at: datetime) -> UUID | None:
    """A client's sponsor as of an instant."""
    statement = select(PartnerLink.parent_id).where(
        PartnerLink.child_id == client_id, PartnerLink.valid_from <= at, PartnerLink.valid_to > at
    )
    return session().scalar(statement)


def move_by_request(request_id: str) -> TreeMove | None:
    """The move that an earlier send of the same form entered."""
    return session().scalar(select(TreeMove).where(TreeMove.request_id == request_id))


def move(move_id: UUID) -> TreeMove:
    """A move. Raises NotFound."""
    found = get(TreeMove, move_id)
    if found is None:
        raise NotFound
    return found


def lock_move(move_id: UUID) -> TreeMove:
    """A move, locked and read fresh. Raises NotFound."""
    found = get(TreeMove, move_id, lock=True)
    if found is None:
        raise NotFound
    return found


def pending_moves(client_id: UUID, at: datetime) -> list[TreeMove]:
    """The client's moves that are entered and take effect at `at` or later, the last first: so they are taken back."""
    statement = (
        select(TreeMove)
        .where(
            TreeMove.client_id == client_id,
            TreeMove.status == MoveStatus.ENTERED,
            TreeMove.takes_effect_at >= at,
            TreeMove.takes_effect_at > clock.business_now(),
        )
        .order_by(TreeMove.takes_effect_at.desc(), TreeMove.created_at.desc())
        .with_for_update()
    )
    return list(session().scalars(statement))


def pending_singles(client_id: UUID, at: datetime) -> list[TreeMove]:
    """The later moves in which this client goes alone and leaves those below behind, the earliest first."""
    statement = (
        select(TreeMove)
        .where(
            TreeMove.client_id == client_id,
            TreeMove.status == MoveStatus.ENTERED,
            TreeMove.scope == MoveScope.SINGLE,
            TreeMove.takes_effect_at > at,
        )
        .order_by(TreeMove.takes_effect_at)
    )
    return list(session().scalars(statement))


def has_changed_partner(client_id: UUID) -> bool:
    """Whether a move that stands took the client from one partner to another."""
    statement = select(
        select(TreeMove.id)
        .where(
            TreeMove.client_id == client_id,
            TreeMove.status == MoveStatus.ENTERED,
            TreeMove.old_parent_id.is_not(None),
        )
        .exists()
    )
    return bool(session().scalar(statement))


def links_of_move(move_id: UUID) -> tuple[list[PartnerLink], list[tuple[PartnerLink, datetime]]]:
    """The links that a move made, and those that it ended with where they reached before; locked."""
    statement = (
        select(PartnerLink, TreeMoveLink.was_valid_to)
        .join(
            TreeMoveLink,
            (TreeMoveLink.tenant_id == PartnerLink.tenant_id) & (TreeMoveLink.link_id == PartnerLink.id),
        )
        .where(TreeMoveLink.move_id == move_id)
        .order_by(PartnerLink.child_id, PartnerLink.valid_from)
        .with_for_update(of=PartnerLink)
        .execution_options(populate_existing=True)
    )
    rows = session().execute(statement).all()
    return [link for link, was in rows if was is None], [(link, was) for link, was in rows if was is not None]


def moves(
    *, clients: Sequence[UUID] | None = None, state: str = "", limit: int, offset: int = 0
) -> tuple[list[TreeMove], int]:
    """Moves, the newest first, and how many there are: all, those about certain clients, those in a state.

    A state is `pending`, or the name of a status.
    """
    wanted = select(TreeMove)
    if clients is not None:
        wanted = wanted.where(
            or_(
                TreeMove.client_id.in_(clients),
                TreeMove.old_parent_id.in_(clients),
                TreeMove.new_parent_id.in_(clients),
            )
        )
    if state == "pending":
        wanted = wanted.where(TreeMove.status == MoveStatus.ENTERED, TreeMove.takes_effect_at > clock.business_now())
    elif state:
        wanted = wanted.where(TreeMove.status == MoveStatus(state))
    rows = session().scalars(
        wanted.order_by(TreeMove.created_at.desc(), TreeMove.id.desc()).limit(limit).offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(wanted.subquery())) or 0
    return list(rows), total


def reattribution_by_request(request_id: str) -> Reattribution | None:
    """The correction that an earlier send of the same form proposed."""
    return session().scalar(select(Reattribution).where(Reattribution.request_id == request_id))


def reattribution(reattribution_id: UUID) -> Reattribution:
    """A correction. Raises NotFound."""
    found = get(Reattribution, reattribution_id)
    if found is None:
        raise NotFound
    return found


def lock_reattribution(reattribution_id: UUID) -> Reattribution:
    """A correction, locked and read fresh. Raises NotFound."""
    found = get(Reattribution, reattribution_id, lock=True)
    if found is None:
        raise NotFound
    return found


def reattributions(*, limit: int, offset: int = 0) -> tuple[list[Reattribution], int]:
    """Corrections, those that wait first, then the newest, and how many there are."""
    rows = session().scalars(
        select(Reattribution)
        .order_by(
            (Reattribution.status != ReattributionStatus.PROPOSED), Reattribution.proposed_at.desc(), Reattribution.id
        )
        .limit(limit)
        .offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(Reattribution)) or 0
    return list(rows), total


def waiting_reattributions() -> int:
    """How many corrections wait for a second person."""
    statement = select(func.count()).where(
        Reattribution.tenant_id == tenant_id(), Reattribution.status == ReattributionStatus.PROPOSED
    )
    return int(session().scalar(statement) or 0)


def code_row(code: str) -> ReferralCode | None:
    """A referral code of this tenant."""
    return session().scalar(select(ReferralCode).where(ReferralCode.code == code))


def code_of(client_id: UUID) -> str | None:
    """The code a client hands out: their first one."""
    statement = (
        select(ReferralCode.code)
        .where(ReferralCode.client_id == client_id)
        .order_by(ReferralCode.created_at, ReferralCode.code)
        .limit(1)
    )
    return session().scalar(statement)


def visits_of(client_id: UUID) -> int:
    """How often the client's links were followed."""
    statement = select(func.coalesce(func.sum(ReferralCode.visits), 0)).where(ReferralCode.client_id == client_id)
    return int(session().scalar(statement) or 0)


def count_visit(code: str) -> None:
    """One more person followed this code's link."""
    execute_sql("UPDATE referral_code SET visits = visits + 1 WHERE tenant_id = :tenant_id AND code = :code", code=code)


def direct_count(client_id: UUID, at: datetime | None = None) -> int:
    """How many clients somebody sponsors directly."""
    when = at or clock.business_now()
    statement = select(func.count()).where(
        PartnerLink.tenant_id == tenant_id(),
        PartnerLink.parent_id == client_id,
        PartnerLink.valid_from <= when,
        PartnerLink.valid_to > when,
    )
    return int(session().scalar(statement) or 0)


def admit_standing() -> None:
    """Let those who sponsor somebody go on where a brand has just turned from open to admissions."""
    execute_sql(_sql("admit_standing"), at=clock.business_now())


def lock_tree(*, exclusively: bool) -> None:
    """Hold the shape of the tenant's tree until the transaction ends: moves alone, registrations beside each other.

    Two moves that are each harmless could close a cycle together; and a newcomer must not slip below somebody whose
    sub-tree is just being moved.
    """
    mode = "pg_advisory_xact_lock" if exclusively else "pg_advisory_xact_lock_shared"
    execute_sql(f"SELECT {mode}(hashtext('partner_link'), :tenant_id)")


def _sql(name: str) -> str:
    return load_sql("app.referrals", f"sql/{name}.sql")
