"""Beside the runs in the office: trying the next day, money that is held too long, the currency of a partner."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import labels, permissions, versions
from app.partners.awards import labels as award_words
from app.partners.settlement import overdue, trial, wallets
from app.partners.settlement.forms import CurrencyForm
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_settlement", __name__, url_prefix="/commission")
STAFF_ACT = "Staff act here; nothing of it moves a partner's money."


@bp.post("/settlements/trials")
@requires(permissions.SETTLEMENT_RUN)
@unrestricted(STAFF_ACT)
def try_day() -> ResponseReturnValue:
    """Compute what the day that is settled next would pay."""
    asked = trial.ask(by=current_actor())
    return redirect_to(url_for(".trial_page", trial_id=asked.id))


@bp.get("/settlements/trials/<uuid:trial_id>")
@requires(permissions.SETTLEMENT_READ)
def trial_page(trial_id: UUID) -> ResponseReturnValue:
    found = trial.trial(trial_id)
    partners: list[dict[str, Any]] = found.result.get("partners", [])
    return render(
        "partners/settlement/trial.html",
        block="trial",
        trial=found,
        result=found.result,
        names=clients.names_of(UUID(one["id"]) for one in partners),
        partners=[one | {"uuid": UUID(one["id"])} for one in partners],
        labels=labels,
        may_run=current_actor().may(permissions.SETTLEMENT_RUN),
    )


@bp.get("/holds")
@requires(permissions.COMMISSION_READ)
def held_too_long() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = overdue.holds(limit=asked.size, offset=asked.offset)
    plan = versions.plan_for_receivers()
    return render(
        "partners/settlement/holds.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        names=clients.names_of({row.partner_id for row in rows}),
        days=plan.max_hold_days if plan is not None else 0,
        currency=wallets.plan_currency(),
        labels=labels,
        award_words=award_words,
    )


@bp.route("/partners/<uuid:partner_id>/currency", methods=["GET", "POST"])
@requires(permissions.CURRENCY_CHOOSE)
@unrestricted(STAFF_ACT)
def currency(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    current = wallets.currency_of(partner_id)
    form = CurrencyForm(currency=current)
    form.offer(wallets.offered())
    if form.sent():
        done = form.attempt(lambda: wallets.choose_currency(partner_id, form.currency.data or "", by=current_actor()))
        if done is not None:
            toast(_l("The currency holds from the next settlement on."))
            return redirect_to(url_for("partners_office.partner", partner_id=partner_id))
    return render(
        "partners/settlement/currency.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        plan_currency=wallets.plan_currency(),
    )
