"""A partner's links with their QR codes and banners, and the funnel of those who came by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.http import audience_url, redirect_to, requires, restricted, toast, unrestricted
from app.kit.text import _l
from app.partners import permissions
from app.partners.portal import banners, links, queries
from app.partners.portal.forms import LinkForm
from app.partners.portal.models import CampaignLink
from app.partners.portal.person import me
from app.partners.portal.qr import qr_file, qr_of
from app.partners.portal.views import funnel as shown
from app.referrals import masking, membership
from app.referrals import permissions as tree_permissions
from app.referrals import service as referrals
from app.ui.lists import Page, PageRequest

Render = Callable[..., Response]


def address_of(code: str) -> str:
    """The address that a code's link has on the brand's cabinet."""
    return audience_url("cabinet", "partners_follow.follow", code=code)


def add_link_views(bp: Blueprint, page: Render) -> None:
    """Hang the pages of links into a partner's pages."""

    @bp.get("/links")
    @requires(permissions.PARTNER_PORTAL)
    def link_list() -> ResponseReturnValue:
        wanted = shown.read_filter(request.args, me())
        mine = queries.links_of(me())
        stages = {stage.key: stage for stage in queries.funnel(wanted, "link")}
        return page(
            "links.html",
            block="list",
            links=[(link, stages.get(str(link.id))) for link in mine],
            against=membership.against(me()),
            plain=stages.get(queries.PLAIN),
            plain_address=address_of(referrals.give_code(me())),
            address_of=address_of,
            targets=links.targets(),
            wanted=wanted,
        )

    @bp.route("/links/new", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(tree_permissions.REFERRAL_ATTRIBUTION)
    def link_new() -> ResponseReturnValue:
        form = LinkForm()
        form.offer_targets()
        if form.sent():
            made = form.attempt(lambda: links.create_link(me(), form.fields(), by=current_actor()))
            if made is not None:
                toast(_l("The link is ready."))
                return redirect_to(url_for(".link", link_id=made.id))
        return page("link_form.html", block="form", status=form.status, f=form, link=None)

    @bp.get("/links/<uuid:link_id>")
    @requires(permissions.PARTNER_PORTAL)
    def link(link_id: UUID) -> ResponseReturnValue:
        return page("link.html", **_link_page(links.link_of(me(), link_id)))

    @bp.route("/links/<uuid:link_id>/edit", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("Naming a link anew brings in nobody.")
    def link_edit(link_id: UUID) -> ResponseReturnValue:
        found = links.link_of(me(), link_id)
        form = LinkForm(obj=found)
        form.offer_targets()
        if form.sent():
            done = form.attempt(lambda: links.change_link(me(), link_id, form.fields(), by=current_actor()))
            if done is not None:
                toast(_l("The link is changed."))
                return redirect_to(url_for(".link", link_id=link_id))
        return page("link_form.html", block="form", status=form.status, f=form, link=found)

    @bp.post("/links/<uuid:link_id>/hide")
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("A hidden link brings in nobody new by itself.")
    def link_hide(link_id: UUID) -> ResponseReturnValue:
        links.hide_link(me(), link_id, by=current_actor())
        toast(_l("The link is off your list. Whoever still follows it counts for you."))
        return redirect_to(url_for(".link_list"))

    @bp.get("/links/<uuid:link_id>/qr.svg")
    @requires(permissions.PARTNER_PORTAL)
    def link_qr_svg(link_id: UUID) -> ResponseReturnValue:
        return _qr(links.link_of(me(), link_id), "svg", "image/svg+xml")

    @bp.get("/links/<uuid:link_id>/qr.png")
    @requires(permissions.PARTNER_PORTAL)
    def link_qr_png(link_id: UUID) -> ResponseReturnValue:
        return _qr(links.link_of(me(), link_id), "png", "image/png")

    @bp.get("/links/banners/<uuid:banner_id>")
    @requires(permissions.PARTNER_PORTAL)
    def link_banner(banner_id: UUID) -> ResponseReturnValue:
        return picture_of(banner_id)

    @bp.get("/funnel")
    @requires(permissions.PARTNER_PORTAL)
    def funnel() -> ResponseReturnValue:
        wanted, by = shown.read_filter(request.args, me()), shown.read_by(request.args)
        asked = PageRequest.read(request.args, default_size=25)
        rows, count = queries.arrivals(wanted, limit=asked.size, offset=asked.offset)
        return page(
            "funnel.html",
            block="list",
            **shown.context(wanted, by),
            page=Page(rows, asked.number, asked.size, count),
            shown_name=masking.shown_name,
            my_links=queries.links_of(me(), with_hidden=True),
            campaigns=queries.campaigns_of(me()),
        )

    @bp.get("/funnel.csv")
    @requires(permissions.PARTNER_PORTAL)
    def funnel_csv() -> ResponseReturnValue:
        return shown.stages_csv(shown.read_filter(request.args, me()), shown.read_by(request.args))

    @bp.get("/funnel/people.csv")
    @requires(permissions.PARTNER_PORTAL)
    def funnel_people_csv() -> ResponseReturnValue:
        return shown.arrivals_csv(shown.read_filter(request.args, me()), shown_name=masking.shown_name)


def _link_page(link: CampaignLink) -> dict[str, Any]:
    address = address_of(link.code)
    offered = []
    for banner in queries.banners():
        image = audience_url("cabinet", "partners_follow.banner", banner_id=banner.id)
        offered.append((banner, banners.snippet(banner, address, image)))
    return {
        "link": link,
        "address": address,
        "qr": qr_of(address),
        "target_name": links.targets().get(link.target, links.targets()["sign_up"]),
        "banners": offered,
        "stage": queries.total(shown.whole_life(link)),
    }


def picture_of(banner_id: UUID) -> Response:
    """A banner's picture for our own pages, which show none from another host."""
    stored, content = banners.picture(banner_id)
    return Response(content, mimetype=stored.media_type, headers={"Cache-Control": "private, max-age=86400"})


def _qr(link: CampaignLink, kind: str, mimetype: str) -> Response:
    name = f"qr-{link.code.lower()}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(qr_file(address_of(link.code), kind), mimetype=mimetype, headers=headers)
