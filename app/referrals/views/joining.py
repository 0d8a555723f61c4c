"""Accepting a partner's invitation, in the cabinet: by signing up, or as a client who has signed in."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import public, redirect_to, render, toast, unrestricted
from app.identity import service as identity
from app.identity.views.auth import enter
from app.kit.text import _l
from app.referrals import invitations
from app.referrals.forms import JoinForm

bp = Blueprint("referrals_joining", __name__, url_prefix="/partner-invitation")


@bp.route("/<token>", methods=["GET", "POST"])
@public
@unrestricted("Nobody is signed in yet, or they accept for themselves; the service asks the inviter's lock.")
def invitation(token: str) -> ResponseReturnValue:
    found, form = invitations.by_token(token), JoinForm()
    form.offer_countries()
    by = current_actor()
    client_id = by.client_id
    if request.method == "POST" and client_id is not None:
        form.attempt(lambda: invitations.accept(token, client_id, by=by))
        if form.status == 200:
            toast(_l("You have accepted the invitation."))
            return redirect_to("/partner/")
    elif form.sent():
        started = form.attempt(lambda: _join(token, form))
        if started is not None:
            toast(_l("You have accepted the invitation."))
            return enter(started, "/partner/")
    inviter_name, _number = clients.names_of([found.inviter_id])[found.inviter_id]
    return render(
        "referrals/joining/invitation.html",
        status=form.status,
        f=form,
        invitation=found,
        inviter=inviter_name,
        is_signed_in=client_id is not None,
        has_login=invitations.has_login(found),
        sign_in=url_for("identity_cabinet.sign_in", next=url_for(".invitation", token=token)),
    )


def _join(token: str, form: JoinForm) -> identity.NewSession:
    by, found = current_actor(), invitations.by_token(token)
    user = identity.register_invited(
        email=found.email,
        name=form.name.data,
        country=form.country.data,
        password=form.password.data,
        language=str(get_locale() or ""),
        by=by,
    )
    assert user.client_id is not None, "Who signs up is a client."
    invitations.accept(token, user.client_id, by=by)
    started = identity.sign_in(found.email, form.password.data, audience="cabinet", by=by)
    assert isinstance(started, identity.NewSession), "The link has proved the mailbox."
    return started
