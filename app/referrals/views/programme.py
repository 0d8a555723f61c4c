"""Taking part in the referral programme, as a client sees it in the partner portal and, under /partner, the cabinet."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.http import redirect_to, render, requires, restricted, toast, unrestricted
from app.kit.text import _l
from app.referrals import membership, permissions
from app.referrals.bundle import settings
from app.referrals.forms import ApplicationForm
from app.referrals.models import MembershipStatus


def make_programme(name: str, layout: str, url_prefix: str) -> Blueprint:
    """The pages as one audience's blueprint."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    def page(form: ApplicationForm) -> Response:
        client_id = _me()
        row = membership.of_client(client_id)
        is_member = membership.is_member(client_id)
        return render(
            "referrals/portal/programme.html",
            block="form",
            status=form.status,
            layout=layout,
            f=form,
            row=row,
            is_member=is_member,
            against=membership.against(client_id),
            may_apply=membership.may_apply(client_id),
            may_leave=settings().opt_out and (is_member or (row is not None and row.decided_at is None)),
            may_return=settings().join == "open" and row is not None and row.status is MembershipStatus.LEFT,
            is_verified=membership.may_be_paid(client_id),
        )

    @bp.get("/")
    @requires(permissions.PROGRAMME_OWN)
    def programme() -> ResponseReturnValue:
        return page(ApplicationForm())

    @bp.post("/apply")
    @requires(permissions.PROGRAMME_OWN)
    @restricted(permissions.REFERRAL_ATTRIBUTION)
    def apply() -> ResponseReturnValue:
        form = ApplicationForm()
        if form.sent():
            note, by = form.note.data or "", current_actor()
            if form.attempt(lambda: membership.apply(_me(), note=note, by=by)) is not None:
                toast(_l("Your application is with the broker, who writes to you."))
                return redirect_to(url_for(".programme"))
        return page(form)

    @bp.post("/leave")
    @requires(permissions.PROGRAMME_OWN)
    @unrestricted("Whoever is locked out of something may still leave it.")
    def leave() -> ResponseReturnValue:
        membership.leave(_me(), by=current_actor())
        toast(_l("You have left the referral programme."), "info")
        return redirect_to(url_for(".programme"))

    @bp.post("/return")
    @requires(permissions.PROGRAMME_OWN)
    @restricted(permissions.REFERRAL_ATTRIBUTION)
    def come_back() -> ResponseReturnValue:
        membership.come_back(_me(), by=current_actor())
        toast(_l("You take part in the referral programme again."))
        return redirect_to(url_for(".programme"))

    return bp


def _me() -> UUID:
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


partner = make_programme("referrals_portal", "layouts/partner.html", "/programme")
cabinet = make_programme("referrals_cabinet", "layouts/cabinet.html", "/partner/programme")
