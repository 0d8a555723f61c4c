"""A partner's own clients and what is shared with them: in the partner portal and, under /partner, in the cabinet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.forms import once_key
from app.core.http import redirect_to, render, requires, restricted, toast
from app.kit import clock
from app.kit.text import Message, _l
from app.partners import labels, permissions
from app.partners import queries as partners
from app.partners.portal.person import me
from app.partners.rebates import labels as words
from app.partners.rebates import queries, service
from app.partners.rebates.forms import ShareForm
from app.partners.rebates.models import AgreementStatus, ShareAgreement
from app.partners.rules.shares import ShareKind
from app.referrals import queries as tree
from app.referrals.rules import FOREVER
from app.ui.lists import Page, PageRequest

KINDS = ("rebate", "give", "take")
TITLES: dict[str, Message] = {
    "rebate": _l("Rebate"),
    "give": _l("Give a share"),
    "take": _l("Take a share"),
}


def make_shares(name: str, layout: str, url_prefix: str, portal: str) -> Blueprint:
    """The pages as one audience's blueprint; `portal` names the blueprint of the partner's other pages."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    def page(template: str, *, block: str | None = None, status: int = 200, **values: Any) -> Response:
        return render(
            f"partners/rebates/portal/{template}",
            block=block,
            status=status,
            layout=layout,
            labels=labels,
            words=words,
            portal=portal,
            currency=partners.currency(),
            terms=service.terms(),
            forever=FOREVER,
            **values,
        )

    @bp.get("/")
    @requires(permissions.PARTNER_PORTAL)
    def overview() -> ResponseReturnValue:
        return page("overview.html", block="list", **_overview(me()))

    @bp.route("/all", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_SHARING)
    def all_clients() -> ResponseReturnValue:
        """What every client gets whom the partner brought in and who has no rebate of their own."""
        return _form("rebate", None, url_for(".overview"))

    @bp.get("/clients/<uuid:client_id>")
    @requires(permissions.PARTNER_PORTAL)
    def client(client_id: UUID) -> ResponseReturnValue:
        partner_id = me()
        _below(client_id, partner_id)
        now = clock.business_now()
        rows = queries.between(partner_id, client_id)
        name, number = clients.names_of([client_id])[client_id]
        return page(
            "client.html",
            block="agreements",
            client_id=client_id,
            name=labels.masked(name),
            number=number,
            is_direct=tree.parent_at(client_id, now) == partner_id,
            rows=rows,
            ends={one.id: _may_end(one, partner_id) for one in rows},
            given=queries.given([partner_id], [client_id]),
            taken=queries.given([client_id], [partner_id]),
            now=now,
        )

    @bp.route("/clients/<uuid:client_id>/<kind>", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_SHARING)
    def change(client_id: UUID, kind: str) -> ResponseReturnValue:
        _below(client_id, me())
        if kind not in KINDS or (kind != "rebate" and tree.parent_at(client_id, clock.business_now()) != me()):
            raise NotFound
        return _form(kind, client_id, url_for(".client", client_id=client_id))

    @bp.get("/trades/<int:trade_id>/<int:revision>")
    @requires(permissions.PARTNER_PORTAL)
    def trade(trade_id: int, revision: int) -> ResponseReturnValue:
        if trade_id > 2**62 or revision > 2**30:
            raise NotFound
        rows = queries.shares_of_trade(me(), trade_id, revision)
        found, _total = partners.earnings(me(), partners.EarningFilter(), limit=1, trade_id=trade_id)
        return page("trade.html", rows=rows, symbol=found[0].symbol, reader_id=me(), shown_name=labels.masked)

    @bp.post("/<uuid:agreement_id>/end")
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_SHARING)
    def end(agreement_id: UUID) -> ResponseReturnValue:
        partner_id = me()
        ended = service.end(agreement_id, partner_id, by=current_actor())
        toast(
            _l("It ends with this settlement day.")
            if ended.status is AgreementStatus.AGREED
            else _l("It is withdrawn and never begins.")
        )
        other = ended.giver_id if ended.kind == "take" else ended.receiver_id
        return redirect_to(url_for(".overview") if other is None else url_for(".client", client_id=other))

    def _form(kind: str, client_id: UUID | None, back: str) -> ResponseReturnValue:
        partner_id = me()
        rows = queries.between(partner_id, client_id)
        track = request.args.get("track", "")
        form = ShareForm(share=_percent(_now(rows, kind, track)), track=track if track in ("referral", "god") else "")
        if form.sent():
            done = form.attempt(lambda: _set(kind, partner_id, client_id, form))
            if done is not None:
                toast(
                    _l("The broker decides about it and writes to you.")
                    if done.status is AgreementStatus.WAITING
                    else _l("It holds from the next settlement day.")
                )
                return redirect_to(back)
        shown = None if client_id is None else clients.names_of([client_id])[client_id]
        rebates = service.terms()
        most = {} if rebates is None else {name: getattr(rebates, f"{name}_max") for name in KINDS}
        return page(
            "share.html",
            block="form",
            status=form.status,
            f=form,
            kind=kind,
            title=TITLES[kind],
            name=labels.masked(shown[0]) if shown is not None else "",
            rows=[one for one in rows if one.kind == kind],
            ends={one.id: _may_end(one, partner_id) for one in rows},
            most=most.get(kind),
            start=service.next_start(),
            back=back,
            now=clock.business_now(),
        )

    return bp


