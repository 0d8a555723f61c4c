"""An account's history and statements, for its owner and for staff: the same pages under two audiences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.http import render, requires
from app.tenancy import service as tenancy
from app.tenancy.papers import file_response, presets, read_day, read_period, this_month
from app.trading import permissions
from app.trading.queries import accounts as queries
from app.trading.queries.accounts import AccountView
from app.trading.statements import printing, service
from app.trading.statements import queries as readings
from app.trading.statements.labels import KINDS
from app.trading.statements.queries import TradeFilter
from app.trading.views.cabinet import own_account
from app.trading.views.shared import listen_to
from app.ui.lists import Page, PageRequest

CSV_ROWS_MAX = 200_000


def make_views(name: str, layout: str, permission: str, find: Callable[[UUID], AccountView]) -> Blueprint:
    """The pages as one audience's blueprint. `find` answers an account that the reader may see, or raises NotFound."""
    bp = Blueprint(name, __name__, url_prefix="/accounts/<uuid:account_id>")
    is_staff = name.endswith("office")

    def page(template: str, view: AccountView, **values: Any) -> Response:
        return render(
            f"trading/statements/{template}",
            layout=layout,
            view=view,
            account=view.account,
            account_url=url_for(f"trading_{'office' if is_staff else 'cabinet'}.account", account_id=view.account.id),
            kinds=KINDS,
            **values,
        )

    def exported(view: AccountView, what: str) -> None:
        if is_staff:  # Who takes a client's data out of the house is recorded; a client's own is their own affair.
            audit.record(
                "trading.account.export",
                view.account,
                by=current_actor(),
                after={"what": what, "login": view.account.login},
                client_id=view.account.client_id,
            )

    @bp.get("/history")
    @requires(permission)
    def history(account_id: UUID) -> ResponseReturnValue:
        view = find(account_id)
        if is_staff:
            listen_to(view.account.client_id)
        asked = PageRequest.read(request.args, sorts=tuple(readings.SORTS), default_sort="-closed")
        wanted = read_filter()
        sums = readings.trade_sums(account_id, wanted)
        rows = readings.trades(account_id, wanted, sort=asked.sort_key, limit=asked.size, offset=asked.offset)
        return page(
            "history.html",
            view,
            block="list",
            page=Page(rows, asked.number, asked.size, sums.count),
            sums=sums,
            wanted=wanted,
            symbols=[(symbol, symbol) for symbol in readings.symbols_of(account_id)],
        )

    @bp.get("/history.csv")
    @requires(permission)
    def history_csv(account_id: UUID) -> ResponseReturnValue:
        view = find(account_id)
        exported(view, "history")
        rows = readings.trades(account_id, read_filter(), limit=CSV_ROWS_MAX)
        return file_response(printing.trades_csv(rows), f"trades-{view.account.login}.csv", "text/csv; charset=utf-8")

    @bp.get("/statement")
    @requires(permission)
    def statement(account_id: UUID) -> ResponseReturnValue:
        view = find(account_id)
        refusal: Invalid | None = None
        try:
            of = read_period(request.args)
        except Invalid as error:
            refusal, of = error, this_month()
        return page(
            "statement.html",
            view,
            block="sheet",
            status=200 if refusal is None else 422,
            refusal=refusal,
            statement=service.statement(view.account, of),
            presets=presets(),
            timezone=str(of.timezone),
        )

    @bp.get("/statement.pdf")
    @requires(permission)
    def statement_pdf(account_id: UUID) -> ResponseReturnValue:
        view, of = find(account_id), read_period(request.args)
        exported(view, "statement.pdf")
        body = printing.statement_pdf(view, service.statement(view.account, of))
        return file_response(body, f"statement-{view.account.login}-{of.first}-{of.last}.pdf", "application/pdf")

    @bp.get("/statement.csv")
    @requires(permission)
    def statement_csv(account_id: UUID) -> ResponseReturnValue:
        view, of = find(account_id), read_period(request.args)
        exported(view, "statement.csv")
        body = printing.statement_csv(view, service.statement(view.account, of, rows_max=CSV_ROWS_MAX))
        return file_response(
            body, f"statement-{view.account.login}-{of.first}-{of.last}.csv", "text/csv; charset=utf-8"
        )

    return bp


def read_filter() -> TradeFilter:
    """From the address. Anything unreadable narrows nothing."""
    timezone = tenancy.current().timezone
    first, last = read_day(request.args.get("from", "")), read_day(request.args.get("to", ""))
    side, result = request.args.get("side", ""), request.args.get("result", "")
    return TradeFilter(
        symbol=request.args.get("symbol", "").strip()[:40],
        side=side if side in ("buy", "sell") else "",
        result=result if result in ("won", "lost") else "",
        begin=datetime.combine(first, time(), timezone) if first else None,
        end=datetime.combine(last + timedelta(days=1), time(), timezone) if last else None,
    )


cabinet = make_views("statements_cabinet", "layouts/cabinet.html", permissions.ACCOUNT_OWN, own_account)
office = make_views("statements_office", "layouts/office.html", permissions.ACCOUNT_READ, queries.account_view)
