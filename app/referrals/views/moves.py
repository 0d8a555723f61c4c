"""Moves and corrections in the office: looked at beforehand, entered, listed, taken back, approved by two."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.referrals import corrections, moves, permissions, queries
from app.referrals.bundle import settings
from app.referrals.forms import CorrectionForm, EndForm, MoveForm, RefusalForm
from app.referrals.models import MoveScope, MoveStatus, TreeMove
from app.referrals.views.office import path_to
from app.referrals.views.reading import instant_of_day, instant_of_text
from app.ui.lists import Page, PageRequest

bp = Blueprint("referrals_moves", __name__, url_prefix="/tree")
STAFF_ACT = "Staff change the tree; the change itself pays nobody and takes nothing."
STATES = {
    "pending": _l("Still to come"),
    "entered": MoveStatus.ENTERED.label,
    "cancelled": MoveStatus.CANCELLED.label,
    "undone": MoveStatus.UNDONE.label,
}


@bp.route("/<uuid:client_id>/move", methods=["GET", "POST"])
@requires(permissions.TREE_MOVE)
@unrestricted(STAFF_ACT)
def move(client_id: UUID) -> ResponseReturnValue:
    """The form, what the move would do, and the move itself: the button pressed says which."""
    client = clients.get(client_id)
    form = MoveForm()
    preview = None
    if form.sent():
        if request.form.get("act") == "preview":
            preview = form.attempt(lambda: moves.preview(client_id, _parent(form), by=current_actor(), **_wish(form)))
        elif form.attempt(lambda: _move(client_id, form)) is not None:
            toast(_l("The move is entered. Trades closed before it keep their partners."))
            return redirect_to(url_for("referrals_office.branch", client_id=client_id))
    return _move_page(client, form, preview)


def _move(client_id: UUID, form: MoveForm) -> TreeMove:
    return moves.enter(
        client_id,
        _parent(form),
        reason=form.reason.data,
        by=current_actor(),
        request_id=f"move:{client_id}:{once_key()}",
        **_wish(form),
    )


def _wish(form: MoveForm) -> dict[str, Any]:
    when = form.when.data
    dated = instant_of_day(form.dated.data or "") if when == "dated" else None
    if when == "dated" and dated is None:
        raise Invalid(_l("Give the day on which the move takes effect."), field="dated")
    return {"when": when, "dated": dated, "scope": MoveScope(form.scope.data)}


def _parent(form: MoveForm | CorrectionForm) -> UUID | None:
    text = (form.parent.data or "").strip().removeprefix("#")
    if not text:
        return None
    found = clients.by_number(int(text)) if text.isascii() and text.isdigit() and len(text) < 12 else None
    if found is None:
        raise Invalid(_l("There is no client with this number."), field="parent")
    return found.id


def _move_page(client: Any, form: MoveForm, preview: moves.Preview | None) -> Response:
    now = clock.business_now()
    shown = {}
    if preview is not None:
        people = {place.partner_id for place in preview.places} | {row.partner_id for row in preview.worth}
        shown = clients.names_of(people | ({preview.old_parent_id} if preview.old_parent_id else set()))
    return render(
        "referrals/office/move.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        path=path_to(client.id),
        next_day=moves.moment_of("next_settlement_day", now),
        preview=preview,
        names=shown,
        limits=settings().move,
    )


@bp.get("/moves")
@requires(permissions.TREE_READ)
def move_list() -> ResponseReturnValue:
    """Every move, the newest first; a search finds those about a client, or from or to a partner."""
    asked = PageRequest.read(request.args)
    search, state = request.args.get("q", "").strip(), request.args.get("state", "")
    found = clients.search(search, limit=200) if search else None
    rows, total = queries.moves(
        clients=found, state=state if state in STATES else "", limit=asked.size, offset=asked.offset
    )
    people = {one for row in rows for one in (row.client_id, row.old_parent_id, row.new_parent_id) if one is not None}
    return render(
        "referrals/office/moves.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=clients.names_of(people),
        search=search,
        state=state,
        states=STATES,
        now=clock.business_now(),
    )


@bp.get("/moves/<uuid:move_id>")
@requires(permissions.TREE_READ)
def one_move(move_id: UUID) -> ResponseReturnValue:
    return _one_move_page(move_id, EndForm())


@bp.post("/moves/<uuid:move_id>/end")
@requires(permissions.TREE_MOVE)
@unrestricted(STAFF_ACT)
def end_move(move_id: UUID) -> ResponseReturnValue:
    """Call a move off that is still to come, or undo one that has taken effect."""
    queries.move(move_id)
    form = EndForm()
    if form.sent():
        done = form.attempt(lambda: moves.undo(move_id, reason=form.reason.data, by=current_actor()))
        if done is not None:
            toast(_l("The move is taken back. Everything stands as before it."))
            return redirect_to(url_for(".one_move", move_id=move_id))
    return _one_move_page(move_id, form)


def _one_move_page(move_id: UUID, form: EndForm) -> Response:
    row = queries.move(move_id)
    now = clock.business_now()
    people = {one for one in (row.client_id, row.old_parent_id, row.new_parent_id) if one is not None}
    is_open = row.status is MoveStatus.ENTERED
    return render(
        "referrals/office/one_move.html",
        block="form",
        status=form.status,
        f=form,
        move=row,
        names=clients.names_of(people),
        is_pending=row.is_pending(now),
        depends=moves.what_depends(row) if is_open and not row.is_pending(now) else None,
        may_end=is_open and current_actor().may(permissions.TREE_MOVE),
    )


@bp.route("/<uuid:client_id>/correct", methods=["GET", "POST"])
@requires(permissions.TREE_CORRECT)
@unrestricted(STAFF_ACT)
def correct(client_id: UUID) -> ResponseReturnValue:
    """Propose that a client was attributed to the wrong partner; a second person decides."""
    client = clients.get(client_id)
    form = CorrectionForm()
    if form.sent():
        done = form.attempt(
            lambda: corrections.propose(
                client_id,
                _parent(form),
                since=_since(form),
                reason=form.reason.data,
                by=current_actor(),
                request_id=f"reattribution:{client_id}:{once_key()}",
            )
        )
        if done is not None:
            toast(_l("The correction waits for a second person."), "info")
            return redirect_to(url_for(".correction", reattribution_id=done.id))
    return render(
        "referrals/office/correct.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        path=path_to(client.id),
        days=settings().reattribute_window_days,
    )


def _since(form: CorrectionForm) -> datetime:
    found = instant_of_text(form.since.data or "")
    if found is None:
        raise Invalid(_l("Give the instant from which the attribution was wrong."), field="since")
    return found


@bp.get("/corrections")
@requires(permissions.TREE_READ)
def correction_list() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = queries.reattributions(limit=asked.size, offset=asked.offset)
    people = {one for row in rows for one in (row.client_id, row.old_parent_id, row.new_parent_id) if one is not None}
    return render(
        "referrals/office/corrections.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=clients.names_of(people),
    )


@bp.get("/corrections/<uuid:reattribution_id>")
@requires(permissions.TREE_READ)
def correction(reattribution_id: UUID) -> ResponseReturnValue:
    return _correction_page(reattribution_id, RefusalForm())


@bp.post("/corrections/<uuid:reattribution_id>/approve")
@requires(permissions.TREE_CORRECT_APPROVE)
@unrestricted(STAFF_ACT)
def approve_correction(reattribution_id: UUID) -> ResponseReturnValue:
    queries.reattribution(reattribution_id)
    form = RefusalForm(formdata=None)
    done = form.attempt(lambda: corrections.approve(reattribution_id, by=current_actor()))
    if done is not None:
        toast(_l("The attribution is corrected. The next settlement reverses old lines and writes new ones."))
        return redirect_to(url_for(".correction", reattribution_id=reattribution_id))
    return _correction_page(reattribution_id, form)


@bp.post("/corrections/<uuid:reattribution_id>/refuse")
@requires(permissions.TREE_CORRECT)
@unrestricted(STAFF_ACT)
def refuse_correction(reattribution_id: UUID) -> ResponseReturnValue:
    queries.reattribution(reattribution_id)
    form = RefusalForm()
    if form.sent():
        done = form.attempt(lambda: corrections.refuse(reattribution_id, note=form.note.data, by=current_actor()))
        if done is not None:
            toast(_l("The correction is refused. Nothing has changed."), "info")
            return redirect_to(url_for(".correction", reattribution_id=reattribution_id))
    return _correction_page(reattribution_id, form)


def _correction_page(reattribution_id: UUID, form: RefusalForm) -> Response:
    row = queries.reattribution(reattribution_id)
    actor = current_actor()
    people = {one for one in (row.client_id, row.old_parent_id, row.new_parent_id) if one is not None}
    is_open = row.decided_at is None
    return render(
        "referrals/office/correction.html",
        block="form",
        status=form.status,
        f=form,
        row=row,
        names=clients.names_of(people),
        is_open=is_open,
        may_approve=is_open and actor.may(permissions.TREE_CORRECT_APPROVE) and actor.id != row.proposed_by_id,
        may_refuse=is_open and actor.may(permissions.TREE_CORRECT),
    )
