"""What referrals tells the features above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SponsorChanged:
    """From `at` on, a client (and so everybody below) stands at another place of the tree.

    `others` are those whose own sponsor changed at the same instant: whom somebody who went alone left behind.
    """

    client_id: UUID
    old_parent_id: UUID | None
    new_parent_id: UUID | None
    at: datetime
    is_new: bool  # The client's first sponsor, given at registration: nobody is below yet.
    others: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class InvitationAccepted:
    """Somebody who was invited to be a sub-partner stands below the inviter, in this transaction.

    The shares are what the inviter offered to give or wants to take; None where nothing was said.
    """

    invitation_id: UUID
    inviter_id: UUID
    client_id: UUID
    give_share: Decimal | None
    take_share: Decimal | None
