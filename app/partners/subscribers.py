"""A changed sponsor changes who receives: from that instant on, for the client and everybody below."""

from __future__ import annotations

from app.partners import receivers
from app.referrals import queries as tree
from app.referrals.events import SponsorChanged


def on_sponsor_changed(event: SponsorChanged) -> None:
    """Derive the receivers of everybody who stands below the link that changed. The publisher holds the tree."""
    clients = [event.client_id] if event.is_new else tree.below_from(event.client_id, event.at)
    receivers.refresh(clients, event.at)
