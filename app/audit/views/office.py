from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone

from app.audit import queries, rules
from app.audit.models import AuditRecord
from app.audit.permissions import AUDIT_READ
from app.core.errors import NotFound
from app.core.http import render, requires
from app.kit import csv
from app.ui.lists import PageRequest

bp = Blueprint("audit_office", __name__)

CSV_ROWS_MAX = 50_000


@bp.get("/audit")
@requires(AUDIT_READ)
def log() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    statement = _filtered()
    rows = queries.page_of_log(statement, offset=asked.offset, limit=asked.size)
    sealed = queries.is_sealed([row.id for row in rows])
    return render(
        "audit/office/log.html",
        block="list",
        rows=[{"record": row, "changes": _changes(row), "is_sealed": row.id in sealed} for row in rows],
        number=asked.number,
        size=asked.size,
        total=queries.count_of_log(statement),
        sealed_count=queries.sealed_count(),
    )


@bp.get("/audit.csv")
@requires(AUDIT_READ)
def export() -> ResponseReturnValue:
    rows = queries.page_of_log(_filtered(), offset=0, limit=CSV_ROWS_MAX)
    columns = ["at", "actor_kind", "actor", "address", "action", "object_type", "object_id", "client_id"]
    text = csv.write_rows(
        [*columns, "changes", "reason", "request_id", "value_hash"],
        [
            [
                row.at.astimezone(UTC).isoformat(timespec="milliseconds"),
                row.actor_kind,
                row.actor_name,
                row.ip,
                row.action,
                row.object_type,
                row.object_id,
                str(row.client_id or ""),
                "; ".join(f"{one.field}: {one.before or ''} -> {one.after or ''}" for one in _changes(row)),
                row.reason,
                row.request_id,
                row.value_hash,
            ]
            for row in rows
        ],
    )
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"}
    return Response(text, mimetype="text/csv", headers=headers)


@bp.get("/audit/<uuid:record_id>")
@requires(AUDIT_READ)
def record(record_id: UUID) -> ResponseReturnValue:
    found = queries.record(record_id)
    if found is None:
        raise NotFound
    return render("audit/office/record.html", record=found, changes=_changes(found), link=queries.link_of(record_id))


def _changes(row: AuditRecord) -> list[rules.Difference]:
    return rules.differences(row.before, row.after)


def _filtered() -> Any:
    args = request.args
    zone: tzinfo = get_timezone() or UTC
    until = _midnight(args.get("until", ""), zone)
    return queries.log(
        actor=args.get("actor", "").strip(),
        action=args.get("action", "").strip(),
        object_text=args.get("object", "").strip(),
        client_id=_uuid(args.get("client", "")),
        since=_midnight(args.get("since", ""), zone),
        until=until + timedelta(days=1) if until is not None else None,
    )


def _midnight(text: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
