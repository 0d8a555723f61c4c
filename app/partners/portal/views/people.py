"""A partner's clients, and the partners among them with what their networks traded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from app.clients.rules import ClientStatus
from app.core.http import requires
from app.kit.csv import write_rows
from app.partners import permissions, queries
from app.partners.portal import people
from app.partners.portal.people import NOTHING, Own, PeopleFilter, Totals
from app.partners.portal.person import me
from app.partners.portal.queries import ACTIVE_DAYS
from app.partners.portal.views.links import Render
from app.referrals import masking
from app.ui.lists import Page, PageRequest

CSV_ROWS_MAX: Final = 100_000
SUB_PARTNERS_SIZE: Final = 25


def add_people_views(bp: Blueprint, page: Render) -> None:
    """Hang the lists of people into a partner's pages."""

    @bp.get("/clients")
    @requires(permissions.PARTNER_PORTAL)
    def clients() -> ResponseReturnValue:
        asked, wanted = PageRequest.read(request.args), read_filter(request.args)
        rows, count = people.own_people(me(), wanted, limit=asked.size, offset=asked.offset)
        return page(
            "clients.html",
            block="list",
            page=Page(rows, asked.number, asked.size, count),
            totals=people.totals_of(me(), [one.client_id for one in rows]),
            nothing_traded=NOTHING,
            wanted=wanted,
            shows_country=bool(masking.shown_country("DE")),
            countries=people.countries_of(me()),
            stages=people.STAGES,
            **_shared(),
        )

    @bp.get("/clients.csv")
    @requires(permissions.PARTNER_PORTAL)
    def clients_csv() -> ResponseReturnValue:
        rows, _count = people.own_people(me(), read_filter(request.args), limit=CSV_ROWS_MAX)
        return _csv(rows, people.totals_of(me(), [one.client_id for one in rows]), "clients.csv")

    @bp.get("/sub-partners")
    @requires(permissions.PARTNER_PORTAL)
    def sub_partners() -> ResponseReturnValue:
        asked = PageRequest.read(request.args, default_size=SUB_PARTNERS_SIZE)
        rows, count = people.own_people(me(), _PARTNERS, limit=asked.size, offset=asked.offset)
        return page(
            "sub_partners.html",
            block="list",
            page=Page(rows, asked.number, asked.size, count),
            totals=people.totals_below(me(), [one.client_id for one in rows]),
            nothing_traded=NOTHING,
            **_shared(),
        )

    @bp.get("/sub-partners.csv")
    @requires(permissions.PARTNER_PORTAL)
    def sub_partners_csv() -> ResponseReturnValue:
        rows, _count = people.own_people(me(), _PARTNERS, limit=CSV_ROWS_MAX)
        return _csv(rows, people.totals_below(me(), [one.client_id for one in rows]), "sub-partners.csv")


_PARTNERS: Final = PeopleFilter(only_partners=True)


def read_filter(values: Mapping[str, str]) -> PeopleFilter:
    """The list's state from the address; what cannot be read counts as not given. A hidden country narrows nothing."""
    status, stage, country = values.get("status", ""), values.get("stage", ""), values.get("country", "")
    number = values.get("number", "").strip().removeprefix("#")
    return PeopleFilter(
        status=status if status in set(ClientStatus) else "",
        country=country[:2] if masking.shown_country("DE") else "",
        stage=stage if stage in people.STAGES else "",
        number=number if number.isascii() and number.isdigit() and len(number) < 12 else "",
    )


def _shared() -> dict[str, Any]:
    return {
        "statuses": ClientStatus,
        "shown_name": masking.shown_name,
        "shown_email": masking.shown_email,
        "shown_country": masking.shown_country,
        "currency": queries.currency(),
        "active_days": ACTIVE_DAYS,
    }


def _csv(rows: list[Own], totals: Mapping[UUID, Totals], name: str) -> Response:
    """A list of people as a file, masked as the page is."""
    columns = (
        "number", "name", "email", "country", "status", "since", "verified", "funded", "active", "brought_in",
        "people_below", "trades", "lots", "earned", "currency",
    )  # fmt: skip
    code = queries.currency()
    lines = []
    for one in rows:
        of_one = totals.get(one.client_id, NOTHING)
        lines.append(
            (
                one.number, masking.shown_name(one.name), masking.shown_email(one.email),
                masking.shown_country(one.country), one.status, one.since.isoformat(), int(one.kyc_level > 0),
                int(one.is_funded), int(one.is_active), one.brought_in, of_one.people, of_one.trades,
                f"{of_one.lots:f}", f"{of_one.earned:f}", code,
            )
        )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + write_rows(columns, lines), mimetype="text/csv; charset=utf-8", headers=headers)
