"""Freezing what a run computes with: who is eligible, which rule fits which symbol, what each currency was worth.

Whoever takes the run up again after a crash finds the same facts, so the same lines come out.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.core.db import execute_sql, load_sql, session
from app.kit import clock
from app.partners import permissions, receivers, versions
from app.partners.attribution.programme import programme_gates
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import BaseKind, Plan
from app.partners.ranks import settling as ranking
from app.partners.rebates import engine as sharing
from app.partners.settlement.place import placed, schema
from app.partners.volume import pairs
from app.partners.volume.matching import dimensions_of, points
from app.rates import service as rates
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions

DOLLAR = "USD"  # What platforms count markups and millions in.
_INCLUDE = re.compile(r"/\* include (\w+) \*/")


def sql(name: str) -> str:
    """A statement of the settlement engine, with the parts that it includes."""
    text = _INCLUDE.sub(lambda found: sql(found[1]), load_sql("app.partners", f"settlement/sql/{name}.sql"))
    return placed(text)


def alone() -> None:
    """No step and no slice beside this one in a tenant's settlement, until the transaction ends."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('settlement'), :tenant_id)")


def alongside() -> None:
    """Only other slices beside this one, until the transaction ends."""
    execute_sql("SELECT pg_advisory_xact_lock_shared(hashtext('settlement'), :tenant_id)")


def over_many_rows() -> None:
    """Prepare this transaction for statements over a day's rows.

    What the planner knows of tables that a run has just filled is stale: a nested loop over them would never end.
    """
    execute_sql("SET LOCAL enable_nestloop = off")
    execute_sql("SET LOCAL work_mem = '128MB'")


def scope_of(run: SettlementRun, version: PlanVersion, until: datetime) -> dict[str, Any]:
    """Which closed trades the run settles under a version, as parameters of the statements."""
    waiting = run.day_end - timedelta(days=version.plan.spread_wait_days)
    return {
        "version_from": version.effective_from,
        "version_to": min(until, run.day_end),
        "scan_from": min(run.day_start, waiting - timedelta(days=2)),  # Whoever has waited long enough comes into view.
        "batch_from": run.batch_from,
        "wait_until": waiting,
    }


def periods(run: SettlementRun) -> list[tuple[PlanVersion, datetime]]:
    """Every plan version with the instant at which the next one replaces it, oldest first."""
    ordered = sorted(versions.all_versions(), key=lambda version: version.number)
    found: list[tuple[PlanVersion, datetime]] = []
    for place, version in enumerate(ordered):
        until = ordered[place + 1].effective_from if place + 1 < len(ordered) else FOREVER
        if version.effective_from < until and version.effective_from < run.day_end:
            found.append((version, until))
    return found


def freeze(run: SettlementRun) -> None:
    """Store the facts of this run. Called once per run, in one transaction; called again it stores them anew."""
    execute_sql(sql("forget_facts"), business_date=run.business_date)
    ranking.forget(run)
    locked = list(restrictions.locked_clients(permissions.COMMISSION_ACCRUAL))
    for version, until in periods(run):
        if version.number == run.plan_number or _has_trades(run, version, until):
            freeze_version(run, version, until, locked)


def _has_trades(run: SettlementRun, version: PlanVersion, until: datetime) -> bool:
    found = execute_sql(sql("has_trades"), **_given(run, version, until))
    return bool(found.scalar_one())


def _given(run: SettlementRun, version: PlanVersion, until: datetime) -> dict[str, Any]:
    scope = scope_of(run, version, until)
    del scope["wait_until"]
    return scope


def freeze_version(run: SettlementRun, version: PlanVersion, until: datetime, locked: list[Any]) -> None:
    """Store what one plan version computes with in this run."""
    plan = version.plan
    execute_sql(
        sql("freeze_gates"),
        business_date=run.business_date,
        plan_number=version.number,
        client_kyc_level=plan.gates.client_kyc_level,
        partner_kyc_level=plan.gates.partner_kyc_level,
        client_funded=plan.gates.client_funded,
        locked=locked,
        **programme_gates(plan, clock.business_now()),
    )
    ranking.freeze_qualified(run, version)
    pairs.freeze(run, version)
    _freeze_rules(run, version, until)
    _freeze_terms(run, version)
    ranking.freeze(run, version, _given(run, version, until))
    _freeze_quotes(run, version, until)
    freeze_receivers(run, version)


