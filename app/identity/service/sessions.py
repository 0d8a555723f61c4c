"""Sessions: rows in PostgreSQL, remembered in Redis for a minute, ended everywhere at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import redis
import structlog

from app.audit import service as audit
from app.core import features, live
from app.core import redis as core_redis
from app.core.actor import Actor
from app.core.db import after_commit, get, session, tenant_id, tenant_scope
from app.core.errors import NotFound
from app.identity import queries, rules
from app.identity.models import User, UserSession
from app.identity.rules import UserKind, UserStatus
from app.kit import clock
from app.kit.ids import new_token

log = structlog.get_logger()

_REMEMBERED = timedelta(seconds=60)
_ENDED = b"ended"  # Stands in Redis longer than any remembered copy could, so that a slow reader cannot revive one.


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session belongs to, and what that person may do."""

    user_id: UUID
    session_id: UUID
    audience: str
    kind: UserKind
    name: str
    email: str
    client_id: UUID | None
    roles: tuple[str, ...]
    language: str
    theme: str
    timezone: str
    fresh_until: datetime
    expires_at: datetime

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.roles)

    def actor(self, ip: str = "", user_agent: str = "") -> Actor:
        """The person as services know them."""
        return Actor(
            kind=self.kind.value,
            id=self.user_id,
            name=self.name,
            ip=ip,
            user_agent=user_agent,
            session_id=self.session_id,
            client_id=self.client_id,
            email=self.email,
            language=self.language,
            roles=frozenset(self.roles),
            permissions=self.permissions,
        )


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. The token goes into the cookie and is stored nowhere."""

    token: str
    signed_in: SignedIn


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """What these roles may do together. A permission that names none of them is refused."""
    held = frozenset(roles)
    return frozenset(code for code, permission in features.permissions().items() if permission.roles & held)


def start_session(user_id: UUID, *, audience: str, ip: str = "", user_agent: str = "") -> NewSession:
    """Begin a session for a user whose identity has just been proved. Its cookie is new, whatever the browser held.

    The user's row is locked: a sign-in and a disabling follow each other. Raises NotFound for who may not sign in.
    """
    user = queries.lock_user(user_id)
    if user.status is not UserStatus.ACTIVE or rules.KIND_OF_AUDIENCE[audience] is not user.kind:
        raise NotFound
    now = clock.now()
    token = new_token()
    row = UserSession(
        token_hash=rules.digest(token),
        user_id=user.id,
        audience=audience,
        ip=ip,
        user_agent=user_agent[:300],
        device_hash=None,
        created_at=now,
        last_seen_at=now,
        expires_at=now + rules.SESSION_LIMITS[audience].absolute,
        fresh_until=now + rules.FRESH_FOR,
        ended_at=None,
        end_reason=None,
    )
    session().add(row)
    user.last_sign_in_at = now
    session().flush()
    return NewSession(token, _signed_in(row, user))


def note_device(token: str, known: str) -> str:
    """Note from which browser a session has just begun; answers the word that the browser is to keep.

    The word that it brought is taken as it is if it could be one of ours. Another tenant's rows never match it.
    """
    device = known if known.isascii() and known.isprintable() and 20 <= len(known) <= 100 else new_token()
    queries.note_device(rules.digest(token), rules.digest(f"{tenant_id()} {device}"))
    return device


def cookie_name(*, secure: bool) -> str:
    """The name of the session cookie. Plain http, which only loopback serves, cannot carry a `__Host-` cookie."""
    return "__Host-sid" if secure else "sid"


def signed_in(token: str, audience: str) -> SignedIn | None:
    """Whose session this cookie is, on this audience of the bound tenant; None for a visitor.

    Asked on every request. An answer is remembered for a minute; ending a session forgets it at once.
    """
    if not 20 <= len(token) <= 100:
        return None
    now = clock.now()
    token_hash = rules.digest(token)
    known = _recall(token_hash, now)
    if known is None:
        found = queries.session_by_hash(token_hash)
        if found is None or not _is_open(*found, now):
            return None
        row, user = found
        queries.touch_session(row.id, now, now - _REMEMBERED)
        known = _signed_in(row, user)
        _remember(token_hash, known, now)
    elif known == _ENDED:
        return None
    assert isinstance(known, SignedIn)
    return known if known.audience == audience and now < known.expires_at else None


def is_session_alive(tenant: int, session_id: str) -> bool:
    """Whether a session of a tenant still works, read from the database. Opens a scope of its own."""
    try:
        wanted = UUID(session_id)
    except ValueError:
        return False
    with tenant_scope(tenant):
        row = get(UserSession, wanted)
        if row is None or row.ended_at is not None:
            return False
        return _is_open(row, queries.user(row.user_id), clock.now())


def sessions_of(user_id: UUID) -> Sequence[UserSession]:
    """The open sessions of a user, the one used last first."""
    return queries.open_sessions(user_id, clock.now())


def end_session(session_id: UUID, *, by: Actor, reason: str = "signed_out") -> None:
    """End one session, whoever's it is; ending it twice is ending it once. Raises NotFound."""
    row = get(UserSession, session_id, lock=True)
    if row is None:
        raise NotFound
    _end([row], reason, by)


