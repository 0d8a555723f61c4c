"""Registration: everybody gets a code at once, and whoever came by a link gets their sponsor."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.core.actor import current_actor
from app.referrals import service
from app.referrals.rules import BY_LINK


def on_registration(event: ClientRegistered) -> None:
    """Give the newcomer a code, and the sponsor whose link they followed. An unknown code attributes nobody."""
    service.give_code(event.client_id)
    code, country = event.referral_code, event.country
    sponsor = service.sponsor_by_code(code, country=country) if code else None
    if sponsor is not None and sponsor != event.client_id:
        service.attribute(event.client_id, sponsor, reason=BY_LINK, by=current_actor())
