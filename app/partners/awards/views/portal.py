"""A partner's own awards: in the partner portal and, under /partner, in the cabinet."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.http import render, requires
from app.partners import labels as partner_labels
from app.partners import permissions, queries
from app.partners.awards import explaining, labels, reading
from app.ui.lists import Page, PageRequest


def make_views(name: str, layout: str, url_prefix: str, home: str) -> Blueprint:
    """The pages as one audience's blueprint."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    @bp.get("/")
    @requires(permissions.PARTNER_PORTAL)
    def overview() -> ResponseReturnValue:
        asked = PageRequest.read(request.args)
        rows, total = reading.awards_of(me(), limit=asked.size, offset=asked.offset)
        return render(
            "partners/awards/portal_list.html",
            block="list",
            layout=layout,
            home=url_for(home),
            page=Page(rows, asked.number, asked.size, total),
            missing=reading.missing_of(me()),
            currency=queries.currency(),
            words=labels,
            shown_name=partner_labels.masked,
            one_url=lambda one: url_for(".one", kind=one.kind, key=one.source_key, component=one.component),
        )

    @bp.get("/one")
    @requires(permissions.PARTNER_PORTAL)
    def one() -> ResponseReturnValue:
        found = reading.explain(me(), *asked_award())
        return render(
            "partners/awards/portal_one.html",
            layout=layout,
            x=found,
            sums=explaining.sums_of(found, with_money=False),
            facts=explaining.facts_of(found),
            path=reading.names_on(found.path),
            partner_id=me(),
            currency=found.version.currency if found.version is not None else queries.currency(),
            words=labels,
            shown_name=partner_labels.masked,
            shows_money=False,
        )

    return bp


def me() -> UUID:
    """The signed-in client, in their other role. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


def asked_award() -> tuple[str, str, str]:
    """Kind, key and component of the award that an address names."""
    return (
        request.args.get("kind", "")[:40],
        request.args.get("key", "")[:300],
        request.args.get("component", "base")[:40],
    )


partner = make_views("partners_awards_portal", "layouts/partner.html", "/awards", "partners_portal.home")
cabinet = make_views("partners_awards_cabinet", "layouts/cabinet.html", "/partner/awards", "partners_cabinet.home")