def end_own_session(session_id: UUID, *, by: Actor) -> None:
    """End one of the actor's own sessions. Raises NotFound for somebody else's."""
    row = get(UserSession, session_id, lock=True)
    if row is None or row.user_id != by.id:
        raise NotFound
    _end([row], "ended_by_owner" if row.id != by.session_id else "signed_out", by)


def end_sessions_of(user_id: UUID, *, by: Actor, reason: str, but: UUID | None = None) -> int:
    """End every session of a user, perhaps but one, within this request. Answers how many."""
    return _end([row for row in queries.unended_sessions(user_id) if row.id != but], reason, by)


def end_client_sessions(client_id: UUID, *, by: Actor) -> int:
    """End every session of the person behind a client. Raises NotFound."""
    user = queries.user_of_client(client_id)
    if user is None:
        raise NotFound
    return end_sessions_of(user.id, by=by, reason="ended_by_staff")


def forget_sessions_of(user_id: UUID) -> None:
    """Read the user's sessions anew at their next request: the name, language or theme has changed."""
    for row in queries.open_sessions(user_id, clock.now()):
        after_commit(partial(_forget, tenant_id(), row.token_hash))


def _end(rows: Sequence[UserSession], reason: str, by: Actor) -> int:
    now = clock.now()
    open_rows = [row for row in rows if row.ended_at is None]
    for row in open_rows:
        row.ended_at, row.end_reason = now, reason
        audit.record("identity.session.end", row, by=by, after={"reason": reason, "user_id": row.user_id})
        after_commit(partial(_bury, row.tenant_id, row.token_hash))
        after_commit(partial(live.end_streams, row.tenant_id, row.id))
    return len(open_rows)


def _is_open(row: UserSession, user: User, now: datetime) -> bool:
    idle = rules.SESSION_LIMITS[row.audience].idle
    return user.status is UserStatus.ACTIVE and now < row.expires_at and now - row.last_seen_at < idle


def _signed_in(row: UserSession, user: User) -> SignedIn:
    return SignedIn(
        user_id=user.id,
        session_id=row.id,
        audience=row.audience,
        kind=user.kind,
        name=user.name,
        email=user.email,
        client_id=user.client_id,
        roles=queries.roles_of(user),
        language=user.language,
        theme=user.theme,
        timezone=user.timezone,
        fresh_until=row.fresh_until,
        expires_at=row.expires_at,
    )


def _key(tenant: int, token_hash: str) -> str:
    return core_redis.key("session", tenant, token_hash)


def _remember(token_hash: str, known: SignedIn, now: datetime) -> None:
    values = {
        "at": now.isoformat(),
        "user_id": str(known.user_id),
        "session_id": str(known.session_id),
        "audience": known.audience,
        "kind": known.kind.value,
        "name": known.name,
        "email": known.email,
        "client_id": str(known.client_id) if known.client_id else None,
        "roles": known.roles,
        "language": known.language,
        "theme": known.theme,
        "timezone": known.timezone,
        "fresh_until": known.fresh_until.isoformat(),
        "expires_at": known.expires_at.isoformat(),
    }
    try:
        # Only where nothing stands: a session ended since we read it must stay ended.
        core_redis.client().set(_key(tenant_id(), token_hash), json.dumps(values), ex=_REMEMBERED, nx=True)
    except redis.RedisError as error:
        log.warning("identity.session_not_remembered", error=str(error))


def _recall(token_hash: str, now: datetime) -> SignedIn | bytes | None:
    """What Redis knows: a session read less than a minute ago, that it has ended, or nothing."""
    try:
        found = cast("bytes | None", core_redis.client().get(_key(tenant_id(), token_hash)))
    except redis.RedisError:
        return None
    if found is None or found == _ENDED:
        return found
    values: dict[str, Any] = json.loads(found)
    age = now - datetime.fromisoformat(values.pop("at"))
    if not timedelta(0) <= age < _REMEMBERED:
        return None
    return SignedIn(
        **{
            **values,
            "user_id": UUID(values["user_id"]),
            "session_id": UUID(values["session_id"]),
            "kind": UserKind(values["kind"]),
            "client_id": UUID(values["client_id"]) if values["client_id"] else None,
            "roles": tuple(values["roles"]),
            "fresh_until": datetime.fromisoformat(values["fresh_until"]),
            "expires_at": datetime.fromisoformat(values["expires_at"]),
        }
    )


def _bury(tenant: int, token_hash: str) -> None:
    try:
        core_redis.client().set(_key(tenant, token_hash), _ENDED, ex=2 * _REMEMBERED)
    except redis.RedisError as error:
        log.warning("identity.session_not_forgotten", error=str(error))


def _forget(tenant: int, token_hash: str) -> None:
    try:
        core_redis.client().delete(_key(tenant, token_hash))
    except redis.RedisError as error:
        log.warning("identity.session_not_forgotten", error=str(error))
