"""Mails about payouts, to the partner in their language."""

from __future__ import annotations

from app.identity import queries as people
from app.notifications.service import Recipient, notify
from app.partners.payouts.models import Payout


def to_partner(template: str, row: Payout, **params: object) -> None:
    """Write to the partner once this has committed."""
    user = people.user_of_client(row.partner_id)
    if user is not None:
        recipient = Recipient(user.email, user.name, user.language)
        notify(
            f"partners.{template}", recipient, amount=row.amount, reference=row.reference, method=row.method, **params
        )
