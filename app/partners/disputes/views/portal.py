"""A partner's own disputes: the same pages in the partner portal and, under /partner, in the cabinet."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.forms import Form
from app.core.http import redirect_to, render, requires, restricted, toast, unrestricted
from app.kit.text import _l
from app.partners import labels, permissions
from app.partners import queries as partners
from app.partners.disputes import evidence, queries, service
from app.partners.disputes.forms import OpenForm, ReplyForm
from app.partners.disputes.models import Dispute
from app.partners.disputes.queries import Subject
from app.ui.lists import Page, PageRequest


def make_portal(name: str, layout: str, url_prefix: str, portal: str) -> Blueprint:
    """The pages as one audience's blueprint; `portal` names the blueprint of the partner's other pages."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    def page(template: str, *, block: str | None = None, status: int = 200, **values: Any) -> Response:
        return render(
            f"partners/disputes/portal/{template}",
            block=block,
            status=status,
            layout=layout,
            labels=labels,
            portal=portal,
            **values,
        )

    @bp.get("/")
    @requires(permissions.PARTNER_PORTAL)
    def overview() -> ResponseReturnValue:
        asked = PageRequest.read(request.args)
        rows, total = queries.disputes_of(me(), limit=asked.size, offset=asked.offset)
        return page("overview.html", block="list", page=Page(rows, asked.number, asked.size, total))

    @bp.route("/open/<int:trade_id>/<int:revision>/<track>/<component>", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_DISPUTE)
    def open_line(trade_id: int, revision: int, track: str, component: str) -> ResponseReturnValue:
        subject = subject_of_line(trade_id, revision, track, component)
        found = partners.explain(me(), trade_id, revision, track, subject.component)
        return _open(subject, earning=found.earning, award=None)

    @bp.route("/open-award", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_DISPUTE)
    def open_award() -> ResponseReturnValue:
        kind, key = request.args.get("kind", "")[:40], request.args.get("key", "")[:200]
        award = queries.award(me(), kind, key)
        return _open(Subject("award", award.track, award_kind=kind, award_key=key), earning=None, award=award)

    def _open(subject: Subject, **shown: Any) -> ResponseReturnValue:
        standing = queries.under_way(me(), subject)
        if standing is not None:
            return redirect_to(url_for(".dispute", dispute_id=standing.id))
        form = OpenForm()
        if form.sent():
            made = form.attempt(lambda: service.open_dispute(me(), subject, form.text.data, by=current_actor()))
            if made is not None:
                toast(_l("Your dispute is with the partner desk."))
                return redirect_to(url_for(".dispute", dispute_id=made.id))
        return page(
            "open.html",
            status=form.status,
            f=form,
            subject=subject,
            currency=partners.currency(),
            terms=service.terms(),
            **shown,
        )

    @bp.get("/<uuid:dispute_id>")
    @requires(permissions.PARTNER_PORTAL)
    def dispute(dispute_id: UUID) -> ResponseReturnValue:
        return _dispute(service.of_partner(me(), dispute_id), ReplyForm())

    def _dispute(row: Dispute, form: Form) -> Response:
        kept = queries.evidence(row.id)
        return page(
            "dispute.html",
            block="dispute",
            status=form.status,
            dispute=row,
            messages=queries.messages(row.id, with_notes=False),
            kept=kept,
            f=form,
        )

    @bp.post("/<uuid:dispute_id>/reply")
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_DISPUTE)
    def reply(dispute_id: UUID) -> ResponseReturnValue:
        row, form = service.of_partner(me(), dispute_id), ReplyForm()
        if form.sent():
            done = form.attempt(lambda: service.reply(me(), dispute_id, form.text.data, by=current_actor()))
            if done is not None:
                return redirect_to(url_for(".dispute", dispute_id=dispute_id))
        return _dispute(row, form)

    @bp.post("/<uuid:dispute_id>/withdraw")
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("Whoever is locked may still give a claim up.")
    def withdraw(dispute_id: UUID) -> ResponseReturnValue:
        service.withdraw(me(), dispute_id, by=current_actor())
        toast(_l("You have withdrawn the dispute."))
        return redirect_to(url_for(".dispute", dispute_id=dispute_id))

    @bp.get("/<uuid:dispute_id>/evidence.json")
    @requires(permissions.PARTNER_PORTAL)
    def evidence_file(dispute_id: UUID) -> ResponseReturnValue:
        row = service.of_partner(me(), dispute_id)
        return json_file(evidence.as_json(evidence.for_partner(queries.evidence(row.id).document)), row)

    return bp


def subject_of_line(trade_id: int, revision: int, track: str, component: str) -> Subject:
    """What an address means. Raises NotFound for what no line can be."""
    if trade_id > 2**62 or revision > 2**30 or len(track) > 40 or len(component) > 40:
        raise NotFound
    if component == "none":
        return Subject("reason", track, trade_id, revision)
    return Subject("line", track, trade_id, revision, component)


def json_file(text: str, row: Dispute) -> Response:
    """Evidence as a file."""
    response = Response(text, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="evidence-{row.reference}.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def me() -> UUID:
    """The signed-in client, in their other role. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


partner = make_portal("partners_disputes_portal", "layouts/partner.html", "/disputes", "partners_portal")
cabinet = make_portal("partners_disputes_cabinet", "layouts/cabinet.html", "/partner/disputes", "partners_cabinet")
