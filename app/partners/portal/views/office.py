"""Banners and the funnel of every partner, in the office."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import DomainError, Invalid
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import permissions
from app.partners.portal import banners, queries
from app.partners.portal.forms import BannerForm
from app.partners.portal.models import PartnerBanner
from app.partners.portal.views import funnel as shown
from app.partners.portal.views.links import picture_of
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_materials", __name__, url_prefix="/commission")
STAFF_ACT = "Staff act here; a banner pays nobody."


@bp.get("/banners")
@requires(permissions.COMMISSION_READ)
def banner_list() -> ResponseReturnValue:
    return render(
        "partners/materials/banners.html",
        banners=queries.banners(with_withdrawn=True),
        may_edit=current_actor().may(permissions.BANNER_EDIT),
    )


@bp.get("/banners/<uuid:banner_id>/picture")
@requires(permissions.COMMISSION_READ)
def banner_picture(banner_id: UUID) -> ResponseReturnValue:
    return picture_of(banner_id)


@bp.route("/banners/new", methods=["GET", "POST"])
@requires(permissions.BANNER_EDIT)
@unrestricted(STAFF_ACT)
def banner_new() -> ResponseReturnValue:
    form = BannerForm()
    form.offer_languages()
    if form.sent():
        made = form.attempt(lambda: _add(form))
        if made is not None:
            toast(_l("Partners can use the banner now."))
            return redirect_to(url_for(".banner_list"))
    return render("partners/materials/banner_form.html", block="form", status=form.status, f=form)


def _add(form: BannerForm) -> PartnerBanner:
    upload = request.files.get("picture")
    content = upload.read() if upload is not None else b""
    filename = (upload.filename or "") if upload is not None else ""
    try:
        return banners.add_banner(form.name.data or "", form.language.data or "", filename, content, by=current_actor())
    except DomainError as refusal:
        raise Invalid(refusal.message, field=refusal.field or "picture") from refusal


@bp.post("/banners/<uuid:banner_id>/withdraw")
@requires(permissions.BANNER_EDIT)
@unrestricted(STAFF_ACT)
def banner_withdraw(banner_id: UUID) -> ResponseReturnValue:
    banners.withdraw_banner(banner_id, by=current_actor())
    toast(_l("The banner is withdrawn."))
    return redirect_to(url_for(".banner_list"))


@bp.get("/funnel")
@requires(permissions.COMMISSION_READ)
def funnel() -> ResponseReturnValue:
    """Every partner's funnel, a row each; or by campaign, day or month over all."""
    wanted, by = shown.read_filter(request.args, None), shown.read_by(request.args, extra=("partner",))
    asked = PageRequest.read(request.args, default_size=25)
    rows, count = queries.arrivals(wanted, limit=asked.size, offset=asked.offset)
    return render(
        "partners/materials/funnel.html",
        block="list",
        **shown.context(wanted, by),
        page=Page(rows, asked.number, asked.size, count),
        campaigns=queries.campaigns_of(None),
        client=None,
        my_links=[],
    )


@bp.get("/funnel.csv")
@requires(permissions.COMMISSION_READ)
def funnel_csv() -> ResponseReturnValue:
    return shown.stages_csv(shown.read_filter(request.args, None), shown.read_by(request.args, extra=("partner",)))


@bp.get("/funnel/people.csv")
@requires(permissions.COMMISSION_READ)
def funnel_people_csv() -> ResponseReturnValue:
    return shown.arrivals_csv(shown.read_filter(request.args, None), shown_name=str, with_partner=True)


@bp.get("/partners/<uuid:partner_id>/funnel")
@requires(permissions.COMMISSION_READ)
def partner_funnel(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    wanted, by = shown.read_filter(request.args, partner_id), shown.read_by(request.args)
    asked = PageRequest.read(request.args, default_size=25)
    rows, count = queries.arrivals(wanted, limit=asked.size, offset=asked.offset)
    return render(
        "partners/materials/funnel.html",
        block="list",
        **shown.context(wanted, by),
        page=Page(rows, asked.number, asked.size, count),
        campaigns=queries.campaigns_of(partner_id),
        client=client,
        my_links=queries.links_of(partner_id, with_hidden=True),
    )


@bp.get("/partners/<uuid:partner_id>/funnel.csv")
@requires(permissions.COMMISSION_READ)
def partner_funnel_csv(partner_id: UUID) -> ResponseReturnValue:
    clients.get(partner_id)
    return shown.stages_csv(shown.read_filter(request.args, partner_id), shown.read_by(request.args))


@bp.get("/partners/<uuid:partner_id>/funnel/people.csv")
@requires(permissions.COMMISSION_READ)
def partner_funnel_people_csv(partner_id: UUID) -> ResponseReturnValue:
    clients.get(partner_id)
    return shown.arrivals_csv(shown.read_filter(request.args, partner_id), shown_name=str)
