"""Commission in the office: the plan and its versions, settlement runs, and one partner's money."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.text import _l
from app.partners import example, labels, permissions, queries, service, versions
from app.partners.arbitrage import arbitrage
from app.partners.awards import labels as award_words
from app.partners.forms import GrantForm, RunForm
from app.partners.models import RunStep
from app.partners.payouts import labels as payout_words
from app.partners.settlement import run as settlement
from app.partners.settlement import signing, trial
from app.partners.settlement.forms import SignForm
from app.partners.views.portal import csv_of, explained, read_day, read_filter
from app.referrals import queries as tree
from app.tenancy.papers import instant_for_field, read_instant
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_office", __name__, url_prefix="/commission")
STAFF_ACT = "Staff act here; accrual, release and payout ask the partner's locks themselves."


@bp.get("/plan")
@requires(permissions.COMMISSION_READ)
def plan() -> ResponseReturnValue:
    known = versions.all_versions()
    asked = request.args.get("version", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else None
    now = versions.version_at(clock.business_now())
    at, refusal = read_instant(request.args)
    then = versions.version_at(at) if at is not None else None
    chosen = then or now or (known[0] if known else None)
    shown = next((version for version in known if version.number == number), chosen)
    worst = versions.worst_god_rate(shown.plan) if shown is not None else None
    return render(
        "partners/office/plan.html",
        versions=known,
        shown=shown,
        in_force=now,
        at=at,
        then=then,
        refusal=refusal,
        shown_at=instant_for_field(at or clock.business_now()),
        plan=shown.plan if shown is not None else None,
        examples=example.examples(shown.plan) if shown is not None else [],
        arbitrage=arbitrage(shown.plan, worst) if shown is not None and worst is not None else [],
        worst=worst,
        settings=versions.settings(),
        award_words=award_words,
        payout_words=payout_words,
        labels=labels,
    )


@bp.get("/settlements")
@requires(permissions.SETTLEMENT_READ)
def settlements() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = queries.runs(limit=asked.size, offset=asked.offset)
    return render(
        "partners/office/settlements.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        due=settlement.due_days(),
        next_day=trial.next_day(),
        tried=trial.latest(),
        releases_due=queries.waiting_releases(clock.business_now()),
        may_run=current_actor().may(permissions.SETTLEMENT_RUN),
    )


@bp.get("/settlements/<day>")
@requires(permissions.SETTLEMENT_READ)
def settlement_page(day: str) -> ResponseReturnValue:
    return _settlement_page(read_day(day), RunForm())


def _settlement_page(day: date, form: RunForm, sign: SignForm | None = None) -> Response:
    run = settlement.get(day)
    asked = PageRequest.read(request.args)
    batches, total = queries.batches_of_run(day, limit=asked.size, offset=asked.offset)
    return render(
        "partners/office/settlement.html",
        block="run",
        status=max(form.status, sign.status) if sign is not None else form.status,
        run=run,
        steps=_steps(run),
        totals=queries.run_totals(day),
        missing=run.missing or (settlement.missing_deals(run.day_end) if run.step is RunStep.OPENED else []),
        sign=sign or SignForm(),
        may_sign=current_actor().may(permissions.SETTLEMENT_SIGN) and run.override_by_id != current_actor().id,
        page=Page(batches, asked.number, asked.size, total),
        reasons=queries.reason_counts(day),
        f=form,
        labels=labels,
        may_run=current_actor().may(permissions.SETTLEMENT_RUN),
    )


def _steps(run: Any) -> list[dict[str, Any]]:
    order = list(RunStep)
    at = order.index(run.step)
    times = {RunStep.COMPUTED: run.computed_at, RunStep.POSTED: run.posted_at, RunStep.PROVED: run.proved_at}
    times |= {RunStep(step): datetime.fromisoformat(at) for step, at in run.step_times.items()}
    found = []
    for place, step in enumerate(order[1:], 1):
        state = "done" if place <= at else "todo"
        if place == at + 1:
            state = "failed" if run.failure else "current"
        found.append({"label": step.label, "state": state, "at": times.get(step)})
    return found


@bp.post("/settlements/run")
@requires(permissions.SETTLEMENT_RUN)
@unrestricted(STAFF_ACT)
def run_due() -> ResponseReturnValue:
    """Settle the oldest day that is due; the later ones follow by themselves."""
    days = settlement.due_days()
    if not days:
        toast(_l("Every day that has ended is settled."), "info")
        return redirect_to(url_for(".settlements"))
    return _start(days[0], "")


def _start(day: date, override_reason: str) -> Response:
    settlement.request_day(day, by=current_actor(), override_reason=override_reason)
    enqueue_after_commit("partners.settle_day", day=day.isoformat())
    toast(_l("The settlement has been started. This page follows it."), "info")
    return redirect_to(url_for(".settlement_page", day=day.isoformat()))


@bp.post("/settlements/<day>/run")
@requires(permissions.SETTLEMENT_RUN)
@unrestricted(STAFF_ACT)
def run_again(day: str) -> ResponseReturnValue:
    chosen, form = read_day(day), RunForm()
    if form.sent():
        done = form.attempt(lambda: _start(chosen, _override_of(form)))
        if done is not None:
            return done
    return _settlement_page(chosen, form)


def _override_of(form: RunForm) -> str:
    if not form.override.data:
        return ""
    reason = (form.reason.data or "").strip()
    if not reason:
        raise Invalid(_l("Say why the day is settled although deals are missing."), field="reason")
    return reason


@bp.post("/settlements/<day>/sign")
@requires(permissions.SETTLEMENT_SIGN)
@unrestricted(STAFF_ACT)
def sign(day: str) -> ResponseReturnValue:
    chosen, form = read_day(day), SignForm()
    if form.sent():
        done = form.attempt(lambda: signing.sign(chosen, form.note.data or "", by=current_actor()))
        if done is not None:
            toast(_l("You have signed this day."))
            return redirect_to(url_for(".settlement_page", day=chosen.isoformat()))
    return _settlement_page(chosen, RunForm(formdata=None), form)


@bp.post("/settlements/release")
@requires(permissions.SETTLEMENT_RUN)
@unrestricted(STAFF_ACT)
def release() -> ResponseReturnValue:
    """Release what has come through its audit period now, not at the next sweep."""
    enqueue_after_commit("partners.release")
    toast(_l("What is due is being released."), "info")
    return redirect_to(url_for(".settlements"))


@bp.get("/partners/<uuid:partner_id>")
@requires(permissions.COMMISSION_READ)
def partner(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    asked, wanted = PageRequest.read(request.args), read_filter()
    rows, total = queries.earnings(partner_id, wanted, limit=asked.size, offset=asked.offset)
    now = clock.business_now()
    return render(
        "partners/office/partner.html",
        block="list",
        client=client,
        page=Page(rows, asked.number, asked.size, total),
        wanted=wanted,
        balances=queries.balances(partner_id),
        releases=queries.releases(partner_id),
        grants=queries.grants_of(partner_id),
        god_rate=queries.god_rate(partner_id, now),
        below_total=sum(tree.people_below(partner_id, now).values()),
        currency=queries.currency(),
        labels=labels,
        shown_name=str,
        now=now,
        explain_url=lambda one: url_for(
            ".earning",
            partner_id=partner_id,
            trade_id=one.trade_id,
            revision=one.revision,
            track=one.track,
            component=one.component or "none",
        ),
        may_grant=current_actor().may(permissions.GOD_MODE_GRANT),
    )


@bp.get("/partners/<uuid:partner_id>/earnings.csv")
@requires(permissions.COMMISSION_READ)
def partner_csv(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    rows, _total = queries.earnings(partner_id, read_filter(), limit=100_000)
    return csv_of(rows, f"commission-{client.number}.csv")


@bp.get("/partners/<uuid:partner_id>/earnings/<int:trade_id>/<int:revision>/<track>/<component>")
@requires(permissions.COMMISSION_READ)
def earning(partner_id: UUID, trade_id: int, revision: int, track: str, component: str) -> ResponseReturnValue:
    client = clients.get(partner_id)
    return render(
        "partners/office/earning.html",
        client=client,
        labels=labels,
        shown_name=str,
        reader_is_partner=False,
        **explained(partner_id, trade_id, revision, track, component),
    )


@bp.route("/partners/<uuid:partner_id>/per-lot", methods=["GET", "POST"])
@requires(permissions.GOD_MODE_GRANT)
@unrestricted(STAFF_ACT)
def grant(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    current = queries.god_rate(partner_id, clock.business_now())
    form = GrantForm(rate=f"{current.normalize():f}" if current is not None else "")
    if form.sent():
        done = form.attempt(lambda: _grant(partner_id, form))
        if done is not None:
            toast(_l("The amount per lot holds from now on."))
            return redirect_to(url_for(".partner", partner_id=partner_id))
    return render(
        "partners/office/grant.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        current=current,
        currency=queries.currency(),
        below_total=sum(tree.people_below(partner_id, clock.business_now()).values()),
    )


def _grant(partner_id: UUID, form: GrantForm) -> bool:
    service.grant_god_mode(
        partner_id,
        form.rate_per_lot(),
        reason=form.reason.data,
        by=current_actor(),
        request_id=f"grant:{partner_id}:{once_key()}",
    )
    return True
