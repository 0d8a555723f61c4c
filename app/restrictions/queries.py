"""Which locks hold now, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, cast, func, or_, select, tuple_

from app.core import features
from app.core.db import execute_sql, session, tenant_id
from app.restrictions.models import Restriction

CLIENT = "client"
COVERING_PORT = "restrictions.covering"
_LOCK_SPACE = 0x7265_7374  # "rest": the first half of the advisory locks on clients; the second is the client's hash.

Subject = tuple[str, str]  # Its type and its id as text.


def covering(client_id: UUID) -> list[Subject]:
    """Every subject whose locks hold for this client: the client, and what features above add (a cluster, a sub-tree).

    A feature adds subjects through the port `restrictions.covering`: a function (client id) -> subjects.
    """
    subjects: list[Subject] = [(CLIENT, str(client_id))]
    finders: list[Callable[[UUID], Sequence[Subject]]] = features.port(COVERING_PORT)
    for find in finders:
        subjects.extend(find(client_id))
    return subjects


def holds(at: datetime) -> ColumnElement[bool]:
    """The condition that a lock holds at that instant."""
    return and_(
        Restriction.lifted_at.is_(None),
        Restriction.starts_at <= at,
        or_(Restriction.expires_at.is_(None), Restriction.expires_at > at),
    )


def held(at: datetime) -> ColumnElement[bool]:
    """The condition that a lock held at an instant of the past, whatever became of it since."""
    return and_(
        Restriction.starts_at <= at,
        or_(Restriction.lifted_at.is_(None), Restriction.lifted_at > at),
        or_(Restriction.expires_at.is_(None), Restriction.expires_at > at),
    )


def held_at(client_id: UUID, at: datetime) -> Sequence[Restriction]:
    """The client's own locks that held at an instant of the past, oldest first."""
    statement = (
        select(Restriction)
        .where(Restriction.subject_type == CLIENT, Restriction.subject_id == str(client_id), held(at))
        .order_by(Restriction.function, Restriction.created_at)
    )
    return session().execute(statement).scalars().all()


def clients_held_at(function: str, at: datetime) -> set[UUID]:
    """The clients for whom a function was locked by a lock of their own at an instant of the past."""
    statement = select(cast(Restriction.subject_id, Uuid())).where(
        Restriction.tenant_id == tenant_id(),
        Restriction.subject_type == CLIENT,
        Restriction.function == function,
        held(at),
    )
    return set(session().execute(statement).scalars())


def instants_between(function: str, since: datetime, until: datetime) -> set[datetime]:
    """When a client's own lock on a function began, ended or was lifted, after one instant and up to another."""
    ends = (Restriction.starts_at, Restriction.expires_at, Restriction.lifted_at)
    found: set[datetime] = set()
    for end in ends:
        statement = select(end).where(
            Restriction.subject_type == CLIENT, Restriction.function == function, end > since, end <= until
        )
        found |= {at for at in session().execute(statement).scalars() if at is not None}
    return found


def first_lock(function: str, client_id: UUID, at: datetime) -> Restriction | None:
    """A lock that denies the function to the client at that instant, the oldest of them, or None."""
    statement = (
        select(Restriction)
        .where(
            Restriction.function == function,
            tuple_(Restriction.subject_type, Restriction.subject_id).in_(covering(client_id)),
            holds(at),
        )
        .order_by(Restriction.created_at)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session().execute(statement).scalar_one_or_none()


def locked_clients_select(function: str, at: datetime) -> Select[UUID]:
    """The ids of clients for whom the function is locked by a lock of their own, for use inside a larger statement."""
    return select(cast(Restriction.subject_id, Uuid())).where(
        Restriction.tenant_id == tenant_id(),
        Restriction.subject_type == CLIENT,
        Restriction.function == function,
        holds(at),
    )


def active_for(client_id: UUID, at: datetime) -> Sequence[Restriction]:
    """Every lock that covers the client at that instant, oldest first."""
    statement = (
        select(Restriction)
        .where(tuple_(Restriction.subject_type, Restriction.subject_id).in_(covering(client_id)), holds(at))
        .order_by(Restriction.function, Restriction.created_at)
    )
    return session().execute(statement).scalars().all()


def history_of(client_id: UUID, limit: int = 50) -> Sequence[Restriction]:
    """The client's own locks, ended ones too, newest first."""
    statement = (
        select(Restriction)
        .where(Restriction.subject_type == CLIENT, Restriction.subject_id == str(client_id))
        .order_by(Restriction.created_at.desc())
        .limit(limit)
    )
    return session().execute(statement).scalars().all()


def count_active(at: datetime) -> int:
    """How many locks hold in the bound tenant."""
    return session().execute(select(func.count()).select_from(Restriction).where(holds(at))).scalar_one()


def wait_for_changes(client_id: UUID) -> None:
    """Let a lock that is being set for this client commit first; one that comes later waits for this transaction."""
    execute_sql(
        "SELECT pg_advisory_xact_lock_shared(:space, hashtext(:client))", space=_LOCK_SPACE, client=_key(client_id)
    )


def wait_for_uses(client_id: UUID) -> None:
    """Let every act of this client that has passed its check finish first."""
    execute_sql("SELECT pg_advisory_xact_lock(:space, hashtext(:client))", space=_LOCK_SPACE, client=_key(client_id))


def _key(client_id: UUID) -> str:
    return f"{tenant_id()}:{client_id}"
