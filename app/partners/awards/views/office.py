"""Awards in the office: one partner's, their costs, and taking commission back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import permissions, queries
from app.partners.awards import clawbacks, explaining, labels, reading
from app.partners.awards import costs as period_costs
from app.partners.awards.forms import ClawbackForm, CostForm
from app.partners.awards.models import ClawbackStatus
from app.partners.awards.rules import PeriodCosts
from app.partners.awards.views.portal import asked_award
from app.partners.drafts.typed import number
from app.ui import formats
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_awards", __name__, url_prefix="/commission/awards")
STAFF_ACT = "Staff act here; accrual, release and payout ask the partner's locks themselves."


@bp.get("/partners/<uuid:partner_id>")
@requires(permissions.COMMISSION_READ)
def partner(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    asked = PageRequest.read(request.args)
    rows, total = reading.awards_of(partner_id, limit=asked.size, offset=asked.offset)
    return render(
        "partners/awards/office_list.html",
        block="list",
        client=client,
        page=Page(rows, asked.number, asked.size, total),
        missing=reading.missing_of(partner_id),
        currency=queries.currency(),
        words=labels,
        shown_name=str,
        may_enter=current_actor().may(permissions.AWARD_COST),
        one_url=lambda one: url_for(
            ".award", partner_id=partner_id, kind=one.kind, key=one.source_key, component=one.component
        ),
    )


@bp.get("/partners/<uuid:partner_id>/one")
@requires(permissions.COMMISSION_READ)
def award(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    found = reading.explain(partner_id, *asked_award())
    return render(
        "partners/awards/office_one.html",
        client=client,
        x=found,
        sums=explaining.sums_of(found, with_money=True),
        facts=explaining.facts_of(found),
        path=reading.names_on(found.path),
        partner_id=partner_id,
        currency=found.version.currency if found.version is not None else queries.currency(),
        words=labels,
        shown_name=str,
        shows_money=True,
    )


@bp.route("/partners/<uuid:partner_id>/costs", methods=["GET", "POST"])
@requires(permissions.AWARD_COST)
@unrestricted(STAFF_ACT)
def costs(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    form = CostForm()
    if form.sent():
        saved = form.attempt(lambda: _enter(partner_id, form))
        if saved is not None:
            toast(_l("The costs are saved."))
            return redirect_to(url_for(".costs", partner_id=partner_id))
    return render(
        "partners/awards/costs.html", status=form.status, f=form, client=client, periods=reading.periods_of(partner_id)
    )


def _enter(partner_id: UUID, form: CostForm) -> Any:
    amounts = {name: number(form, name) or Decimal(0) for name in PeriodCosts.__dataclass_fields__}
    return period_costs.enter(
        partner_id, _day(form.period_start.data, "period_start"), PeriodCosts(**amounts), by=current_actor()
    )


def _day(text: str | None, field: str) -> date:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        raise Invalid(_l("Choose a day."), field=field) from None


@bp.get("/clawbacks")
@requires(permissions.COMMISSION_READ)
def clawback_list() -> ResponseReturnValue:
    rows = clawbacks.waiting()
    return render(
        "partners/awards/clawbacks.html", rows=rows, names=clients.names_of(one.client_id for one in rows), words=labels
    )


@bp.route("/clients/<uuid:client_id>/clawback", methods=["GET", "POST"])
@requires(permissions.CLAWBACK_ASK)
@unrestricted(STAFF_ACT)
def ask(client_id: UUID) -> ResponseReturnValue:
    """Ask for it, or look at what it would take first: the same form with another button."""
    client = clients.get(client_id)
    form = ClawbackForm(data={"since": clawbacks.earliest_day().isoformat()})
    form.deposit.choices = _deposits(client_id)
    lost = None
    if form.sent():
        if request.form.get("act") == "preview":
            lost = form.attempt(lambda: clawbacks.preview(client_id, _day(form.since.data, "since")))
        else:
            made = form.attempt(lambda: _ask(client_id, form))
            if made is not None:
                toast(_l("Somebody else must decide it now."))
                return redirect_to(url_for(".clawback_page", clawback_id=made.id))
    return render(
        "partners/awards/ask.html",
        status=form.status,
        f=form,
        client=client,
        lost=lost,
        earlier=clawbacks.of_client(client_id),
        currency=queries.currency(),
        words=labels,
    )


def _deposits(client_id: UUID) -> list[SelectChoice]:
    choices = [SelectChoice(value="", label=_l("No deposit was charged back"))]
    for one in clawbacks.credited_deposits(client_id):
        assert one.decided_at is not None
        text = f"{one.reference} · {formats.instant(one.decided_at, 'date')} · {one.amount}"
        choices.append(SelectChoice(value=str(one.id), label=text))
    return choices


def _ask(client_id: UUID, form: ClawbackForm) -> Any:
    chosen = form.deposit.data or ""
    try:
        deposit_id = UUID(chosen) if chosen else None
    except ValueError:
        raise Invalid(_l("Choose the deposit that was charged back."), field="deposit") from None
    return clawbacks.ask(
        client_id,
        form.trigger.data,
        _day(form.since.data, "since"),
        form.reason.data or "",
        deposit_id=deposit_id,
        once=f"clawback:{client_id}:{once_key()}",
        by=current_actor(),
    )


@bp.get("/clawbacks/<uuid:clawback_id>")
@requires(permissions.COMMISSION_READ)
def clawback_page(clawback_id: UUID) -> ResponseReturnValue:
    found = clawbacks.clawback(clawback_id)
    me = current_actor()
    is_open = found.status in (ClawbackStatus.REQUESTED, ClawbackStatus.APPROVED)
    return render(
        "partners/awards/clawback.html",
        one=found,
        client=clients.get(found.client_id),
        lost=clawbacks.preview(found.client_id, found.since) if is_open else None,
        currency=queries.currency(),
        words=labels,
        may_decide=me.may(permissions.CLAWBACK_DECIDE) and found.requested_by != me.id,
    )


@bp.post("/clawbacks/<uuid:clawback_id>/agree")
@requires(permissions.CLAWBACK_DECIDE)
@unrestricted(STAFF_ACT)
def agree(clawback_id: UUID) -> Response:
    clawbacks.decide(clawback_id, agrees=True, by=current_actor())
    toast(_l("The next settlement takes it back."))
    return redirect_to(url_for(".clawback_page", clawback_id=clawback_id))


@bp.post("/clawbacks/<uuid:clawback_id>/decline")
@requires(permissions.CLAWBACK_DECIDE)
@unrestricted(STAFF_ACT)
def decline(clawback_id: UUID) -> Response:
    clawbacks.decide(clawback_id, agrees=False, by=current_actor())
    toast(_l("Nothing is taken back."))
    return redirect_to(url_for(".clawback_page", clawback_id=clawback_id))
