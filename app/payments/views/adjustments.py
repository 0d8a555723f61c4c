"""Corrections by hand in the office: one person proposes with a reason, another one books."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import amount_of, once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.ledger import permissions
from app.ledger import queries as books
from app.ledger import service as ledger
from app.ledger.models import Adjustment, AdjustmentStatus
from app.payments import forms
from app.payments.views.office import STAFF_ACT, tabs

bp = Blueprint("payments_adjustments", __name__, url_prefix="/payments/adjustments")


@bp.get("/")
@requires(permissions.LEDGER_READ)
def queue() -> ResponseReturnValue:
    asked = request.args.get("status", AdjustmentStatus.PROPOSED.value)
    status = AdjustmentStatus(asked) if asked in {one.value for one in AdjustmentStatus} else None
    rows = books.adjustments(status=status)
    actor = current_actor()
    return render(
        "payments/office/adjustments.html",
        block="list",
        rows=rows,
        names=clients.names_of([row.owner_id for row in rows if row.owner_id]),
        chosen=asked,
        statuses=[("all", _l("All")), *((one.value, one.label) for one in AdjustmentStatus)],
        may_propose=actor.may(permissions.ADJUSTMENT_PROPOSE),
        may_approve=actor.may(permissions.ADJUSTMENT_APPROVE),
        own_id=actor.id,
        tabs=tabs(),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(permissions.ADJUSTMENT_PROPOSE)
@unrestricted(STAFF_ACT)
def propose() -> ResponseReturnValue:
    form = forms.AdjustmentForm(client_number=request.args.get("client", ""))
    form.offer()
    if form.sent() and form.attempt(lambda: _propose(form)) is not None:
        toast(_l("The adjustment is proposed. Another person must approve it."))
        return redirect_to(url_for(".queue"))
    return render("payments/office/adjustment_form.html", status=form.status, f=form)


def _propose(form: forms.AdjustmentForm) -> Adjustment:
    text = str(form.client_number.data).strip().lstrip("#")
    client = clients.by_number(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if client is None:
        raise Invalid(_l("There is no client with this number."), field="client_number")
    money = amount_of(form.amount, form.currency.data)
    wallet = ledger.wallet(ledger.Owner("client", client.id), ledger.MAIN, money.currency)
    signed = money if form.direction.data == "credit" else -money
    return ledger.propose_adjustment(wallet.id, signed, form.reason.data or "", once=once_key(), by=current_actor())


@bp.post("/<uuid:adjustment_id>/approve")
@requires(permissions.ADJUSTMENT_APPROVE)
@unrestricted(STAFF_ACT)
def approve(adjustment_id: UUID) -> ResponseReturnValue:
    ledger.approve_adjustment(adjustment_id, by=current_actor())
    toast(_l("The adjustment is booked."))
    return redirect_to(url_for(".queue"))


@bp.route("/<uuid:adjustment_id>/reject", methods=["GET", "POST"])
@requires(permissions.ADJUSTMENT_APPROVE)
@unrestricted(STAFF_ACT)
def reject(adjustment_id: UUID) -> ResponseReturnValue:
    form = forms.RejectAdjustmentForm()
    if (
        form.sent()
        and form.attempt(lambda: ledger.reject_adjustment(adjustment_id, form.note.data or "", by=current_actor()))
        is not None
    ):
        toast(_l("The adjustment is turned down."))
        return redirect_to(url_for(".queue"))
    return render(
        "payments/office/adjustment_reject.html",
        block="dialog",
        status=form.status,
        f=form,
        adjustment=books.get_adjustment(adjustment_id),
    )
