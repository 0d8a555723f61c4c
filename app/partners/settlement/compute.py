"""Lines and reasons for a run's closed trades: slice after slice, each slice in its own transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.core.db import execute_sql, in_transaction
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.plan import Plan
from app.partners.rules.gates import COPY_REASONS, DEALER_REASONS, min_hold
from app.partners.settlement.facts import alone, periods, rate_date, scope_of, sql, uses_table

SLICE_SIZE = 100_000  # Closed trades per transaction.


def compute(run: SettlementRun) -> None:
    """Settle every trade of the run that is not settled yet. Call it outside a transaction; again, it adds nothing."""
    for version, until in in_transaction(periods, run):
        for slice_from, slice_to in in_transaction(slices_of, run, version, until):
            in_transaction(_compute_slice, run, version, until, slice_from, slice_to)


def slices_of(run: SettlementRun, version: PlanVersion, until: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches of closing time that hold about a slice of trades each."""
    scope = scope_of(run, version, until)
    del scope["wait_until"]
    starts = list(execute_sql(sql("slices"), size=SLICE_SIZE, **scope).scalars())
    ends = [*starts[1:], scope["version_to"]] if starts else []
    return list(zip(starts, ends, strict=True))


def _compute_slice(
    run: SettlementRun, version: PlanVersion, until: datetime, slice_from: datetime, slice_to: datetime
) -> None:
    """One slice, all or nothing: the trades, their lines, their reasons and their holds.

    Nothing when the run has gone on meanwhile: what arrived since then belongs to the next day's run.
    """
    alone()  # Before the run's row, as every other step does.
    if _is_being_computed(run):
        settle_slice(run, version, until, slice_from, slice_to)


def settle_slice(
    run: SettlementRun, version: PlanVersion, until: datetime, slice_from: datetime, slice_to: datetime
) -> None:
    """Write trades, lines, reasons and holds of one slice into the tables that bear these names in this session."""
    plan = version.plan
    scope = scope_of(run, version, until)
    given = _settings(run, version, plan) | {
        "slice_from": slice_from,
        "slice_to": slice_to,
        "scan_from": scope["scan_from"],
        "batch_from": scope["batch_from"],
        "wait_until": scope["wait_until"],
    }
    # What the planner knows of tables that a run has just filled is stale: a nested loop over them would never end.
    execute_sql("SET LOCAL enable_nestloop = off")
    execute_sql("SET LOCAL work_mem = '128MB'")
    _run("trades_now", given)
    _run("settle_trades", given)
    has_own = bool(execute_sql("SELECT EXISTS (SELECT FROM trade_now WHERE has_own_receivers)").scalar_one())
    sources = ["receivers_of_table", *(["receivers_of_run"] if has_own else [])]
    _run("candidates", given, receivers="\n    UNION ALL\n".join(sql(source) for source in sources))
    if plan.overlap_policy != "stack" and len(plan.tracks) > 1:
        _run("overlap", given)
    if plan.caps.binds_paths:
        _run("cap_paths", given)
    _run("lines", given)
    _run("reasons", given)
    if plan.on_ineligible == "hold" or _has_held_trades():
        _run("holds", given)
    execute_sql("DROP TABLE trade_now")
    execute_sql("DROP TABLE candidate")


def _is_being_computed(run: SettlementRun) -> bool:
    """Whether the run still stands at this step."""
    step = execute_sql(
        "SELECT step FROM settlement_run WHERE tenant_id = :tenant_id AND business_date = :day",
        day=run.business_date,
    ).scalar_one()
    return bool(step == RunStep.FROZEN)


def _has_held_trades() -> bool:
    return bool(execute_sql("SELECT EXISTS (SELECT FROM trade_now WHERE is_held)").scalar_one())


def _run(name: str, given: dict[str, Any], receivers: str = "") -> None:
    statement = sql(name).replace("/* receivers */", receivers)
    execute_sql(statement, **{key: value for key, value in given.items() if f":{key}" in statement})


def _settings(run: SettlementRun, version: PlanVersion, plan: Plan) -> dict[str, Any]:
    gates, caps = plan.gates, plan.caps
    return {
        "business_date": run.business_date,
        "day_start": run.day_start,
        "day_end": run.day_end,
        "plan_number": version.number,
        "plan_currency": plan.currency,
        "tree_as_of": plan.tree_as_of,
        "rate_date": rate_date(run) if plan.fx_time == "settlement" else None,
        "revenue_basis": plan.revenue_basis,
        "needs_revenue": caps.max_total_share_of_revenue is not None,
        "max_total_per_lot": caps.max_total_per_lot,
        "max_total_share_of_revenue": caps.max_total_share_of_revenue,
        "cap_policy": caps.cap_policy,
        "cap_order": list(caps.cap_order),
        "overlap_policy": plan.overlap_policy,
        "all_own": not uses_table(plan),
        "partial_excluded": gates.partial_close == "exclude",
        "close_by_excluded": gates.close_by == "exclude",
        "dealer_excluded": gates.dealer_deals == "exclude",
        "dealer_reasons": sorted(DEALER_REASONS),
        "copy_excluded": gates.copy_trades == "exclude",
        "copy_reasons": sorted(COPY_REASONS),
        "zero_move_excluded": gates.zero_move == "exclude",
        "min_hold": min_hold(plan),
        "exempt_from_hold": list(gates.exempt_from_hold),
        "min_volume_lots": gates.min_volume_lots,
        "is_held": plan.on_ineligible == "hold",
        "expires_on": run.business_date + timedelta(days=plan.hold_days),
    }
