"""Making and withdrawing keys of programs, and whose a key is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import execute_sql, get, session
from app.core.errors import Conflict, Invalid, NotFound, TooMany
from app.identity import queries as users
from app.identity.permissions import SIGN_IN
from app.identity.rules import UserStatus
from app.identity.service.throttle import limit
from app.kit import clock
from app.kit.ids import new_token
from app.kit.text import _l
from app.notifications.service import Recipient, notify
from app.partners import permissions
from app.partners.tokens.models import ApiToken
from app.restrictions import service as restrictions

PREFIX: Final = "kpt_"
HINT_LENGTH: Final = 4
TOKENS_MAX: Final = 10
NAME_MAX: Final = 60
DAYS: Final = (30, 90, 365)
CALLS_PER_MINUTE: Final = 120
WRONG_KEYS_MAX: Final = 30
WRONG_KEYS_SECONDS: Final = 600
_NOTED: Final = timedelta(minutes=1)  # How old a key's last use may look.


class TooManyTokens(Conflict):
    message = _l("You have as many keys as you may have. Withdraw one that you no longer use.")


def tokens_of(client_id: UUID) -> Sequence[ApiToken]:
    """A client's keys, the newest first, with those that work no more."""
    statement = select(ApiToken).where(ApiToken.client_id == client_id).order_by(ApiToken.created_at.desc())
    return session().scalars(statement).all()


def make_token(client_id: UUID, name: str, days: int, *, by: Actor) -> tuple[ApiToken, str]:
    """A new key and its secret, which is known at this moment alone. The owner is told by mail.

    Raises Restricted, Invalid that names the field (also for a name that a key in force has), TooManyTokens.
    """
    restrictions.require(permissions.PARTNER_API, client_id)
    now, called = clock.now(), " ".join(name.split())
    if not 0 < len(called) <= NAME_MAX:
        raise Invalid(_l("Give the key a name of at most %(most)s characters.", most=str(NAME_MAX)), field="name")
    if days not in DAYS:
        raise Invalid(_l("Choose one of the options."), field="days")
    owner = clients.get(client_id)
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('api_token'), :tenant_id)")  # Two at once could pass the limit.
    standing = _in_force(client_id, now)
    if any(one.name.casefold() == called.casefold() for one in standing):
        raise Invalid(_l("You have a key of this name already."), field="name")
    if len(standing) >= TOKENS_MAX:
        raise TooManyTokens
    secret = PREFIX + new_token()
    token = ApiToken(
        client_id=client_id,
        name=called,
        secret_hash=_hash(secret),
        hint=secret[-HINT_LENGTH:],
        created_at=now,
        expires_at=now + timedelta(days=days),
        last_used_at=None,
        withdrawn_at=None,
    )
    session().add(token)
    session().flush()
    audit.record("partners.token.make", token, by=by, after={"name": called, "until": token.expires_at})
    notify("partners.token_made", Recipient(owner.email, owner.name, owner.language), token=called)
    return token, secret


def withdraw_token(token_id: UUID, client_id: UUID, *, by: Actor) -> ApiToken:
    """End a key at once. Withdrawn twice it stays withdrawn. Raises NotFound for somebody else's."""
    token = get(ApiToken, token_id, lock=True)
    if token is None or token.client_id != client_id:
        raise NotFound
    if token.withdrawn_at is None:
        token.withdrawn_at = clock.now()
        audit.record("partners.token.withdraw", token, by=by)
    return token


def bearer(secret: str, ip: str, user_agent: str) -> Actor | None:
    """Who asks with this key: its owner, with the right to read their own data and no other. None for a wrong key.

    Raises Restricted where that is locked for the owner, and TooMany for a key, or an address with wrong keys, that
    asks too often.
    """
    now = clock.now()
    token = session().scalar(select(ApiToken).where(ApiToken.secret_hash == _hash(secret)))
    if token is None or token.withdrawn_at is not None or token.expires_at <= now:
        if not limit("api_wrong", ip, times=WRONG_KEYS_MAX, seconds=WRONG_KEYS_SECONDS):
            raise TooMany
        return None
    owner = clients.get(token.client_id)
    if users.user(owner.user_id).status is not UserStatus.ACTIVE:
        return None
    if any(restrictions.is_locked(function, owner.id) for function in (SIGN_IN, permissions.PARTNER_API)):
        raise restrictions.Restricted
    if not limit("api", str(token.id), times=CALLS_PER_MINUTE, seconds=60):
        raise TooMany
    if token.last_used_at is None or token.last_used_at < now - _NOTED:
        token.last_used_at = now
    return Actor(
        "client",
        owner.user_id,
        owner.name,
        ip=ip,
        user_agent=user_agent,
        client_id=owner.id,
        language=owner.language,
        permissions=frozenset({permissions.API_READ}),
    )


def _in_force(client_id: UUID, now: datetime) -> Sequence[ApiToken]:
    statement = select(ApiToken).where(
        ApiToken.client_id == client_id, ApiToken.withdrawn_at.is_(None), ApiToken.expires_at > now
    )
    return session().scalars(statement).all()


def _hash(secret: str) -> bytes:
    """A secret of 256 random bits needs no slow hash: nobody guesses it."""
    return hashlib.sha256(secret.encode()).digest()
