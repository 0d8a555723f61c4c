"""All strategies for staff: whose they are, and taking one off the list."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.copytrading import permissions, queries, service
from app.copytrading.forms import HideForm, ProviderForm
from app.copytrading.models import StrategyStatus
from app.copytrading.views import shared
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l, _ln
from app.trading.copies import service as copies
from app.ui.lists import Page

bp = Blueprint("copytrading_office", __name__, url_prefix="/strategies")
STAFF_ACT = "Staff decide what the list shows; no function of the client is used."


def _read() -> tuple[queries.StrategyFilter, str]:
    wanted, sort = shared.read_filter(shared.page_request())
    status = request.args.get("status", "")
    chosen = StrategyStatus(status) if status in set(StrategyStatus) else None
    return replace(wanted, status=chosen), sort


@bp.get("/")
@requires(permissions.STRATEGIES_READ)
def board() -> ResponseReturnValue:
    shared.offered()
    asked = shared.page_request()
    wanted, sort = _read()
    rows, total = queries.strategies(wanted, sort=sort, limit=asked.size, offset=asked.offset)
    return render(
        "copytrading/office/board.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        wanted=wanted,
        statuses=[(one.value, one.label) for one in StrategyStatus],
        may_manage=current_actor().may(permissions.STRATEGIES_MANAGE),
    )


@bp.get("/strategies.csv")
@requires(permissions.STRATEGIES_READ)
def board_csv() -> ResponseReturnValue:
    shared.offered()
    wanted, sort = _read()
    rows, _total = queries.strategies(wanted, sort=sort, limit=shared.CSV_ROWS_MAX)
    return shared.csv_of(rows, with_owner=True)


@bp.route("/<uuid:strategy_id>", methods=["GET", "POST"])
@requires(permissions.STRATEGIES_MANAGE)
@unrestricted(STAFF_ACT)
def decide(strategy_id: UUID) -> ResponseReturnValue:
    """Take a strategy off the list, or put it back."""
    shared.offered()
    row = queries.strategy_row(strategy_id)
    form = HideForm()
    if form.sent():
        act = service.hide if row.strategy.is_published else service.show_again
        done = form.attempt(lambda: act(strategy_id, reason=form.reason.data or "", by=current_actor()))
        if done is not None:
            toast(_l("The list shows it no more.") if not done.is_published else _l("The strategy is listed again."))
            return redirect_to(url_for(".board"))
        row = queries.strategy_row(strategy_id)
    return render(
        "copytrading/office/decide.html",
        block="form",
        status=form.status,
        f=form,
        row=row,
        provider_form=provider_form(row),
    )


def provider_form(row: queries.StrategyRow) -> ProviderForm:
    """The platform's providers to choose from; empty where it names none."""
    form = ProviderForm(provider=row.strategy.provider)
    found = copies.providers(row.account.platform_id)
    form.provider.choices = [
        SelectChoice(value="", label=_l("Nobody copies it")),
        *(
            SelectChoice(
                value=one.provider,
                label=_ln("%(name)s, %(num)s copy", "%(name)s, %(num)s copies", one.copiers, name=one.shown),
            )
            for one in found
        ),
    ]
    return form


@bp.post("/<uuid:strategy_id>/provider")
@requires(permissions.STRATEGIES_MANAGE)
@unrestricted(STAFF_ACT)
def name_provider(strategy_id: UUID) -> ResponseReturnValue:
    """Say by which of the platform's providers a strategy is copied."""
    shared.offered()
    row = queries.strategy_row(strategy_id)
    form = provider_form(row)
    if form.sent():
        done = form.attempt(lambda: service.name_provider(strategy_id, form.provider.data or "", by=current_actor()))
        if done is not None:
            toast(_l("Saved."))
            return redirect_to(url_for(".board"))
    return render(
        "copytrading/office/decide.html", status=form.status, f=HideForm(formdata=None), row=row, provider_form=form
    )
