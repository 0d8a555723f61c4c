"""Mailed links, and letters to the users of this floor."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.core.db import session
from app.core.errors import DomainError
from app.identity import queries, rules
from app.identity.models import MailedLink, User
from app.identity.rules import TokenPurpose
from app.kit import clock
from app.kit.ids import new_token
from app.kit.text import _l
from app.notifications import service as notifications
from app.notifications.service import Recipient

_LIFETIMES = {
    TokenPurpose.CONFIRM_EMAIL: rules.CONFIRM_LINK_LIFETIME,
    TokenPurpose.RESET_PASSWORD: rules.RESET_LINK_LIFETIME,
    TokenPurpose.INVITATION: rules.INVITATION_LIFETIME,
}


class LinkExpired(DomainError):
    """The link was used, replaced by a newer one, is too old, or never was ours."""

    status_code = 410
    message = _l("This link has expired or has already been used. Ask for a new one.")


def recipient(user: User) -> Recipient:
    """A user as someone to write to."""
    return Recipient(user.email, user.name, user.language)


def notify_user(user_id: UUID, template: str, **params: object) -> None:
    """Write to a user of the bound tenant, in the user's language, once this transaction has committed."""
    notifications.notify(template, recipient(queries.user(user_id)), **params)


def notify_client(client_id: UUID, template: str, **params: object) -> None:
    """Write to the person behind a client."""
    user = queries.user_of_client(client_id)
    if user is not None:
        notifications.notify(template, recipient(user), **params)


def issue_link(user: User, purpose: TokenPurpose) -> str:
    """A new secret for a mailed link; earlier ones of the same purpose stop working."""
    now = clock.now()
    for older in queries.unused_links(user.id, purpose):
        older.used_at = now
    token = new_token()
    session().add(
        MailedLink(
            token_hash=rules.digest(token),
            user_id=user.id,
            purpose=purpose,
            created_at=now,
            expires_at=now + lifetime(purpose),
            used_at=None,
        )
    )
    session().flush()
    return token


def lifetime(purpose: TokenPurpose) -> timedelta:
    return _LIFETIMES[purpose]


def user_of_link(purpose: TokenPurpose, token: str) -> User:
    """Whom a link that still works belongs to; it is not used up. Raises LinkExpired."""
    return queries.user(_working(purpose, token).user_id)


def use_link(purpose: TokenPurpose, token: str) -> User:
    """Use up a link and answer its user, locked. Raises LinkExpired, also for whoever comes second."""
    row = _working(purpose, token, lock=True)
    row.used_at = clock.now()
    return queries.lock_user(row.user_id)


def _working(purpose: TokenPurpose, token: str, *, lock: bool = False) -> MailedLink:
    row = queries.link(purpose, token, lock=lock)
    if row is None or row.used_at is not None or clock.now() >= row.expires_at:
        raise LinkExpired
    return row
