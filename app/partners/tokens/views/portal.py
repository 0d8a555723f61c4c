"""A partner's own keys: made, shown once, withdrawn. In the partner portal and, under /partner, in the cabinet."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.http import audience_url, redirect_to, render, requires, restricted, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.partners import permissions
from app.partners.portal.person import me
from app.partners.tokens import service
from app.partners.tokens.forms import TokenForm


def make_tokens(name: str, layout: str, url_prefix: str, portal: str) -> Blueprint:
    """The pages as one audience's blueprint; `portal` names the blueprint of the partner's other pages."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    def page(form: TokenForm, secret: str = "", **values: Any) -> Response:
        return render(
            "partners/tokens/tokens.html",
            status=form.status,
            layout=layout,
            portal=portal,
            f=form,
            secret=secret,
            tokens=service.tokens_of(me()),
            address=_address(),
            now=clock.now(),
            **values,
        )

    @bp.get("/")
    @requires(permissions.PARTNER_PORTAL)
    def overview() -> ResponseReturnValue:
        return page(TokenForm(days="90"))

    @bp.post("/")
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.PARTNER_API)
    def make() -> ResponseReturnValue:
        form = TokenForm()
        if form.sent():
            days = int(form.days.data)
            made = form.attempt(lambda: service.make_token(me(), form.name.data, days, by=current_actor()))
            if made is not None:
                # Not a redirect: the secret is in this answer and nowhere else. The same form sent again is refused.
                return page(TokenForm(formdata=None, days="90"), made[1])
        return page(form)

    @bp.post("/<uuid:token_id>/withdraw")
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("To end one's own key must always be possible.")
    def withdraw(token_id: UUID) -> ResponseReturnValue:
        service.withdraw_token(token_id, me(), by=current_actor())
        toast(_l("The key no longer works."))
        return redirect_to(url_for(".overview"))

    return bp


def _address() -> str:
    """Where programs ask; empty where the brand has no host for them."""
    try:
        return audience_url("api", "partners_api.index")
    except KeyError:
        return ""


partner = make_tokens("partners_tokens", "layouts/partner.html", "/keys", "partners_portal")
cabinet = make_tokens("partners_tokens_cabinet", "layouts/cabinet.html", "/partner/keys", "partners_cabinet")
