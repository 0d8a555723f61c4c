"""Awards of a settlement run: set-based, in one transaction, once per run.

What the rules look at (money, volume, who is verified) is read in that transaction and kept with it, so a run that is
taken up again has the same awards.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from app.core.db import execute_sql, in_transaction, session, tenant_id
from app.kit import clock
from app.kit.money import exponent
from app.partners import versions
from app.partners.awards.models import AwardRun
from app.partners.awards.queries import last_run, money_days, run_sql
from app.partners.awards.rules import needed_deposit, shares_of
from app.partners.awards.terms import AwardRule, Period
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.rules.facts import ReasonCode
from app.partners.rules.steps import step
from app.partners.settlement.facts import alone
from app.rates import service as rates
from app.referrals.rules import PATH_LENGTH_MAX

HARMLESS: Final = (ReasonCode.NO_RULE, ReasonCode.SPREAD_UNKNOWN, ReasonCode.RATE_UNKNOWN)
"""Gates that speak of what a track pays for a trade, and not of whether the trade counts."""
_BEFORE: Final = date(1, 1, 1)
_INSTANT: Final = timedelta(milliseconds=1)


def compute(run: SettlementRun) -> None:
    """Compute the awards of a run whose trades are settled. Call it outside a transaction; again, it adds nothing."""
    version = in_transaction(versions.version, run.plan_number)
    if version is not None and version.plan.awards:
        in_transaction(_compute, run, version)


def compute_here(run: SettlementRun) -> None:
    """The same within the caller's transaction."""
    version = versions.version(run.plan_number)
    if version is not None and version.plan.awards:
        _compute(run, version)


def _compute(run: SettlementRun, version: PlanVersion) -> None:
    alone()
    locked = session().get(SettlementRun, (tenant_id(), run.business_date), populate_existing=True)
    if locked is None or locked.step is not RunStep.FROZEN:
        return
    if session().get(AwardRun, (tenant_id(), run.business_date)) is not None:
        return
    plan = version.plan
    given = _given(run, version)
    execute_sql("SET LOCAL work_mem = '128MB'")
    _take_in(run, given)
    added = 0
    for rule in plan.awards:
        added += _pay(run, rule, given | _given_of_rule(run, rule, version))
    session().add(
        AwardRun(business_date=run.business_date, plan_number=version.number, awards=added, finished_at=clock.now())
    )
    session().flush()


def _given(run: SettlementRun, version: PlanVersion) -> dict[str, Any]:
    plan = version.plan
    return {
        "business_date": run.business_date,
        "day_end": run.day_end,
        "last_instant": run.day_end - _INSTANT,
        "plan_number": version.number,
        "plan_currency": plan.currency,
        "harmless": [code.value for code in HARMLESS],
        "compress": plan.on_ineligible == "compress",
        "is_held": plan.on_ineligible == "hold",
        "expires_on": run.business_date + timedelta(days=plan.hold_days),
        "chained": plan.referral is not None and plan.referral.level_base == "previous",
        "length_max": PATH_LENGTH_MAX,
        "now": clock.now(),
    }


def _given_of_rule(run: SettlementRun, rule: AwardRule, version: PlanVersion) -> dict[str, Any]:
    shares = list(shares_of(rule, version.plan))
    return {
        "rule": rule.name,
        "kind": rule.kind,
        "weight": rule.weight,
        "share": rule.share,
        "shares": shares,
        "levels_max": len(shares),
        "max_per_event": rule.max_per_event,
        "countries": list(rule.countries),
        "steps": [one.deposit for one in rule.steps],
        "pays": [step(one.pays) for one in rule.steps],
        "min_lots": rule.conditions.min_lots,
        "min_days": rule.conditions.min_days,
        "kyc_level": rule.conditions.kyc_level,
        "min_deposit": rule.conditions.min_deposit,
        "needed_deposit": needed_deposit(rule) if rule.kind == "cpa" else rule.conditions.min_deposit,
        "takes_back": rule.clawback_on_withdrawal,
        "first_only": rule.deposits == "first",
        "length": timedelta(days=rule.window_days),
        "carry_losses": rule.carry_losses,
        "period_start": period_start(rule.period, run.business_date),
    }


def _take_in(run: SettlementRun, given: dict[str, Any]) -> None:
    """Keep what is new of the clients' money, and what their trades come to."""
    days = money_days(given)
    known = []
    for currency, on_date in days:
        try:
            quote = rates.rate(
                currency, given["plan_currency"], datetime.combine(on_date, time(12), run.day_end.tzinfo)
            )
        except rates.RateUnknown:
            continue  # Money whose rate nobody knows yet waits for the next run.
        known.append(
            (currency, on_date, quote.numerator, quote.denominator, quote.source, quote.at, exponent(currency))
        )
    if known:
        names = ("currencies", "dates", "multiplies", "divides", "sources", "quoted", "places")
        run_sql("money", **given, **dict(zip(names, map(list, zip(*known, strict=True)), strict=True)))
    since, batch_from = last_run(run)
    run_sql("volume", since=since or _BEFORE, batch_from=batch_from, **given)


def _pay(run: SettlementRun, rule: AwardRule, given: dict[str, Any]) -> int:
    if rule.kind == "revenue_share":
        if period_start(rule.period, run.business_date + timedelta(days=1)) == given["period_start"]:
            return 0
        run_sql("periods", **given)
        run_sql("period_candidates", **given)
    else:
        run_sql("cpa" if rule.kind == "cpa" else "windows", **given)
        run_sql("candidates", **given)
    added = run_sql("awards", **given)
    if given["is_held"]:
        run_sql("holds", **given)
    run_sql("reasons", **given)
    execute_sql("DROP TABLE award_candidate")
    if rule.clawback_on_withdrawal:
        added += run_sql("take_back", **given)
    return added


def period_start(period: Period, day: date) -> date:
    """The first day of the month, or the Monday of the week, in which a day lies."""
    return day.replace(day=1) if period == "month" else day - timedelta(days=day.weekday())
