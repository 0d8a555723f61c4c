"""The office's first page: what waits for this person, and how the day goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from werkzeug.routing import BuildError

from app.core import features, http
from app.core.actor import current_actor
from app.core.features import HomeTile
from app.kit import clock
from app.kit.text import Message


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


def may_open(endpoint: str) -> bool:
    """Whether the actor's permissions open the page behind an endpoint."""
    from flask import current_app

    permission = http.marks_of(current_app.view_functions.get(endpoint)).get("permission")
    return permission is not None and current_actor().may(permission)


def first_url(endpoints: Sequence[str]) -> str | None:
    """The address of the first of these endpoints that exists and that the actor may open."""
    for endpoint in endpoints:
        if may_open(endpoint):
            try:
                return url_for(endpoint)
            except BuildError:
                continue
    return None