def _freeze_rules(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """Which rule fits each symbol and group that was traded: decided by the same code as in the reference."""
    plan = version.plan
    dimensions = dimensions_of(plan)
    statement = sql("traded").replace("/* more */''", dimensions.key).replace("/* match_joins */", dimensions.joins)
    traded = execute_sql(statement, **_given(run, version, until), **dimensions.given).all()
    sizes = points() if plan.gates.min_points > 0 else {}
    rows = []
    for row in traded:
        symbol, symbol_class, group = row.symbol, row.symbol_class, row.group_name
        traits = dimensions.traits(row.more)
        referral = plan.referral_rule(symbol, symbol_class, group, traits)
        god = plan.god_rule(symbol, symbol_class, group, traits)
        typical = plan.typical.get(symbol)
        rows.append(
            {
                "tenant_id": run.tenant_id,
                "business_date": run.business_date,
                "plan_number": version.number,
                "symbol": symbol,
                "symbol_class": symbol_class,
                "group_name": group,
                "more": row.more,
                "point": sizes.get((traits.platform, symbol)),
                "referral_rule": -1
                if referral is None or plan.referral is None
                else plan.referral.rules.index(referral),
                "god_rule": -1 if god is None or plan.god is None else plan.god.rules.index(god),
                "basis": plan.basis_of(referral),
                "kind": referral.kind if referral is not None else "pct_spread",
                "price": referral.price if referral is not None else None,
                "rate": referral.rate if referral is not None else None,
                "multiplier": plan.volume_multiplier(symbol, group),
                "is_group_excluded": any(fnmatchcase(group, pattern) for pattern in plan.gates.excluded_groups),
                "is_symbol_excluded": any(fnmatchcase(symbol, pattern) for pattern in plan.gates.excluded_symbols),
                "typical_spread": typical.spread if typical is not None else None,
            }
        )
    _insert("run_rule", rows)
    if plan.cashback:
        found = sharing.cashback_rows(run.tenant_id, run.business_date, version.number, plan, traded)
        _insert("run_cashback", found)


def _freeze_terms(run: SettlementRun, version: PlanVersion) -> None:
    """The shares and weights of every rule. Rule -1 stands for "none matched": it names who might have been paid."""
    plan = version.plan
    rows: list[dict[str, Any]] = []

    def add(track: str, rule: int, level: int, rate: Any, **more: Any) -> None:
        rows.append(
            {
                "tenant_id": run.tenant_id,
                "business_date": run.business_date,
                "plan_number": version.number,
                "track": track,
                "rule": rule,
                "level": level,
                "rate": rate,
                "shares": more.get("shares"),
                "max_per_event": more.get("max_per_event"),
            }
        )

    if plan.referral is not None:
        for number, rule in [(-1, None), *enumerate(plan.referral.rules)]:
            levels = plan.levels_of(rule)
            for place, level in enumerate(levels, 1):
                chain = [below.share for below in levels[:place]] if plan.referral.level_base == "previous" else None
                cap = rule.max_per_event if rule is not None else None
                add("referral", number, place, level.share, shares=chain, max_per_event=cap)
    if plan.god is not None:
        add("god", -1, 0, 0)
        for number, god_rule in enumerate(plan.god.rules):
            add("god", number, 0, god_rule.weight, max_per_event=god_rule.max_per_event)
    _insert("run_term", rows)


def _freeze_quotes(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    plan = version.plan
    is_late_bound = plan.fx_time == "settlement"
    wanted: set[tuple[str, str, date]] = set()
    for row in execute_sql(
        sql("currencies"), rate_date=rate_date(run) if is_late_bound else None, **_given(run, version, until)
    ):
        wanted |= {(one, plan.currency, row.on_date) for one in (row.profit_currency, row.account_currency) if one}
        if _uses(plan, "per_million") and row.profit_currency:
            wanted.add((row.profit_currency, DOLLAR, row.on_date))
        if _uses(plan, "pct_markup"):
            wanted.add((DOLLAR, plan.currency, row.on_date))
    rows = []
    for currency, into, on_date in sorted(wanted):
        try:
            quote = rates.rate(currency, into, datetime.combine(on_date, time(12), tzinfo=run.day_end.tzinfo))
        except rates.RateUnknown:
            continue  # Its trades wait for a rate, or get their reason.
        rows.append(
            {
                "tenant_id": run.tenant_id,
                "business_date": run.business_date,
                "currency": currency,
                "plan_currency": into,
                "on_date": on_date,
                "multiply": quote.numerator,
                "divide": quote.denominator,
                "source": quote.source,
                "quoted_at": quote.at,
            }
        )
    _insert("run_quote", rows)


def _uses(plan: Plan, kind: BaseKind) -> bool:
    """Whether a rule of the plan is of this kind."""
    return plan.referral is not None and any(rule.kind == kind for rule in plan.referral.rules)


def rate_date(run: SettlementRun) -> date:
    """The day whose rates a plan with `fx_time = settlement` uses: that of the cut-off."""
    return run.day_end.date()


def freeze_receivers(run: SettlementRun, version: PlanVersion) -> None:
    """Rows of the run's own where the receiver table does not say what this version pays."""
    plan = version.plan
    if not uses_table(plan):
        receivers.derive_for_run(run.business_date, version.number, plan, None)
    elif plan.on_ineligible == "compress":
        affected = execute_sql(
            placed(
                "SELECT DISTINCT r.client_id FROM receiver AS r JOIN run_gate AS g"
                " ON g.tenant_id = r.tenant_id AND g.business_date = :day AND g.plan_number = :number"
                " AND ((g.client_id = r.beneficiary_id AND g.partner_gates <> '{}')"
                "  OR (g.client_id = r.client_id AND g.is_country_denied))"
                " WHERE r.tenant_id = :tenant_id"
                " UNION SELECT p.client_id FROM run_pair AS p WHERE p.tenant_id = :tenant_id"
                " AND p.business_date = :day AND p.plan_number = :number"
            ),
            day=run.business_date,
            number=version.number,
        ).scalars()
        clients = list(affected)
        if clients:
            receivers.derive_for_run(run.business_date, version.number, plan, clients)


def uses_table(plan: Plan) -> bool:
    """Whether the receiver table was derived under this plan's policy."""
    return receivers.current_digest() == receivers.policy_digest(plan, receivers.levels_max(versions.plans()))


def _insert(table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        into = insert(sa.table(table, *(sa.column(name) for name in rows[0]), schema=schema()))
        session().execute(into.on_conflict_do_nothing(), rows)


__all__ = ["alone", "alongside", "freeze", "over_many_rows", "periods", "rate_date", "scope_of", "sql", "uses_table"]
