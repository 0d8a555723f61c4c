"""The partner desk's disputes: the queue, one dispute with its evidence, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.core.actor import current_actor
from app.core.forms import Form, amount_of
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import Message, _l
from app.partners import labels, permissions
from app.partners.disputes import evidence, queries, service
from app.partners.disputes.forms import AcceptForm, AnswerForm, DecideForm, NoteForm, RefuseForm, TurnDownForm
from app.partners.disputes.models import Dispute, DisputeState
from app.partners.disputes.views.portal import json_file
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_disputes_office", __name__, url_prefix="/commission/disputes")
STAFF_ACT = "Staff act here; the service asks the partner's locks itself where money follows."
SHOWN: dict[str, Message] = {
    "waiting": _l("Waiting for the desk"),
    "second": _l("Waiting for a second person"),
    **{state.value: state.label for state in DisputeState if state is not DisputeState.OPEN},
    "all": _l("All"),
}
FORMS: dict[str, type[Form]] = {
    "answer": AnswerForm,
    "note": NoteForm,
    "accept": AcceptForm,
    "refuse": RefuseForm,
    "approve": DecideForm,
    "turn_down": TurnDownForm,
}


@bp.get("/")
@requires(permissions.DISPUTE_READ)
def queue() -> ResponseReturnValue:
    shown = request.args.get("show", "")
    shown = shown if shown in SHOWN else "waiting"
    asked = PageRequest.read(request.args)
    rows, total = queries.queue(shown, limit=asked.size, offset=asked.offset)
    return render(
        "partners/disputes/office/queue.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        shown=shown,
        choices=[("waiting", SHOWN["waiting"]), *((name, label) for name, label in SHOWN.items() if name != "waiting")],
        labels=labels,
        now=clock.now(),
    )


@bp.get("/<uuid:dispute_id>")
@requires(permissions.DISPUTE_READ)
def dispute(dispute_id: UUID) -> ResponseReturnValue:
    return _page(queries.dispute(dispute_id))


def _page(row: Dispute, sent: Form | None = None, name: str = "") -> Response:
    actor = current_actor()
    forms: dict[str, Any] = {
        kind: sent if kind == name else form(prefix=f"{kind}-", data={"version": str(row.version)}, formdata=None)
        for kind, form in FORMS.items()
    }
    partner, number = service.partner_name(row)
    return render(
        "partners/disputes/office/dispute.html",
        block="dispute",
        status=sent.status if sent is not None else 200,
        dispute=row,
        partner=partner,
        partner_number=number,
        messages=queries.messages(row.id, with_notes=True),
        kept=queries.evidence(row.id),
        forms=forms,
        labels=labels,
        terms=service.terms(),
        now=clock.now(),
        own_id=actor.id,
        may_answer=actor.may(permissions.DISPUTE_ANSWER),
        may_decide=actor.may(permissions.DISPUTE_DECIDE),
    )


@bp.get("/<uuid:dispute_id>/evidence")
@requires(permissions.DISPUTE_READ)
def evidence_page(dispute_id: UUID) -> ResponseReturnValue:
    row, kept = queries.dispute(dispute_id), queries.evidence(dispute_id)
    return render("partners/disputes/office/evidence.html", dispute=row, kept=kept, parts=evidence.parts(kept.document))


@bp.get("/<uuid:dispute_id>/evidence.json")
@requires(permissions.DISPUTE_READ)
def evidence_file(dispute_id: UUID) -> ResponseReturnValue:
    """The document as the database keeps it, letter for letter: its SHA-256 is the digest that the page shows."""
    row, kept = queries.dispute(dispute_id), queries.evidence(dispute_id)
    audit.record("partners.dispute.export", row, by=current_actor(), client_id=row.partner_id)
    return json_file(kept.text, row)


def _act(dispute_id: UUID, kind: str, act: Callable[[Any], Dispute], done: Message) -> ResponseReturnValue:
    row = queries.dispute(dispute_id)
    form = FORMS[kind](prefix=f"{kind}-")
    if form.sent() and form.attempt(lambda: act(form)) is not None:
        toast(done)
        return redirect_to(url_for(".dispute", dispute_id=dispute_id))
    return _page(row, form, kind)


@bp.post("/<uuid:dispute_id>/answer")
@requires(permissions.DISPUTE_ANSWER)
@unrestricted(STAFF_ACT)
def answer(dispute_id: UUID) -> ResponseReturnValue:
    return _act(
        dispute_id,
        "answer",
        lambda form: service.answer(dispute_id, form.text.data, version=form.seen, by=current_actor()),
        _l("The partner has your answer."),
    )


@bp.post("/<uuid:dispute_id>/note")
@requires(permissions.DISPUTE_ANSWER)
@unrestricted(STAFF_ACT)
def note(dispute_id: UUID) -> ResponseReturnValue:
    return _act(
        dispute_id,
        "note",
        lambda form: service.write_note(dispute_id, form.text.data, by=current_actor()),
        _l("The note is for the desk alone."),
    )


@bp.post("/<uuid:dispute_id>/accept")
@requires(permissions.DISPUTE_DECIDE)
@unrestricted(STAFF_ACT)
def accept(dispute_id: UUID) -> ResponseReturnValue:
    row = queries.dispute(dispute_id)
    return _act(
        dispute_id,
        "accept",
        lambda form: service.accept(
            dispute_id,
            amount_of(form.amount, row.currency),
            form.text.data,
            version=form.seen,
            by=current_actor(),
        ),
        _l("The correction is noted."),
    )


@bp.post("/<uuid:dispute_id>/approve")
@requires(permissions.DISPUTE_DECIDE)
@unrestricted(STAFF_ACT)
def approve(dispute_id: UUID) -> ResponseReturnValue:
    return _act(
        dispute_id,
        "approve",
        lambda form: service.approve(dispute_id, version=form.seen, by=current_actor()),
        _l("The next settlement pays the correction."),
    )


@bp.post("/<uuid:dispute_id>/turn-down")
@requires(permissions.DISPUTE_DECIDE)
@unrestricted(STAFF_ACT)
def turn_down(dispute_id: UUID) -> ResponseReturnValue:
    return _act(
        dispute_id,
        "turn_down",
        lambda form: service.turn_down(dispute_id, form.text.data, version=form.seen, by=current_actor()),
        _l("The proposal is turned down; the dispute goes on."),
    )


@bp.post("/<uuid:dispute_id>/refuse")
@requires(permissions.DISPUTE_DECIDE)
@unrestricted(STAFF_ACT)
def refuse(dispute_id: UUID) -> ResponseReturnValue:
    return _act(
        dispute_id,
        "refuse",
        lambda form: service.refuse(dispute_id, form.text.data, version=form.seen, by=current_actor()),
        _l("The dispute is refused."),
    )
