"""A partner's invitations in the portal: sent, listed with what became of them, sent again, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import redirect_to, requires, restricted, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.partners import labels, permissions
from app.partners.network import inviting
from app.partners.network.forms import InviteForm
from app.partners.portal.person import me
from app.partners.rebates import service as shares
from app.referrals import invitations, membership
from app.referrals import permissions as tree_permissions
from app.referrals.bundle import settings
from app.referrals.models import SubIBInvitation
from app.ui.lists import Page, PageRequest

Render = Callable[..., Response]


def add_invitation_views(bp: Blueprint, page: Render) -> None:
    """Hang the pages of invitations into a partner's pages."""

    @bp.get("/invitations")
    @requires(permissions.PARTNER_PORTAL)
    def invitation_list() -> ResponseReturnValue:
        asked = PageRequest.read(request.args)
        rows, total = invitations.invitations(inviter_id=me(), limit=asked.size, offset=asked.offset)
        return page(
            "invitations.html",
            block="list",
            page=Page(rows, asked.number, asked.size, total),
            names=clients.names_of(row.client_id for row in rows if row.client_id is not None),
            shown_name=labels.masked,
            now=clock.now(),
            against=membership.against(me()),
        )

    @bp.route("/invitations/new", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(tree_permissions.REFERRAL_ATTRIBUTION)
    def invite() -> ResponseReturnValue:
        form = InviteForm(language=str(get_locale() or ""))
        form.offer_languages()
        if form.sent() and form.attempt(lambda: _invite(form)) is not None:
            toast(_l("The invitation is on its way."))
            return redirect_to(url_for(".invitation_list"))
        return page(
            "invite.html",
            block="form",
            status=form.status,
            f=form,
            terms=shares.terms(),
            days=settings().invitation_days,
        )

    @bp.post("/invitations/<uuid:invitation_id>/again")
    @requires(permissions.PARTNER_PORTAL)
    @restricted(tree_permissions.REFERRAL_ATTRIBUTION)
    def invite_again(invitation_id: UUID) -> ResponseReturnValue:
        invitations.send_again(invitation_id, me(), by=current_actor())
        toast(_l("The invitation is on its way again. The link before no longer works."))
        return redirect_to(url_for(".invitation_list"))

    @bp.post("/invitations/<uuid:invitation_id>/withdraw")
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("Taking an invitation back brings in nobody.")
    def withdraw_invitation(invitation_id: UUID) -> ResponseReturnValue:
        invitations.withdraw(invitation_id, me(), by=current_actor())
        toast(_l("The invitation is withdrawn. Its link no longer works."))
        return redirect_to(url_for(".invitation_list"))


def _invite(form: InviteForm) -> SubIBInvitation:
    return inviting.invite(
        form.email.data,
        language=form.chosen_language(),
        give_share=form.share("give"),
        take_share=form.share("take"),
        by=current_actor(),
    )
