"""What is handed to intake, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.trading.platforms.base import AccountRecord, AccountState, Deal, Position


class NoServerClock(RuntimeError):
    """The platform's offset has not been measured yet, so its times mean nothing. The sender tries again."""


@dataclass(frozen=True, slots=True)
class Window:
    """A complete reading of these logins' deals between two server times, begun at `read_at`.

    `seen` are all tickets that it showed: what we hold besides them is gone.
    """

    logins: Sequence[int]
    from_msc: int
    to_msc: int
    read_at: datetime
    seen: Sequence[int]


@dataclass(slots=True)
class Batch:
    """What is to be stored together. `whole_positions_of` are logins of which `positions` shows everything open."""

    deals: Sequence[Deal] = ()
    deleted_deals: Sequence[int] = ()
    window: Window | None = None
    positions: Sequence[Position] = ()
    closed_positions: Sequence[int] = ()
    whole_positions_of: Sequence[int] = ()
    accounts: Sequence[AccountRecord] = ()
    states: Sequence[AccountState] = ()


@dataclass(slots=True)
class Stored:
    """What a batch changed."""

    deals: int = 0
    deleted: int = 0
    legs: int = 0
    clients: set[UUID] = field(default_factory=set)
