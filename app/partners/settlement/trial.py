"""Trying a day: the engine settles it in one transaction that is undone, and only what it came to is kept.

No line, no hold and no journal is left, and nobody is told. While it lasts no run of the tenant begins.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, get, in_transaction, session, transaction
from app.core.errors import Conflict, DomainError, NotFound
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners import versions
from app.partners.awards import clawbacks
from app.partners.awards import engine as award_engine
from app.partners.models import RunStep, SettlementRun
from app.partners.settlement import compute, facts, posting, steps, wallets
from app.partners.settlement import run as settlement
from app.partners.settlement.facts import sql
from app.partners.settlement.models import Trial, TrialState
from app.partners.volume import caps

log = structlog.get_logger()
PARTNERS_SHOWN: Final = 200
_INSTANT = timedelta(milliseconds=1)


class AlreadyTrying(Conflict):
    message = _l("A day is being tried already.")


class RunHasBegun(Conflict):
    message = _l("The settlement of this day has begun, so there is nothing to try.")


class _Undone(Exception):
    """Takes the figures out of the transaction that is undone."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result


def next_day() -> date | None:
    """The day that is settled next, whether it has ended or not; None where nobody is paid."""
    if versions.settings() is None or versions.plan_for_receivers() is None:
        return None
    newest = settlement.newest()
    if newest is None:
        return versions.day_cut().last_closed(clock.business_now())
    return newest.business_date + timedelta(days=1 if newest.is_proved else 0)


def ask(*, by: Actor) -> Trial:
    """Have the next day tried. Raises NoPlan, AlreadyTrying, RunHasBegun."""
    day = next_day()
    if day is None:
        raise settlement.NoPlan
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('settlement trial'), :tenant_id)")
    if session().scalar(select(Trial.id).where(Trial.state == TrialState.WAITING).limit(1)) is not None:
        raise AlreadyTrying
    _may_be_tried(day)
    trial = Trial(
        id=new_id(),
        business_date=day,
        state=TrialState.WAITING,
        result={},
        failure="",
        asked_by=by.id,
        asked_by_name=by.name,
        asked_at=clock.now(),
        finished_at=None,
    )
    session().add(trial)
    session().flush()
    audit.record("partners.settlement.try", trial, by=by, after={"day": day.isoformat()})
    enqueue_after_commit("partners.try_day", trial_id=str(trial.id))
    return trial


def _may_be_tried(day: date) -> None:
    run = session().scalar(select(SettlementRun).where(SettlementRun.business_date == day))
    if run is not None and run.step is not RunStep.OPENED:
        raise RunHasBegun


def trial(trial_id: UUID) -> Trial:
    """One trial. Raises NotFound."""
    found = get(Trial, trial_id)
    if found is None:
        raise NotFound
    return found


def latest() -> Trial | None:
    """What was tried last."""
    return session().scalar(select(Trial).order_by(Trial.asked_at.desc()).limit(1))


def run(trial_id: UUID) -> None:
    """Try the day that somebody asked for. Call it outside a transaction; one that is over is left alone."""
    found = in_transaction(_waiting, trial_id)
    if found is None:
        return
    try:
        with settlement.only_worker():
            result = _try(found)
    except DomainError as refusal:
        in_transaction(_finish, trial_id, TrialState.FAILED, {}, refusal.message.in_english())
    except Exception as error:
        in_transaction(_finish, trial_id, TrialState.FAILED, {}, type(error).__name__)
        raise
    else:
        in_transaction(_finish, trial_id, TrialState.DONE, result, "")


def _waiting(trial_id: UUID) -> date | None:
    found = get(Trial, trial_id)
    return found.business_date if found is not None and found.state is TrialState.WAITING else None


def _finish(trial_id: UUID, state: TrialState, result: dict[str, Any], failure: str) -> None:
    found = get(Trial, trial_id, lock=True)
    if found is not None and found.state is TrialState.WAITING:
        found.state, found.result, found.failure, found.finished_at = state, result, failure, clock.now()
        live.publish("office", "settlement-changed")


def _try(day: date) -> dict[str, Any]:
    try:
        with transaction():
            raise _Undone(_settle(day))
    except _Undone as undone:
        return undone.result


def _settle(day: date) -> dict[str, Any]:
    """Settle the day as far as its batches, in this transaction, step by step as a run does."""
    _may_be_tried(day)
    tried = settlement.open_run(day, even_if_not_over=True)
    unknown = wallets.without_rate(tried)
    if unknown:
        raise Conflict(
            _l("There is no exchange rate from %(base)s to %(other)s yet.", base=tried.currency, other=unknown[0])
        )
    missing = settlement.missing_deals(tried.day_end)
    tried.step = RunStep.FROZEN
    session().flush()
    steps.freeze_facts(tried)
    clawbacks.apply(tried)
    steps.reverse_corrected(tried)
    for version, until in facts.periods(tried):
        if version.plan.caps.partner.binds:
            caps.freeze(tried, version, until)
        for ends in compute.slices_of(tried, version, until):
            compute.settle_slice(tried, version, until, *ends)
    award_engine.compute_here(tried)
    steps.count(tried)
    steps.judge(tried)
    named = versions.version(tried.plan_number)
    assert named is not None, "A run names its plan."
    posting.make_batches(tried, named.plan)
    return _figures(tried) | {"missing": missing}


def _figures(tried: SettlementRun) -> dict[str, Any]:
    day = tried.business_date
    partners = execute_sql(sql("trial_partners"), business_date=day, limit=PARTNERS_SHOWN).all()
    totals = execute_sql(sql("trial_totals"), business_date=day).all()
    taken = execute_sql(sql("trial_taken_back"), business_date=day).scalar_one()
    reasons = execute_sql(sql("reason_counts"), business_date=day).all()
    return {
        "currency": tried.currency,
        "until": min(tried.day_end, clock.business_now()).isoformat(),
        "is_over": tried.day_end <= clock.business_now(),
        "trades": tried.trades,
        "late_trades": tried.late_trades,
        "waiting_trades": tried.waiting_trades,
        "lines": tried.lines,
        "reasons": tried.reasons,
        "held": tried.held,
        "taken_back": str(taken),
        "totals": [
            {"currency": row.currency, "partners": row.partners, "lines": str(row.lines), "minor": int(row.minor)}
            for row in totals
        ],
        "partners": [
            {"id": str(row.partner_id), "currency": row.currency, "lines": str(row.lines), "minor": int(row.minor)}
            for row in partners
        ],
        "why": [[row.reason, row.times] for row in reasons],
    }
