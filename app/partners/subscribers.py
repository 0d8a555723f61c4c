"""What changes in the tree and among clients means for commission: who receives, and by whose link somebody came."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.partners import receivers
from app.partners.portal import links
from app.referrals import queries as tree
from app.referrals.events import SponsorChanged


def on_sponsor_changed(event: SponsorChanged) -> None:
    """Derive the receivers of everybody who stands below the link that changed. The publisher holds the tree."""
    clients = [event.client_id] if event.is_new else tree.below_from(event.client_id, event.at, others=event.others)
    receivers.refresh(clients, event.at)


def on_registration(event: ClientRegistered) -> None:
    """Note by whose link the newcomer came. The sponsor tree has heard of the registration before."""
    links.record_registration(event.client_id, event.referral_code)
