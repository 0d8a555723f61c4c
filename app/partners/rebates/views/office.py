"""Shares in the office: what waits for a decision, and what was agreed."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.partners import labels, permissions
from app.partners.rebates import labels as words
from app.partners.rebates import queries, service
from app.partners.rebates.forms import RefuseShareForm
from app.partners.rebates.models import AgreementStatus
from app.referrals.rules import FOREVER
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_shares_office", __name__, url_prefix="/commission/shares")
STAFF_ACT = "Staff decide here; the service asks the partner's own lock."


@bp.get("/")
@requires(permissions.COMMISSION_READ)
def queue() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    shown = request.args.get("show", "")
    shown = shown if shown in list(AgreementStatus) else AgreementStatus.WAITING.value
    rows, total = queries.queue(shown, limit=asked.size, offset=asked.offset)
    people = {one.giver_id for one in rows} | {one.receiver_id for one in rows if one.receiver_id is not None}
    return render(
        "partners/rebates/office/queue.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        shown=shown,
        statuses=list(AgreementStatus),
        names=clients.names_of(people),
        labels=labels,
        words=words,
        forever=FOREVER,
        now=clock.business_now(),
        start=service.next_start(),
        may_decide=current_actor().may(permissions.SHARE_DECIDE),
    )


@bp.post("/<uuid:agreement_id>/approve")
@requires(permissions.SHARE_DECIDE)
@unrestricted(STAFF_ACT)
def approve(agreement_id: UUID) -> ResponseReturnValue:
    service.approve(agreement_id, by=current_actor())
    toast(_l("The rebate holds from the next settlement day."))
    return redirect_to(url_for(".queue"))


@bp.route("/<uuid:agreement_id>/refuse", methods=["GET", "POST"])
@requires(permissions.SHARE_DECIDE)
@unrestricted(STAFF_ACT)
def refuse(agreement_id: UUID) -> ResponseReturnValue:
    found = queries.agreement(agreement_id)
    form = RefuseShareForm()
    if form.sent():
        done = form.attempt(lambda: service.refuse(agreement_id, reason=form.reason.data, by=current_actor()))
        if done is not None:
            toast(_l("The rebate is refused. The partner is told why."))
            return redirect_to(url_for(".queue"))
    names = clients.names_of([found.giver_id, *([found.receiver_id] if found.receiver_id is not None else [])])
    return render(
        "partners/rebates/office/refuse.html", block="form", status=form.status, f=form, one=found, names=names
    )
