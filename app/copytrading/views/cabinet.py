"""The list of strategies in the cabinet, one strategy, and one's own."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from app.copytrading import pages, permissions, queries, rules, service
from app.copytrading.forms import DescribeForm, PublishForm
from app.copytrading.models import Strategy
from app.copytrading.queries import StrategyRow
from app.copytrading.views import shared
from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.http import redirect_to, render, requires, restricted, toast, unrestricted
from app.kit import clock
from app.kit.csv import write_rows
from app.kit.text import _l
from app.tenancy import service as tenancy
from app.trading.queries import platforms
from app.ui.lists import Page

bp = Blueprint("copytrading_cabinet", __name__, url_prefix="/strategies")
MINE = "Who may no longer publish may still take their own strategy off the list, or say less about it."


def me() -> UUID:
    """The signed-in client. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


@bp.get("/")
@requires(permissions.STRATEGIES_SEE)
def board() -> ResponseReturnValue:
    section = shared.offered()
    asked = shared.page_request()
    wanted, sort = shared.read_filter(asked)
    rows, total = queries.strategies(wanted, sort=sort, limit=asked.size, offset=asked.offset)
    return render(
        "copytrading/cabinet/board.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        wanted=wanted,
        platform_choices=[(row.code, row.name) for row in platforms.platforms() if row.is_active],
        age_choices=shared.age_choices(),
        drawdown_choices=shared.drawdown_choices(),
        warning=shared.text_of(section.risk_warning, shared.RISK_WARNING),
        min_age_days=section.min_age_days,
        mine=queries.strategies_of(me()),
        pages=pages.platforms_with_page(me()),
    )


@bp.get("/strategies.csv")
@requires(permissions.STRATEGIES_SEE)
def board_csv() -> ResponseReturnValue:
    shared.offered()
    wanted, sort = shared.read_filter(shared.page_request())
    rows, _total = queries.strategies(wanted, sort=sort, limit=shared.CSV_ROWS_MAX)
    return shared.csv_of(rows)


@bp.get("/<uuid:strategy_id>")
@requires(permissions.STRATEGIES_SEE)
def strategy(strategy_id: UUID) -> ResponseReturnValue:
    section = shared.offered()
    row = visible(strategy_id)
    points = service.points_of(row)
    return render(
        "copytrading/cabinet/strategy.html",
        block="figures",
        row=row,
        figures=row.figures,
        base_currency=tenancy.current().base_currency,
        is_mine=row.strategy.client_id == me(),
        chart_x=[int(datetime.combine(point.day, time(), UTC).timestamp()) for point in points],
        chart_y=[str(round((point.index - 1) * 100, 2)) for point in points],
        months=list(reversed(rules.month_returns(points))),
        warning=shared.text_of(section.risk_warning, shared.RISK_WARNING),
        how_to_copy=shared.text_of(section.how_to_copy),
    )


@bp.get("/<uuid:strategy_id>/days.csv")
@requires(permissions.STRATEGIES_SEE)
def days_csv(strategy_id: UUID) -> ResponseReturnValue:
    """What the figures come from: each day's flows and equity as multiples, and for the owner as money."""
    shared.offered()
    row = visible(strategy_id)
    today = clock.business_now().astimezone(tenancy.current().timezone).date()
    days = service.days_of(row.account, today)
    points = rules.growth(days)
    columns = ["day", "index"]
    lines: list[list[object]] = [[point.day.isoformat(), point.index] for point in points]
    if row.strategy.client_id == me():  # Amounts are the owner's own affair.
        columns += ["paid_in_and_out", "equity", "currency"]
        for line, day in zip(lines, days, strict=True):
            flows = sum((flow.amount for flow in day.flows), Decimal(0))
            line += [flows, day.equity, row.account.currency]
    response = Response(write_rows(columns, lines), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="strategy-days.csv"'
    return response


def visible(strategy_id: UUID) -> StrategyRow:
    """A published strategy, or one's own in any state. Raises NotFound."""
    row = queries.strategy_row(strategy_id)
    if not row.strategy.is_published and row.strategy.client_id != me():
        raise NotFound
    return row


@bp.route("/publish", methods=["GET", "POST"])
@requires(permissions.STRATEGIES_SEE)
@restricted(permissions.PUBLISH)
def publish() -> ResponseReturnValue:
    section = shared.offered()
    form = PublishForm()
    accounts = queries.accounts_to_publish(me())
    form.account.choices = [(str(one.id), f"{one.login} · {one.currency}") for one in accounts]
    if form.sent():
        made = form.attempt(
            lambda: service.publish(
                me(),
                _account_id(form),
                name=form.name.data or "",
                about=form.about.data or "",
                has_accepted=bool(form.has_accepted.data),
                by=current_actor(),
            )
        )
        if made is not None:
            toast(_l("Your strategy is on the list."))
            return redirect_to(url_for(".strategy", strategy_id=made.id))
    return render(
        "copytrading/cabinet/publish.html",
        status=form.status,
        f=form,
        has_accounts=bool(accounts),
        terms=shared.text_of(section.terms, shared.TERMS),
    )


def _account_id(form: PublishForm) -> UUID:
    try:
        return UUID(form.account.data or "")
    except ValueError:
        return UUID(int=0)  # The service says that it is none of one's own.


@bp.route("/<uuid:strategy_id>/edit", methods=["GET", "POST"])
@requires(permissions.STRATEGIES_SEE)
@unrestricted(MINE)
def edit(strategy_id: UUID) -> ResponseReturnValue:
    shared.offered()
    mine: Strategy = service.own(strategy_id, me())
    form = DescribeForm(name=mine.name, about=mine.about)
    if form.sent():
        done = form.attempt(
            lambda: service.describe(
                strategy_id,
                name=form.name.data or "",
                about=form.about.data or "",
                client_id=me(),
                by=current_actor(),
            )
        )
        if done is not None:
            toast(_l("Saved."))
            return redirect_to(url_for(".strategy", strategy_id=strategy_id))
    return render("copytrading/cabinet/edit.html", status=form.status, f=form, strategy_id=strategy_id)


@bp.post("/<uuid:strategy_id>/withdraw")
@requires(permissions.STRATEGIES_SEE)
@unrestricted(MINE)
def withdraw(strategy_id: UUID) -> ResponseReturnValue:
    shared.offered()
    service.withdraw(strategy_id, client_id=me(), by=current_actor())
    toast(_l("Your strategy is no longer on the list."))
    return redirect_to(url_for(".board"))
