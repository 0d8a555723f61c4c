"""Mails of a dispute: to the partner in their language, and to those of the staff who may answer."""

from __future__ import annotations

from app.identity import queries as people
from app.identity import service as identity
from app.identity.rules import UserStatus
from app.notifications.service import Recipient, notify
from app.partners import permissions
from app.partners.disputes.models import Dispute


def to_partner(template: str, row: Dispute, **params: object) -> None:
    """Write to the partner once this has committed."""
    user = people.user_of_client(row.partner_id)
    if user is not None:
        recipient = Recipient(user.email, user.name, user.language)
        notify(f"partners.{template}", recipient, **_facts(row), **params)


def to_desk(template: str, row: Dispute, **params: object) -> None:
    """Write to every active member of the partner desk; where there is none, to all who may answer."""
    able = [
        (user, roles)
        for user, roles in people.staff(status=UserStatus.ACTIVE)
        if permissions.DISPUTE_ANSWER in identity.permissions_of(roles)
    ]
    desk = [user for user, roles in able if "partner_desk" in roles] or [user for user, _ in able]
    for user in desk:
        notify(f"partners.{template}", Recipient(user.email, user.name, user.language), **_facts(row), **params)


def _facts(row: Dispute) -> dict[str, object]:
    return {
        "dispute_id": str(row.id),
        "number": row.reference,
        "day": row.business_date,
        "disputed": row.amount,
        "currency": row.currency,
    }
