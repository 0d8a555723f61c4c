"""What a partner sees of their own: the same pages in the partner portal and, under /partner, in the cabinet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.errors import NotFound
from app.core.http import is_partial, redirect_to, render, requires, restricted, unrestricted
from app.kit import clock
from app.kit.csv import write_rows
from app.partners import labels, permissions, queries, versions
from app.partners.awards import labels as award_words
from app.partners.awards import reading as award_reading
from app.partners.network.invitation_views import add_invitation_views
from app.partners.network.views import add_network_views
from app.partners.payouts.views import portal as payouts
from app.partners.portal import so_far
from app.partners.portal.explaining import background
from app.partners.portal.home import chart, paid_out
from app.partners.portal.person import me as me
from app.partners.portal.qr import qr_of
from app.partners.portal.views.links import add_link_views, address_of
from app.partners.portal.views.people import add_people_views
from app.partners.queries import Earning, EarningFilter
from app.partners.ranks.views import add_rank_views
from app.referrals import membership
from app.referrals import queries as tree
from app.referrals import service as referrals
from app.ui.lists import Page, PageRequest

CSV_ROWS_MAX = 100_000


def make_portal(name: str, layout: str, url_prefix: str | None) -> Blueprint:
    """The portal's pages as one audience's blueprint."""
    bp = Blueprint(name, __name__, url_prefix=url_prefix)

    def page(template: str, *, block: str | None = None, status: int = 200, **values: Any) -> Response:
        return render(f"partners/portal/{template}", block=block, status=status, layout=layout, labels=labels, **values)

    @bp.get("/")
    @requires(permissions.PARTNER_PORTAL)
    def home() -> ResponseReturnValue:
        return page("home.html", block="figures", **_home(me()))

    @bp.get("/today")
    @requires(permissions.PARTNER_PORTAL)
    def today() -> ResponseReturnValue:
        """The present day so far, as a part of the home page."""
        if not is_partial():
            return redirect_to(url_for(".home"))
        return page("_today.html", so_far=so_far.of_partner(me(), queries.currency()))

    @bp.get("/earnings")
    @requires(permissions.PARTNER_PORTAL)
    def earnings() -> ResponseReturnValue:
        asked, wanted = PageRequest.read(request.args), read_filter()
        rows, total = queries.earnings(me(), wanted, limit=asked.size, offset=asked.offset)
        return page(
            "earnings.html",
            block="list",
            page=Page(rows, asked.number, asked.size, total),
            wanted=wanted,
            currency=queries.currency(),
            shown_name=labels.masked,
        )

    @bp.get("/earnings.csv")
    @requires(permissions.PARTNER_PORTAL)
    def earnings_csv() -> ResponseReturnValue:
        rows, _total = queries.earnings(me(), read_filter(), limit=CSV_ROWS_MAX)
        return csv_of(rows, "earnings.csv")

    @bp.get("/earnings/<int:trade_id>/<int:revision>/<track>/<component>")
    @requires(permissions.PARTNER_PORTAL)
    def earning(trade_id: int, revision: int, track: str, component: str) -> ResponseReturnValue:
        return page(
            "earning.html",
            **explained(me(), trade_id, revision, track, component),
            shown_name=labels.masked,
            back=url_for(".earnings"),
        )

    @bp.get("/statements")
    @requires(permissions.PARTNER_PORTAL)
    def statements() -> ResponseReturnValue:
        asked = PageRequest.read(request.args)
        rows, total = queries.statements(me(), limit=asked.size, offset=asked.offset)
        return page("statements.html", block="list", page=Page(rows, asked.number, asked.size, total))

    @bp.get("/statements/<day>")
    @requires(permissions.PARTNER_PORTAL)
    def statement(day: str) -> ResponseReturnValue:
        of_day = read_day(day)
        rows, total = queries.earnings(me(), EarningFilter(day_from=of_day, day_to=of_day), limit=500)
        return page(
            "statement.html",
            statement=queries.statement(me(), of_day),
            batches=queries.batches_of(me(), of_day),
            rows=rows,
            total=total,
            awards=award_reading.awards_of(me(), limit=200, day_from=of_day, day_to=of_day)[0],
            award_words=award_words,
            shown_name=labels.masked,
            currency=queries.currency(),
        )

    @bp.get("/statements/<day>.csv")
    @requires(permissions.PARTNER_PORTAL)
    def statement_csv(day: str) -> ResponseReturnValue:
        of_day = read_day(day)
        queries.statement(me(), of_day)
        wanted = EarningFilter(day_from=of_day, day_to=of_day)
        rows, _total = queries.earnings(me(), wanted, limit=CSV_ROWS_MAX)
        return csv_of(rows, f"statement-{of_day.isoformat()}.csv")

    @bp.route("/payout", methods=["GET", "POST"])
    @requires(permissions.PARTNER_PORTAL)
    @restricted(permissions.COMMISSION_PAYOUT)
    def payout() -> ResponseReturnValue:
        return payouts.payout_page(me(), page)

    @bp.post("/payouts/<uuid:payout_id>/cancel")
    @requires(permissions.PARTNER_PORTAL)
    @unrestricted("Taking back one's own request only returns money to its owner.")
    def cancel_payout(payout_id: UUID) -> ResponseReturnValue:
        return payouts.cancel(me(), payout_id)

    add_network_views(bp, page)
    add_invitation_views(bp, page)
    add_link_views(bp, page)
    add_people_views(bp, page)
    add_rank_views(bp, page)
    return bp


def _home(partner_id: UUID) -> dict[str, Any]:
    now = clock.business_now()
    today = versions.day_cut().day_of(now)
    earned = queries.earned_by_day(partner_id, today - timedelta(days=29), today)
    latest, _total = queries.earnings(partner_id, EarningFilter(kind="paid"), limit=8)
    currency = queries.currency()
    link = address_of(referrals.give_code(partner_id))
    plan = versions.plan_for_receivers()
    return {
        "link": link,
        "against": membership.against(partner_id),
        "qr": qr_of(link),
        "visits": tree.visits_of(partner_id),
        "balances": queries.balances(partner_id),
        "releases": queries.releases(partner_id),
        "paid": paid_out(partner_id),
        "chart_of_days": chart(earned, today - timedelta(days=29), today, queries.currency_of(partner_id)),
        "so_far": so_far.of_partner(partner_id, currency),
        "currency": currency,
        "latest": latest,
        "brought_in": tree.direct_count(partner_id, now),
        "god_rate": queries.god_rate(partner_id, now),
        "plan": plan,
        "shown_name": labels.masked,
    }


def read_filter() -> EarningFilter:
    """The list's state from the address; what cannot be read counts as not given."""
    kind, track, reason = (request.args.get(name, "") for name in ("kind", "track", "reason"))
    return EarningFilter(
        kind=kind if kind in ("paid", "unpaid") else "all",
        reason=reason if reason in labels.REASONS else "",
        track=track if track in labels.TRACKS else "",
        symbol=request.args.get("symbol", "").strip()[:40],
        day_from=_day_or_none(request.args.get("from", "")),
        day_to=_day_or_none(request.args.get("to", "")),
    )


