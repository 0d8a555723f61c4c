"""One timeline of a client: audit records, notes, and what the features above tell of their own rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.kit.text import Message


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened. `kind` is what the timeline can be narrowed to: money, compliance, trading, staff."""

    at: datetime
    title: Message
    kind: str
    icon: str = "point"
    tone: str = "neutral"
    text: Message | str = ""
    by: str = ""
    url: str = ""
    details: Sequence[tuple[str, str]] = field(default_factory=tuple)


# A source answers the newest entries of a client before an instant: at most so many, newest first.
Source = Callable[[UUID, datetime | None, int], Sequence[TimelineEntry]]


def merged(sources: Sequence[Source], client_id: UUID, before: datetime | None, limit: int) -> list[TimelineEntry]:
    """The newest `limit` entries of all sources before the instant, newest first."""
    found = [entry for load in sources for entry in load(client_id, before, limit)]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]
