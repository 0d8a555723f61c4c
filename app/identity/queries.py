"""Reading users, roles and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select

from app.core.db import execute_sql, session, tenant_id
from app.core.errors import NotFound
from app.identity import rules
from app.identity.models import MailedLink, PasswordCredential, User, UserRole, UserSession
from app.identity.rules import TokenPurpose, UserKind, UserStatus

_EMAIL_SPACE = 0x656D_6169  # "emai": the first half of the advisory locks on addresses.


def user_by_email(kind: UserKind, email_norm: str) -> User | None:
    statement = select(User).where(User.kind == kind, User.email_norm == email_norm)
    return session().execute(statement).scalar_one_or_none()


def user(user_id: UUID) -> User:
    """The tenant's user. Raises NotFound."""
    found = session().execute(select(User).where(User.id == user_id)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def user_of_client(client_id: UUID) -> User | None:
    """The login of a client."""
    return session().execute(select(User).where(User.client_id == client_id)).scalar_one_or_none()


def client_name(client_id: UUID) -> str | None:
    """What the client is called; None for a client of nobody here."""
    found = user_of_client(client_id)
    return found.name if found is not None else None


def lock_user(user_id: UUID) -> User:
    """The user's row, locked and read fresh. Raises NotFound."""
    statement = select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
    found = session().execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def lock_email(kind: UserKind, email_norm: str) -> None:
    """Let two registrations of one address follow each other."""
    key = f"{tenant_id()}:{kind}:{email_norm}"
    execute_sql("SELECT pg_advisory_xact_lock(:space, hashtext(:key))", space=_EMAIL_SPACE, key=key)


def credential(user_id: UUID) -> PasswordCredential | None:
    statement = select(PasswordCredential).where(PasswordCredential.user_id == user_id)
    return session().execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def roles_of(user: User) -> tuple[str, ...]:
    """The roles that a user holds, in alphabetical order."""
    if user.kind is UserKind.CLIENT:
        return tuple(sorted(rules.CLIENT_ROLES))
    if user.kind is UserKind.OPERATOR:
        return tuple(sorted(rules.OPERATOR_ROLES))
    statement = select(UserRole.role).where(UserRole.user_id == user.id).order_by(UserRole.role)
    return tuple(session().execute(statement).scalars())


def lock_active_admins() -> Sequence[UUID]:
    """The administrators whose sign-in works, locked in a fixed order, so that two of them cannot remove each other."""
    statement = (
        select(User.id)
        .where(
            User.kind == UserKind.STAFF,
            User.status == UserStatus.ACTIVE,
            User.id.in_(select(UserRole.user_id).where(UserRole.role == "admin")),
        )
        .order_by(User.id)
        .with_for_update()
    )
    return session().execute(statement).scalars().all()


def session_by_hash(token_hash: str) -> tuple[UserSession, User] | None:
    """A session that has not been ended, with its user."""
    statement = (
        select(UserSession, User)
        .join(User, and_(User.tenant_id == UserSession.tenant_id, User.id == UserSession.user_id))
        .where(UserSession.token_hash == token_hash, UserSession.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )
    row = session().execute(statement).one_or_none()
    return None if row is None else (row[0], row[1])


def open_sessions(user_id: UUID, at: datetime) -> Sequence[UserSession]:
    """The sessions of a user that still work at that instant, the one used last first."""
    within_idle = or_(
        *(
            and_(UserSession.audience == audience, UserSession.last_seen_at > at - limits.idle)
            for audience, limits in rules.SESSION_LIMITS.items()
        )
    )
    statement = (
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > at,
            within_idle,
        )
        .order_by(UserSession.last_seen_at.desc())
    )
    return session().execute(statement).scalars().all()


def unended_sessions(user_id: UUID) -> Sequence[UserSession]:
    """Every session of a user that has not been ended, in a fixed order and locked."""
    statement = (
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
        .order_by(UserSession.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session().execute(statement).scalars().all()


def touch_session(session_id: UUID, at: datetime, unless_after: datetime) -> None:
    """Note that a session was used, unless it was noted lately or somebody else is noting it now."""
    execute_sql(
        "UPDATE user_session SET last_seen_at = :at WHERE tenant_id = :tenant_id AND id ="
        " (SELECT id FROM user_session WHERE tenant_id = :tenant_id AND id = :id AND ended_at IS NULL"
        "  AND last_seen_at < :unless_after FOR UPDATE SKIP LOCKED)",
        id=session_id,
        at=at,
        unless_after=unless_after,
    )


def note_device(token_hash: str, device_hash: str) -> None:
    """Note from which browser a session comes."""
    execute_sql(
        "UPDATE user_session SET device_hash = :device WHERE tenant_id = :tenant_id AND token_hash = :token",
        device=device_hash,
        token=token_hash,
    )


def link(purpose: TokenPurpose, token: str, *, lock: bool = False) -> MailedLink | None:
    """A mailed link by its secret, whatever its state."""
    statement = select(MailedLink).where(MailedLink.token_hash == rules.digest(token), MailedLink.purpose == purpose)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session().execute(statement).scalar_one_or_none()


def unused_links(user_id: UUID, purpose: TokenPurpose) -> Sequence[MailedLink]:
    statement = select(MailedLink).where(
        MailedLink.user_id == user_id, MailedLink.purpose == purpose, MailedLink.used_at.is_(None)
    )
    return session().execute(statement.order_by(MailedLink.id).with_for_update()).scalars().all()


def staff(search: str = "", role: str = "", status: str = "") -> list[tuple[User, tuple[str, ...]]]:
    """The tenant's staff with their roles: those who can sign in first, then by name."""
    order = case({UserStatus.ACTIVE: 0, UserStatus.INVITED: 1}, value=User.status, else_=2)
    statement = select(User).where(User.kind == UserKind.STAFF).order_by(order, func.lower(User.name), User.id)
    if search:
        found = User.name.icontains(search, autoescape=True) | User.email_norm.icontains(search, autoescape=True)
        statement = statement.where(found)
    if role:
        statement = statement.where(User.id.in_(select(UserRole.user_id).where(UserRole.role == role)))
    if status in set(UserStatus):
        statement = statement.where(User.status == UserStatus(status))
    people = session().execute(statement).scalars().all()
    held: dict[UUID, list[str]] = {}
    ids = [person.id for person in people]
    pairs = select(UserRole.user_id, UserRole.role).where(UserRole.user_id.in_(ids)).order_by(UserRole.role)
    for user_id, name in session().execute(pairs):
        held.setdefault(user_id, []).append(name)
    return [(person, tuple(held.get(person.id, ()))) for person in people]


def staff_member(user_id: UUID) -> User:
    """A member of the tenant's staff. Raises NotFound."""
    found = user(user_id)
    if found.kind is not UserKind.STAFF:
        raise NotFound
    return found
