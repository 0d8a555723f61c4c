"""What referrals tells the features above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
