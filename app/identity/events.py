from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A person signed up as a client. `client_id` is the id that the client's own row takes, in this transaction."""

    user_id: UUID
    client_id: UUID
    email: str
    email_norm: str
    name: str
    country: str
    language: str
    referral_code: str
    ip: str


@dataclass(frozen=True, slots=True)
class UserConfirmed:
    """A client proved to read the mailbox that they signed up with."""

    user_id: UUID
    client_id: UUID


@dataclass(frozen=True, slots=True)
class UserProfileChanged:
    """A client changed what they are called or which language they read."""

    user_id: UUID
    client_id: UUID
    name: str
    language: str
