"""What the steps of a run do, each in the caller's transaction: the run commits after every one, a trial after none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.core.db import execute_sql
from app.kit import clock
from app.partners import versions
from app.partners.abuse import judging as abuse
from app.partners.awards import queries as awards
from app.partners.models import PlanVersion, SettlementRun
from app.partners.ranks import paying as rank_pay
from app.partners.ranks import service as rank_service
from app.partners.ranks import settling as ranking
from app.partners.rebates import engine as sharing
from app.partners.settlement import facts, wallets
from app.partners.settlement.facts import sql
from app.partners.volume import freezing as volume

_INSTANT = timedelta(milliseconds=1)


def freeze_facts(run: SettlementRun) -> None:
    """Store all that the run computes with."""
    run.batch_to = execute_sql(sql("last_batch")).scalar_one()
    rank_service.assess_due(run.day_end - _INSTANT)
    facts.freeze(run)
    wallets.freeze(run)
    volume.freeze(run)
    abuse.freeze(run, _version(run))


def reverse_corrected(run: SettlementRun) -> None:
    """Reverse the lines of trades that were corrected since the run before."""
    execute_sql(sql("reverse_corrected"), business_date=run.business_date, batch_from=run.batch_from)
    ranking.count_back(run, [version.plan for version, _ in facts.periods(run)])
    sharing.reverse_cashback(run.business_date, run.batch_from)


def count(run: SettlementRun) -> None:
    """Write down what the run has computed, for its page."""
    counted = execute_sql(sql("counts"), business_date=run.business_date).one()
    run.lines, run.reasons, run.held = counted.lines, counted.reasons, counted.held
    run.trades, run.late_trades = counted.trades, counted.late_trades
    run.waiting_trades = sum(
        execute_sql(sql("count_waiting"), **_without_wait(run, version, until)).scalar_one()
        for version, until in facts.periods(run)
    )
    run.computed_at = clock.now()


def _without_wait(run: SettlementRun, version: PlanVersion, until: datetime) -> dict[str, Any]:
    scope = facts.scope_of(run, version, until)
    del scope["wait_until"]
    return scope


def _version(run: SettlementRun) -> PlanVersion:
    """The plan version of the run's day."""
    version = versions.version(run.plan_number)
    assert version is not None
    return version


def judge(run: SettlementRun) -> None:
    """Look for abuse, decide what waited, and add what ranks give beside single trades."""
    sharing.reverse_shares(run.business_date)
    abuse.judge(run, _version(run))
    execute_sql(sql("judge_expired"), business_date=run.business_date)
    cleared = abuse.cleared_statement(sql("judge_cleared"))
    execute_sql(cleared, business_date=run.business_date, plan_number=run.plan_number)
    awards.judge(run)
    rank_pay.write(run, [version for version, _ in facts.periods(run)])
