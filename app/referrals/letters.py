"""What partners are told by mail when somebody comes below them or leaves, where the tenant says so."""

from __future__ import annotations

from uuid import UUID

from app.clients import queries as clients
from app.notifications.service import Recipient, notify
from app.referrals.bundle import settings
from app.referrals.masking import shown_name
from app.referrals.models import Reattribution, TreeMove


def moved(move: TreeMove) -> None:
    """A move was entered: the partner who loses the client and the one who gets them."""
    _write_to_both(move, "client_moved_away", "client_moved_here", at=move.takes_effect_at)


def ended(move: TreeMove) -> None:
    """A move was called off or undone: both partners, each in the other's place."""
    _write_to_both(move, "client_stays_here", "client_stays_away", at=move.takes_effect_at)


def reattributed(correction: Reattribution) -> None:
    """An attribution was corrected: both partners, with the instant from which it counts."""
    _write_to_both(correction, "client_taken_back", "client_attributed", at=correction.since)


def _write_to_both(what: TreeMove | Reattribution, old: str, new: str, **params: object) -> None:
    if not settings().mail_partners:
        return
    client = clients.get(what.client_id)
    name = shown_name(client.name)
    for partner_id, template in ((what.old_parent_id, old), (what.new_parent_id, new)):
        if partner_id is not None:
            _write(partner_id, template, client_name=name, client_number=client.number, **params)


def _write(partner_id: UUID, template: str, **params: object) -> None:
    partner = clients.get(partner_id)
    notify(f"referrals.{template}", Recipient(partner.email, partner.name, partner.language), **params)
