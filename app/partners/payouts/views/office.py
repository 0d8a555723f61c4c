"""Payouts in the office: what waits for a decision, and releases before their time."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.partners import permissions
from app.partners import queries as money
from app.partners.payouts import early, labels, queries, service
from app.partners.payouts.forms import DecideForm, EarlyReleaseForm, RefuseEarlyForm, RejectPayoutForm
from app.partners.payouts.models import EarlyReleaseStatus, PayoutStatus
from app.partners.views.portal import read_day
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_payouts", __name__, url_prefix="/commission/payouts")
STAFF_ACT = "Staff decide here; the service asks the partner's own lock."


@bp.get("/")
@requires(permissions.PAYOUT_READ)
def queue() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    shown = next((one for one in PayoutStatus if one == request.args.get("show")), PayoutStatus.WAITING)
    rows, total = queries.queue(shown, limit=asked.size, offset=asked.offset)
    early_rows = queries.early_releases(status=EarlyReleaseStatus.WAITING)
    partners = {row.partner_id for row in rows} | {row.partner_id for row in early_rows}
    return render(
        "partners/payouts/office/queue.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        shown=shown,
        statuses=list(PayoutStatus),
        approvals=queries.approvals([row.id for row in rows]),
        early=early_rows,
        names=clients.names_of(partners),
        words=labels,
        may_approve=current_actor().may(permissions.PAYOUT_APPROVE),
        may_release=current_actor().may(permissions.EARLY_RELEASE_APPROVE),
    )


@bp.get("/<uuid:payout_id>")
@requires(permissions.PAYOUT_READ)
def payout(payout_id: UUID) -> ResponseReturnValue:
    return _payout(payout_id, RejectPayoutForm())


def _payout(payout_id: UUID, form: RejectPayoutForm) -> Response:
    row = queries.payout(payout_id)
    form.version.data = str(row.version)
    balances = next((one for one in money.balances(row.partner_id) if one.currency == row.currency), None)
    return render(
        "partners/payouts/office/payout.html",
        block="payout",
        status=form.status,
        row=row,
        f=form,
        client=clients.get(row.partner_id),
        balances=balances,
        approvals=queries.approvals([row.id])[row.id],
        words=labels,
        may_approve=current_actor().may(permissions.PAYOUT_APPROVE),
    )


@bp.post("/<uuid:payout_id>/approve")
@requires(permissions.PAYOUT_APPROVE)
@unrestricted(STAFF_ACT)
def approve(payout_id: UUID) -> ResponseReturnValue:
    form = DecideForm()
    row = service.approve_payout(payout_id, version=form.seen if form.version.data else None, by=current_actor())
    if row.is_waiting:
        toast(_l("Approved by you. A second person must approve it, too."), "info")
    else:
        toast(_l("The payout is made."))
    return redirect_to(url_for(".queue"))


@bp.post("/<uuid:payout_id>/reject")
@requires(permissions.PAYOUT_APPROVE)
@unrestricted(STAFF_ACT)
def reject(payout_id: UUID) -> ResponseReturnValue:
    form = RejectPayoutForm()
    if form.sent():
        done = form.attempt(
            lambda: service.reject_payout(payout_id, form.reason.data or "", version=form.seen, by=current_actor())
        )
        if done is not None:
            toast(_l("The payout is rejected. The partner is told why."))
            return redirect_to(url_for(".queue"))
    return _payout(payout_id, form)


@bp.get("/early/<uuid:partner_id>")
@requires(permissions.EARLY_RELEASE_ASK)
def early_release(partner_id: UUID) -> ResponseReturnValue:
    return _early(partner_id, EarlyReleaseForm())


def _early(partner_id: UUID, form: EarlyReleaseForm) -> Response:
    days = queries.days_under_audit(partner_id)
    form.offer([day for day, _ in days])
    return render(
        "partners/payouts/office/early.html",
        block="form",
        status=form.status,
        f=form,
        client=clients.get(partner_id),
        days=days,
        requests=queries.early_releases(partner_id=partner_id),
        now=clock.business_now(),
    )


@bp.post("/early/<uuid:partner_id>")
@requires(permissions.EARLY_RELEASE_ASK)
@unrestricted(STAFF_ACT)
def ask_early(partner_id: UUID) -> ResponseReturnValue:
    form = EarlyReleaseForm()
    if form.sent():
        day = read_day(str(form.day.data))
        done = form.attempt(
            lambda: early.request_early_release(partner_id, day, form.reason.data or "", by=current_actor())
        )
        if done is not None:
            toast(_l("Your request waits for another person."), "info")
            return redirect_to(url_for(".early_release", partner_id=partner_id))
    return _early(partner_id, form)


@bp.post("/early-releases/<uuid:early_id>/approve")
@requires(permissions.EARLY_RELEASE_APPROVE)
@unrestricted(STAFF_ACT)
def approve_early(early_id: UUID) -> ResponseReturnValue:
    early.approve_early_release(early_id, by=current_actor())
    toast(_l("The money is being released."))
    return redirect_to(url_for(".queue"))


@bp.route("/early-releases/<uuid:early_id>/refuse", methods=["GET", "POST"])
@requires(permissions.EARLY_RELEASE_APPROVE)
@unrestricted(STAFF_ACT)
def refuse_early(early_id: UUID) -> ResponseReturnValue:
    row, form = queries.early_release(early_id), RefuseEarlyForm()
    if form.sent():
        done = form.attempt(lambda: early.refuse_early_release(early_id, form.reason.data or "", by=current_actor()))
        if done is not None:
            toast(_l("The money stays under audit."))
            return redirect_to(url_for(".queue"))
    return render(
        "partners/payouts/office/refuse_early.html",
        block="form",
        status=form.status,
        f=form,
        row=row,
        client=clients.get(row.partner_id),
    )