def _day_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_day(text: str) -> date:
    """A day in an address. Raises NotFound."""
    found = _day_or_none(text)
    if found is None:
        raise NotFound
    return found


def explained(partner_id: UUID, trade_id: int, revision: int, track: str, component: str) -> dict[str, Any]:
    """What an explanation page shows. Raises NotFound."""
    if track not in labels.TRACKS or trade_id > 2**62 or revision > 2**30:
        raise NotFound
    found = queries.explain(partner_id, trade_id, revision, track, "" if component == "none" else component)
    names = clients.names_of(step.partner_id for step in found.path[:50])
    return {
        "x": found,
        "b": background(found),
        "path": [(step, *names[step.partner_id]) for step in found.path[:50]],
        "partner_id": partner_id,
        "reader_id": partner_id,
        "plan": found.version.plan,
        "basis": found.basis,
    }


def csv_of(rows: list[Earning], filename: str) -> Response:
    """Lines and reasons as a file: exactly what the page lists, with every digit of the amounts."""
    columns = (
        "business_date", "closed_at", "trade", "symbol", "lots", "client_number", "track", "level", "rate", "amount",
        "currency", "state", "reason",
    )  # fmt: skip
    code = queries.currency()
    text = write_rows(
        columns,
        [
            (
                row.business_date.isoformat(), row.closed_at.isoformat(), row.trade_id, row.symbol, f"{row.lots:f}",
                row.client_number, row.track, row.level, f"{row.rate:f}", f"{row.amount:f}", code, row.state,
                row.reason,
            )
            for row in rows
        ],
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return Response("\ufeff" + text, mimetype="text/csv; charset=utf-8", headers=headers)


partner = make_portal("partners_portal", "layouts/partner.html", None)
cabinet = make_portal("partners_cabinet", "layouts/cabinet.html", "/partner")
