"""Statements of any days: a partner's own, and any partner's for staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.core import features
from app.core.actor import current_actor
from app.core.errors import Invalid, NotFound
from app.core.http import render, requires
from app.kit import clock
from app.partners import labels, permissions
from app.partners import queries as partners
from app.partners.papers import as_of, printing, service
from app.partners.papers import labels as words
from app.partners.rebates import labels as share_labels
from app.tenancy.papers import (
    Period,
    file_response,
    instant_for_field,
    presets,
    read_instant,
    read_period,
    this_month,
)

CSV_ROWS_MAX = 200_000


def make_views(
    name: str, layout: str, url_prefix: str | None, permission: str, home: Callable[[UUID], tuple[str, str]]
) -> Blueprint:
    """The pages as one audience's blueprint. Without a partner in the address they are the reader's own; `home` answers
    where a partner's other pages are: (address, what the way back is called)."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)
    is_staff = name.endswith("office")
    shown_name = str if is_staff else labels.masked

    def own_or(partner_id: UUID | None) -> UUID:
        found = partner_id if is_staff else current_actor().client_id
        if found is None:
            raise NotFound
        clients.get(found)
        return found

    def asked_currency(partner_id: UUID) -> str:
        asked = request.args.get("currency", "")
        return asked if len(asked) in (3, 4) and asked.isalnum() else partners.currency_of(partner_id)

    def address(endpoint: str, partner_id: UUID, **values: Any) -> str:
        own: dict[str, Any] = {"partner_id": partner_id} if is_staff else {}
        return url_for(f".{endpoint}", **own, **values)

    def exported(partner_id: UUID, what: str) -> None:
        if is_staff:  # Who takes a partner's data out of the house is recorded; a partner's own are their own affair.
            audit.record(
                "partners.statement.export",
                ("client", partner_id),
                by=current_actor(),
                after={"what": what, "from": request.args.get("from", ""), "to": request.args.get("to", "")},
                client_id=partner_id,
            )

    def statement(partner_id: UUID | None = None) -> ResponseReturnValue:
        own = own_or(partner_id)
        refusal: Invalid | None = None
        try:
            period = read_period(request.args)
        except Invalid as error:
            refusal, period = error, this_month()
        back, back_label = home(own)
        return render(
            "partners/papers/statement.html",
            block="sheet",
            status=200 if refusal is None else 422,
            layout=layout,
            client=clients.get(own),
            is_staff=is_staff,
            refusal=refusal,
            statement=service.statement(own, period, asked_currency(own)),
            presets=presets(),
            labels=labels,
            words=words,
            printing=printing,
            shown_name=shown_name,
            address=lambda endpoint, **values: address(endpoint, own, **values),
            back=back,
            back_label=back_label,
        )

    def _read(partner_id: UUID | None, rows_max: int) -> tuple[UUID, Period, service.PartnerStatement]:
        own, period = own_or(partner_id), read_period(request.args)
        return own, period, service.statement(own, period, asked_currency(own), rows_max=rows_max)

    def statement_pdf(partner_id: UUID | None = None) -> ResponseReturnValue:
        own, period, found = _read(partner_id, service.ROWS_MAX)
        exported(own, "statement.pdf")
        client = clients.get(own)
        body = printing.statement_pdf(found, client.name, client.number, shown_name)
        return file_response(body, f"commission-{client.number}-{period.first}-{period.last}.pdf", "application/pdf")

    def statement_csv(partner_id: UUID | None = None) -> ResponseReturnValue:
        own, period, found = _read(partner_id, CSV_ROWS_MAX)
        exported(own, "statement.csv")
        number = clients.get(own).number
        name = f"commission-{number}-{period.first}-{period.last}.csv"
        return file_response("\ufeff" + printing.statement_csv(found, shown_name), name, "text/csv; charset=utf-8")

    def as_of_page(partner_id: UUID | None = None) -> ResponseReturnValue:
        own = own_or(partner_id)
        back, back_label = home(own)
        return _as_of(own, back, back_label)

    def _as_of(own: UUID, back: str, back_label: str) -> Response:
        asked, refusal = read_instant(request.args)
        at = asked or clock.business_now()
        return render(
            "partners/papers/as_of.html",
            status=200 if refusal is None else 422,
            layout=layout,
            client=clients.get(own),
            is_staff=is_staff,
            at=at,
            refusal=refusal,
            shown_at=instant_for_field(at),
            known=as_of.of_partner(own, at),
            labels=labels,
            share_labels=share_labels,
            functions=features.functions(),
            here=address("as_of_page", own),
            back=back,
            back_label=back_label,
            shown_name=shown_name,
        )

    root = "/partners/<uuid:partner_id>" if is_staff else ""
    for rule, view in (
        ("/statement", statement),
        ("/statement.pdf", statement_pdf),
        ("/statement.csv", statement_csv),
        ("/as-of", as_of_page),
    ):
        bp.add_url_rule(root + rule, view.__name__, requires(permission)(view))
    return bp


def _office_home(partner_id: UUID) -> tuple[str, str]:
    return url_for("partners_office.partner", partner_id=partner_id), _name(partner_id)


def _name(partner_id: UUID) -> str:
    return clients.get(partner_id).name


def _portal_home(blueprint: str) -> Callable[[UUID], tuple[str, str]]:
    return lambda _partner_id: (url_for(f"{blueprint}.statements"), "")


partner = make_views(
    "partners_papers_portal", "layouts/partner.html", None, permissions.PARTNER_PORTAL, _portal_home("partners_portal")
)
cabinet = make_views(
    "partners_papers_cabinet",
    "layouts/cabinet.html",
    "/partner",
    permissions.PARTNER_PORTAL,
    _portal_home("partners_cabinet"),
)
office = make_views(
    "partners_papers_office", "layouts/office.html", "/commission", permissions.COMMISSION_READ, _office_home
)
