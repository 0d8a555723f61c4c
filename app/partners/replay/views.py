"""Replays of a draft in the office: asking for one, watching it, and comparing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import Form, Required
from app.core.http import redirect_to, render, requires, unrestricted
from app.kit import clock
from app.kit.csv import write_rows
from app.kit.text import _l
from app.partners import labels, permissions, versions
from app.partners.drafts import service as drafts
from app.partners.replay import service
from app.partners.replay.models import Replay, ReplayTotal
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_replay", __name__, url_prefix="/commission")
STAFF_ACT = "A replay touches no money and no client."
CSV_ROWS_MAX = 100_000


class ReplayForm(Form):
    day_from = StringField(_l("First day"), [Required()])
    day_to = StringField(_l("Last day"), [Required()])

    def day(self, name: str) -> date:
        """A field's day. Raises Invalid that names it."""
        try:
            return date.fromisoformat(str(self[name].data or "").strip())
        except ValueError:
            raise Invalid(_l("Choose a day."), field=name) from None


@bp.route("/drafts/<uuid:draft_id>/replays", methods=["GET", "POST"])
@requires(permissions.COMMISSION_READ)
@unrestricted(STAFF_ACT)
def replays(draft_id: UUID) -> ResponseReturnValue:
    draft = drafts.draft(draft_id)
    yesterday = versions.day_cut().last_closed(clock.business_now())
    form = ReplayForm(data={"day_from": (yesterday - timedelta(days=29)).isoformat(), "day_to": yesterday.isoformat()})
    may_ask = current_actor().may(permissions.PLAN_EDIT)
    if form.sent() and may_ask:
        asked = form.attempt(
            lambda: service.ask(draft_id, form.day("day_from"), form.day("day_to"), by=current_actor())
        )
        if asked is not None:
            return redirect_to(url_for(".replay", replay_id=asked.id))
    return render(
        "partners/replay/replays.html",
        block="list",
        status=form.status,
        f=form,
        draft=draft,
        rows=service.replays_of(draft_id),
        may_ask=may_ask,
    )


@bp.get("/replays/<uuid:replay_id>")
@requires(permissions.COMMISSION_READ)
def replay(replay_id: UUID) -> ResponseReturnValue:
    found = service.replay(replay_id)
    view = _view()
    asked = PageRequest.read(request.args)
    rows, total = service.totals(replay_id, view, limit=asked.size, offset=asked.offset)
    return render(
        "partners/replay/replay.html",
        block="result",
        replay=found,
        plan=found.plan,
        whole=service.total_of(replay_id),
        view=view,
        views=[(name, labels.REPLAY_VIEWS[name]) for name in service.VIEWS],
        rows=_named(view, rows),
        page=Page(rows, asked.number, asked.size, total),
        may_ask=current_actor().may(permissions.PLAN_EDIT),
    )


def _view() -> str:
    asked = request.args.get("view", "")
    return asked if asked in service.VIEWS else service.VIEWS[0]


def _named(view: str, rows: Sequence[ReplayTotal]) -> list[dict[str, Any]]:
    """The rows with what their keys are called."""
    if view in ("partner", "client"):
        names = clients.names_of([UUID(row.key) for row in rows])
        return [
            {"row": row, "name": names[UUID(row.key)][0], "number": names[UUID(row.key)][1], "client_id": row.key}
            for row in rows
        ]
    if view == "day":
        return [{"row": row, "day": date.fromisoformat(row.key)} for row in rows]
    return [{"row": row, "name": row.key} for row in rows]


@bp.get("/replays/<uuid:replay_id>.csv")
@requires(permissions.COMMISSION_READ)
def replay_csv(replay_id: UUID) -> ResponseReturnValue:
    """One view with every digit."""
    found: Replay = service.replay(replay_id)
    view = _view()
    rows, _total = service.totals(replay_id, view, limit=CSV_ROWS_MAX)
    lines = [
        [
            one.get("number") or one["row"].key,
            one["row"].trades,
            one["row"].paid,
            one["row"].would_pay,
            one["row"].difference,
            found.plan.currency,
        ]
        for one in _named(view, rows)
    ]
    text = write_rows([view, "trades", "paid", "would_pay", "difference", "currency"], lines)
    response = Response(text, mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="replay-{view}.csv"'
    return response


@bp.post("/replays/<uuid:replay_id>/stop")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def stop(replay_id: UUID) -> ResponseReturnValue:
    service.stop(replay_id, by=current_actor())
    return redirect_to(url_for(".replay", replay_id=replay_id))
