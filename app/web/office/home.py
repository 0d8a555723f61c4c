"""The office's first page: what waits for this person, and how the day goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from app.core import features
from app.core.actor import current_actor
from app.core.features import HomeTile
from app.kit import clock
from app.kit.text import Message
from app.web.actions import may_open


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue as the page shows it."""

    label: Message
    count: int
    url: str
    icon: str
    oldest_at: datetime | None
    is_late: bool


def queues() -> list[Queue]:
    """The queues that this actor may work on: what features tell, and every menu entry that counts what waits."""
    actor = current_actor()
    found: list[Queue] = []
    told: set[str] = set()
    for tiles in features.port("home_tiles"):
        for tile in tiles():
            if may_open(tile.endpoint):
                told.add(tile.endpoint)
                found.append(_queue(tile))
    for feature in features.features():
        for entry in feature.menu:
            counted = entry.audience == "office" and entry.badge is not None and entry.endpoint not in told
            if counted and entry.badge is not None and actor.may(entry.permission):
                url = url_for(entry.endpoint)
                found.append(Queue(entry.label, entry.badge(), url, entry.icon, None, False))
    return sorted(found, key=lambda queue: (not queue.is_late, queue.count == 0))


def _queue(tile: HomeTile) -> Queue:
    is_late = tile.oldest_at is not None and clock.now() - tile.oldest_at > tile.late_after
    url = url_for(tile.endpoint, **tile.values)
    return Queue(tile.label, tile.count, url, tile.icon, tile.oldest_at, is_late and tile.count > 0)
