"""What happens to clients, for the floors above."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ClientRegistered:
    """A person became a client, in this transaction. `referral_code` is what they came with: empty, or even wrong."""

    client_id: UUID
    user_id: UUID
    name: str
    country: str
    language: str
    referral_code: str
    ip: str


@dataclass(frozen=True, slots=True)
class ClientActivated:
    """A client may use everything that is not locked: the mailbox is confirmed, or a suspension has ended."""

    client_id: UUID


@dataclass(frozen=True, slots=True)
class KYCLevelChanged:
    """Compliance has set another verification level."""

    client_id: UUID
    before: int
    after: int