def _set(kind: str, partner_id: UUID, client_id: UUID | None, form: ShareForm) -> ShareAgreement:
    common: dict[str, Any] = {
        "track": form.track.data or "",
        "by": current_actor(),
        "request_id": f"share:{partner_id}:{once_key()}",
    }
    if kind == "rebate":
        return service.set_rebate(partner_id, client_id, form.as_share(), **common)
    assert client_id is not None, "A share between partners names both."
    return service.set_sub_share(partner_id, client_id, cast(ShareKind, kind), form.as_share(), **common)


def _below(client_id: UUID, partner_id: UUID) -> None:
    """Others do not exist here."""
    if not tree.is_below(client_id, partner_id, clock.business_now()):
        raise NotFound


def _may_end(one: ShareAgreement, partner_id: UUID) -> bool:
    if service.owner_of(one) != partner_id:
        return False
    if one.status is AgreementStatus.WAITING:
        return True
    return one.status is AgreementStatus.AGREED and one.valid_to > service.next_start()


def _now(rows: list[ShareAgreement], kind: str, track: str) -> ShareAgreement | None:
    """What holds or is wished for last: what a change starts from."""
    standing = (AgreementStatus.WAITING, AgreementStatus.AGREED)
    return next(
        (
            one
            for one in rows
            if one.kind == kind and one.track == track and one.status in standing and one.valid_to == FOREVER
        ),
        None,
    )


def _percent(one: ShareAgreement | None) -> str:
    return "" if one is None else f"{(one.share * 100).normalize():f}"


def _overview(partner_id: UUID) -> dict[str, Any]:
    asked, now = PageRequest.read(request.args), clock.business_now()
    rows = queries.own_clients(partner_id, limit=asked.size, offset=asked.offset)
    ids = [one.client_id for one in rows]
    made = queries.made_by(partner_id, now)
    about = queries.made_about(partner_id, now)
    given, taken = queries.given([partner_id], ids), queries.given(ids, [partner_id])
    sponsor_id = tree.parent_at(partner_id, now)
    return {
        "page": Page(rows, asked.number, asked.size, tree.direct_count(partner_id, now)),
        "shown_name": labels.masked,
        "general": [one for one in made if one.kind == "rebate" and one.receiver_id is None],
        "of_client": {one: _of(made, one) for one in ids},
        "given": {one: sum((each.amount for each in given if each.receiver_id == one), Decimal(0)) for one in ids},
        "taken": {each.giver_id: each.amount for each in taken},
        "lately": queries.given_lately(partner_id),
        "about": about,
        "sponsor": labels.masked(clients.names_of([sponsor_id])[sponsor_id][0]) if sponsor_id is not None else "",
        "received": queries.received_totals(partner_id, queries.SHARE_TRACKS),
        "ends": {one.id: _may_end(one, partner_id) for one in made},
        "now": now,
    }


def _of(made: list[ShareAgreement], client_id: UUID) -> list[ShareAgreement]:
    return [one for one in made if client_id == (one.giver_id if one.kind == "take" else one.receiver_id)]


partner = make_shares("partners_shares", "layouts/partner.html", "/shares", "partners_portal")
cabinet = make_shares("partners_shares_cabinet", "layouts/cabinet.html", "/partner/shares", "partners_cabinet")
