"""Who takes on what waits for a person."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, NotFound
from app.kit import clock
from app.kit.text import _l
from app.trading.money import matters, queries
from app.trading.money.matters import MatterKind
from app.trading.money.models import MatterAssignee
from app.trading.queries import operations


class TakenOn(Conflict):
    message = _l("Somebody else has taken this on meanwhile. Reload the page.")


def take_on(kind: MatterKind, key: str, *, by: Actor) -> MatterAssignee:
    """Take a matter on, from nobody or again. Raises NotFound, TakenOn when somebody else has it."""
    assert by.id is not None, "Only a person takes something on."
    _require(kind, key)
    row = matters.assignee(kind, key)
    if row is not None:
        if row.user_id != by.id:
            raise TakenOn
        return row
    row = MatterAssignee(kind=kind.value, key=key, user_id=by.id, name=by.name, assigned_at=clock.now())
    session().add(row)
    session().flush()
    audit.record("trading.matter.take_on", (kind.value, key), by=by)
    live.publish("office", "platforms-changed")
    return row


def give_up(kind: MatterKind, key: str, *, by: Actor) -> None:
    """Nobody has it any more, whoever had it."""
    _require(kind, key)
    session().execute(delete(MatterAssignee).where(MatterAssignee.kind == kind.value, MatterAssignee.key == key))
    audit.record("trading.matter.give_up", (kind.value, key), by=by)
    live.publish("office", "platforms-changed")


def _require(kind: MatterKind, key: str) -> None:
    """Raises NotFound unless the brand has it."""
    try:
        if kind is MatterKind.OPERATION:
            operations.find(UUID(key))
        elif kind is MatterKind.DIFFERENCE:
            queries.difference(UUID(key))
        else:
            platform, _, ticket = key.partition(":")
            queries.find_deal(UUID(platform), int(ticket))
    except ValueError:
        raise NotFound from None
