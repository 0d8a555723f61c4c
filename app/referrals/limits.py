"""What keeps a client from being moved, as the tenant has set it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.clients import queries as clients
from app.core import features
from app.core.errors import DomainError
from app.kit.text import Message, _l, _ln
from app.referrals import queries
from app.referrals.bundle import settings


class MoveNotAllowed(DomainError):
    """One of the tenant's limits stands against the move."""

    status_code = 422
    field = "parent"


def against(client_id: UUID, parent_id: UUID | None, now: datetime) -> Message | None:
    """The limit that stands against moving this client to this partner, or None.

    A first sponsor for somebody who has none is no change of partner, so `once_per_client` does not ask about it.
    """
    limits, client = settings().move, clients.get(client_id)
    if limits.once_per_client and queries.has_changed_partner(client_id):
        return _l("This client has changed the partner before. This brand allows it once.")
    if limits.only_verified and client.kyc_level < 1:
        return _l("This client is not verified. This brand moves verified clients only.")
    if limits.account_younger_days and now - client.created_at >= timedelta(days=limits.account_younger_days):
        return _ln(
            "This client signed up more than a day ago. This brand moves nobody after that.",
            "This client signed up more than %(num)s days ago. This brand moves nobody after that.",
            limits.account_younger_days,
        )
    if limits.only_untraded and any(asked(client_id) for asked in features.port("referrals.has_traded")):
        return _l("This client has traded. This brand moves only clients who have not.")
    partner = clients.get(parent_id) if limits.partner_registered_first and parent_id is not None else None
    if partner is not None and partner.created_at > client.created_at:
        return _l("This partner signed up after the client. This brand wants it the other way round.")
    return None


def require(client_id: UUID, parent_id: UUID | None, now: datetime) -> None:
    """Raise MoveNotAllowed with the limit that stands against the move."""
    found = against(client_id, parent_id, now)
    if found is not None:
        raise MoveNotAllowed(found)
