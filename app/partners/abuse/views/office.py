"""Findings in the office: the queue, one with its evidence, and what is decided about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.forms import Form
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import Message, _l
from app.partners import labels as words
from app.partners import permissions
from app.partners import queries as partners
from app.partners.abuse import labels, queries, service
from app.partners.abuse.forms import AgreeForm, DecideForm
from app.partners.abuse.models import NOBODY, Finding, FindingKind, FindingState
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_abuse", __name__, url_prefix="/commission/findings")
STAFF_ACT = "Staff act here; what a partner or client may do is not asked."
FORMS: dict[str, type[AgreeForm]] = {"clear": DecideForm, "keep": DecideForm, "refuse": DecideForm, "agree": AgreeForm}


@bp.get("/")
@requires(permissions.FINDING_READ)
def queue() -> ResponseReturnValue:
    state, kind = request.args.get("state", "open"), request.args.get("kind", "")
    asked = PageRequest.read(request.args)
    rows, total = queries.queue(state, kind, limit=asked.size, offset=asked.offset)
    return render(
        "partners/abuse/queue.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=queries.names_of(rows),
        states=[(one.value, one.label) for one in FindingState],
        kinds=[(one.value, one.label) for one in FindingKind],
        state=state,
        kind=kind,
        precisions=[one for one in queries.precisions().values() if one.decided or one.waiting],
        terms=service.terms(),
        labels=labels,
        nobody=NOBODY,
    )


@bp.get("/<uuid:finding_id>")
@requires(permissions.FINDING_READ)
def finding(finding_id: UUID) -> ResponseReturnValue:
    return _page(queries.finding(finding_id))


def _page(row: Finding, sent: AgreeForm | None = None, name: str = "") -> Response:
    forms: dict[str, Any] = {
        kind: sent if kind == name else form(prefix=f"{kind}-", data={"version": str(row.version)}, formdata=None)
        for kind, form in FORMS.items()
    }
    actor = current_actor()
    return render(
        "partners/abuse/finding.html",
        block="finding",
        status=sent.status if sent is not None else 200,
        finding=row,
        names=queries.names_of([row]),
        numbers=list(labels.numbers(row.evidence)),
        signs=labels.signs(row),
        signals=queries.signals(row.id),
        stake=queries.at_stake(row.id),
        lines=queries.lines(row.id),
        currency=partners.currency(),
        forms=forms,
        labels=labels,
        words=words,
        terms=service.terms(),
        own_id=actor.id,
        may_decide=actor.may(permissions.FINDING_DECIDE),
        may_see_clawbacks=actor.may(permissions.COMMISSION_READ),
        nobody=NOBODY,
    )


def _act(finding_id: UUID, kind: str, act: Callable[[Any], Finding], done: Message) -> ResponseReturnValue:
    row = queries.finding(finding_id)
    form: Form = FORMS[kind](prefix=f"{kind}-")
    assert isinstance(form, AgreeForm)
    if form.sent() and form.attempt(lambda: act(form)) is not None:
        toast(done)
        return redirect_to(url_for(".finding", finding_id=finding_id))
    return _page(row, form, kind)


@bp.post("/<uuid:finding_id>/clear")
@requires(permissions.FINDING_DECIDE)
@unrestricted(STAFF_ACT)
def clear(finding_id: UUID) -> ResponseReturnValue:
    return _act(
        finding_id,
        "clear",
        lambda form: service.clear(finding_id, form.reason.data, version=form.seen, by=current_actor()),
        _l("Cleared. The next settlement pays what waited."),
    )


@bp.post("/<uuid:finding_id>/keep")
@requires(permissions.FINDING_DECIDE)
@unrestricted(STAFF_ACT)
def keep(finding_id: UUID) -> ResponseReturnValue:
    return _act(
        finding_id,
        "keep",
        lambda form: service.keep(finding_id, form.reason.data, version=form.seen, by=current_actor()),
        _l("The money stays on hold."),
    )


@bp.post("/<uuid:finding_id>/refuse")
@requires(permissions.FINDING_DECIDE)
@unrestricted(STAFF_ACT)
def refuse(finding_id: UUID) -> ResponseReturnValue:
    return _act(
        finding_id,
        "refuse",
        lambda form: service.refuse(finding_id, form.reason.data, version=form.seen, by=current_actor()),
        _l("Your refusal is written down."),
    )


@bp.post("/<uuid:finding_id>/agree")
@requires(permissions.FINDING_DECIDE)
@unrestricted(STAFF_ACT)
def agree(finding_id: UUID) -> ResponseReturnValue:
    return _act(
        finding_id,
        "agree",
        lambda form: service.agree(finding_id, version=form.seen, by=current_actor()),
        _l("Refused. The next settlement gives up what waited."),
    )
