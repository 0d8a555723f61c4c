"""Who takes part in the referral programme, and whom partners have invited: in the office."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.referrals import invitations, membership, permissions, queries
from app.referrals.bundle import settings
from app.referrals.forms import AdmissionForm
from app.referrals.models import MembershipStatus
from app.ui.lists import Page, PageRequest

bp = Blueprint("referrals_members", __name__, url_prefix="/tree")
STAFF_ACT = "Staff decide who takes part; a lock of the client's own is asked where they bring somebody in."


@bp.get("/members")
@requires(permissions.TREE_READ)
def member_list() -> ResponseReturnValue:
    asked, state = PageRequest.read(request.args), request.args.get("state", "")
    state = state if state in set(MembershipStatus) else ""
    rows, total = membership.members(state, limit=asked.size, offset=asked.offset)
    return render(
        "referrals/office/members.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=clients.names_of(row.client_id for row in rows),
        state=state,
        statuses=MembershipStatus,
        rules=settings(),
    )


@bp.get("/invitations")
@requires(permissions.TREE_READ)
def invitation_list() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = invitations.invitations(limit=asked.size, offset=asked.offset)
    people = {row.inviter_id for row in rows} | {row.client_id for row in rows if row.client_id is not None}
    return render(
        "referrals/office/invitations.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=clients.names_of(people),
        now=clock.now(),
    )


@bp.get("/<uuid:client_id>/membership")
@requires(permissions.TREE_READ)
def member(client_id: UUID) -> ResponseReturnValue:
    return _page(client_id, AdmissionForm())


@bp.post("/<uuid:client_id>/membership/admit")
@requires(permissions.MEMBER_DECIDE)
@unrestricted(STAFF_ACT)
def admit(client_id: UUID) -> ResponseReturnValue:
    clients.get(client_id)
    form = AdmissionForm()
    if form.sent():
        reason, by = form.reason.data or "", current_actor()
        if form.attempt(lambda: membership.admit(client_id, reason=reason, by=by)) is not None:
            toast(_l("The client takes part in the referral programme and is told by mail."))
            return redirect_to(url_for(".member", client_id=client_id))
    return _page(client_id, form)


@bp.post("/<uuid:client_id>/membership/refuse")
@requires(permissions.MEMBER_DECIDE)
@unrestricted(STAFF_ACT)
def refuse(client_id: UUID) -> ResponseReturnValue:
    clients.get(client_id)
    form = AdmissionForm()
    if form.sent():
        reason, by = form.reason.data or "", current_actor()
        if form.attempt(lambda: membership.refuse(client_id, reason=reason, by=by)) is not None:
            toast(_l("The client does not take part in the referral programme and is told why."))
            return redirect_to(url_for(".member", client_id=client_id))
    return _page(client_id, form)


def _page(client_id: UUID, form: AdmissionForm) -> Response:
    client, row = clients.get(client_id), membership.of_client(client_id)
    return render(
        "referrals/office/member.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        row=row,
        is_member=membership.is_member(client_id),
        is_denied=client.country in settings().countries_denied,
        rules=settings(),
        brought_in=queries.direct_count(client_id),
        statuses=MembershipStatus,
        may_decide=current_actor().may(permissions.MEMBER_DECIDE),
    )
