"""A client's one timeline: recorded acts, and what features tell of their own rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.audit import queries as audit
from app.audit import rules as audit_rules
from app.audit.models import AuditRecord
from app.clients.timeline import TimelineEntry, merged
from app.core import features
from app.kit.text import Message
from app.web.office import acts

PAGE = 30


def entries(
    client_id: UUID, *, kind: str = "", before: datetime | None = None, limit: int = PAGE
) -> list[TimelineEntry]:
    """The newest entries of a client, narrowed to a kind, before an instant."""
    sources = [_from_audit, *(source.load for feature in features.features() for source in feature.timeline)]
    if not kind:
        return merged(sources, client_id, before, limit)
    found: list[TimelineEntry] = []
    while len(found) < limit:
        part = merged(sources, client_id, before, limit * 4)
        found += [entry for entry in part if entry.kind == kind]
        if len(part) < limit * 4:
            break
        before = part[-1].at
    return found[:limit]


def _from_audit(client_id: UUID, before: datetime | None, limit: int) -> Sequence[TimelineEntry]:
    statement = audit.log(client_id=client_id, until=before)
    return [_entry(record) for record in audit.page_of_log(statement, offset=0, limit=limit)]


def _entry(record: AuditRecord) -> TimelineEntry:
    changed = audit_rules.differences(record.before, record.after)
    return TimelineEntry(
        at=record.at,
        title=acts.title_of(record.action),
        kind=acts.kind_of(record.action),
        icon=acts.icon_of(record.action),
        tone=acts.tone_of(record.action),
        text=Message("%(text)s", {"text": record.reason}) if record.reason else "",
        by=record.actor_name if record.actor_kind in ("client", "staff", "operator") else "",
        details=[(change.field, change.after or "") for change in changed[:6]],
    )
