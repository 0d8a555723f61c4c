"""Lines and reasons for a run's closed trades: in slices, a few at a time, each in its own transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any

from app.core.db import execute_sql, in_transaction, tenant_id, tenant_scope
from app.partners.abuse import holding
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.plan import Plan
from app.partners.ranks import settling as ranking
from app.partners.rebates import engine as sharing
from app.partners.rules.facts import ReasonCode
from app.partners.rules.gates import COPY_REASONS, DEALER_REASONS, min_hold
from app.partners.settlement.facts import (
    alone,
    alongside,
    over_many_rows,
    periods,
    rate_date,
    scope_of,
    sql,
    uses_table,
)
from app.partners.volume import caps, pairs
from app.partners.volume.statements import trade_settings, trades_statement

SLICE_SIZE = 50_000  # Closed trades per transaction.
SLICES_AT_ONCE = 2  # Each on a connection of its own, so on a processor of its own. More would starve the pages.


def compute(run: SettlementRun) -> None:
    """Settle every trade of the run that is not settled yet. Call it outside a transaction; again, it adds nothing."""
    for version, until in in_transaction(periods, run):
        if version.plan.caps.partner.binds:
            in_transaction(_freeze_caps, run, version, until)
        slices = in_transaction(slices_of, run, version, until)
        if len(slices) == 1 or _is_in_order(version.plan):
            for ends in slices:
                in_transaction(_compute_slice, run, version, until, *ends)
        elif slices:
            _side_by_side([_slice_work(run, version, until, *ends) for ends in slices])


def _freeze_caps(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """What partners have used of their caps, unless the run has gone on meanwhile."""
    alone()
    if _is_being_computed(run):
        caps.freeze(run, version, until)


def _is_in_order(plan: Plan) -> bool:
    """Whether a slice goes on from what those before it counted."""
    return bool(plan.tiered_tracks) or plan.caps.partner.binds


def _slice_work(
    run: SettlementRun, version: PlanVersion, until: datetime, slice_from: datetime, slice_to: datetime
) -> Callable[[], None]:
    """A slice as work for another thread, which has no scope of its own yet."""
    tenant, context = tenant_id(), copy_context()  # The context carries the clock of a test or a sandbox.

    def work() -> None:
        with tenant_scope(tenant):
            in_transaction(_compute_slice, run, version, until, slice_from, slice_to)

    return lambda: context.run(work)


def _side_by_side(works: list[Callable[[], None]]) -> None:
    """Do all of it, a few at a time. What fails is raised once those that had begun have ended; no more are begun."""
    with ThreadPoolExecutor(SLICES_AT_ONCE, thread_name_prefix="settlement") as pool:
        waiting = [pool.submit(work) for work in works]
        try:
            for one in waiting:
                one.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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
    alongside()  # Before the run's row, as every other step does.
    if _is_being_computed(run):
        settle_slice(run, version, until, slice_from, slice_to)


def settle_slice(
    run: SettlementRun, version: PlanVersion, until: datetime, slice_from: datetime, slice_to: datetime
) -> None:
    """Write trades, lines, reasons and holds of one slice into the tables that bear these names in this session."""
    plan = version.plan
    scope = scope_of(run, version, until)
    given = settings(run, version, plan) | {
        "slice_from": slice_from,
        "slice_to": slice_to,
        "scan_from": scope["scan_from"],
        "batch_from": scope["batch_from"],
        "wait_until": scope["wait_until"],
    }
    over_many_rows()
    execute_sql("SET LOCAL max_parallel_workers_per_gather = 0")  # Slices are what runs side by side.
    run_statement(trades_statement(sql("trades_now"), plan), given)
    _run("settle_trades", given)
    has_own = bool(execute_sql("SELECT EXISTS (SELECT FROM trade_now WHERE has_own_receivers)").scalar_one())
    sources = ["receivers_of_table", *(["receivers_of_run"] if has_own else [])]
    statement = sql("candidates").replace("/* receivers */", "\n    UNION ALL\n".join(sql(one) for one in sources))
    run_statement(pairs.candidates_statement(statement, run, version), given)
    ranking.apply(run, version)
    if plan.overlap_policy != "stack" and len(plan.tracks) > 1:
        _run("overlap", given)
    sharing.decide_cashback(plan, given)  # Before the caps: traders take theirs first.
    if plan.caps.binds_paths:
        _run("cap_paths", given)
    if plan.caps.partner.binds:
        caps.apply(run, version, slice_from, slice_to)
    _run("lines", given)
    _run("reasons", given)
    sharing.write_cashback(plan, given)
    sharing.write_shares(plan, given)
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


def _run(name: str, given: dict[str, Any]) -> None:
    run_statement(sql(name), given)


def run_statement(statement: str, given: dict[str, Any]) -> None:
    """Run a statement with those of the parameters that it names."""
    execute_sql(statement, **{key: value for key, value in given.items() if f":{key}" in statement})


def settings(run: SettlementRun, version: PlanVersion, plan: Plan) -> dict[str, Any]:
    """The parameters of the statements, by the run and the plan."""
    gates, limits = plan.gates, plan.caps
    return {
        "business_date": run.business_date,
        "day_start": run.day_start,
        "day_end": run.day_end,
        "plan_number": version.number,
        "plan_currency": plan.currency,
        "tree_as_of": plan.tree_as_of,
        "rate_date": rate_date(run) if plan.fx_time == "settlement" else None,
        "revenue_basis": plan.revenue_basis,
        "needs_revenue": limits.max_total_share_of_revenue is not None,
        "max_total_per_lot": limits.max_total_per_lot,
        "max_total_share_of_revenue": limits.max_total_share_of_revenue,
        "cap_policy": limits.cap_policy,
        "cap_order": list(limits.cap_order),
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
        **holding.settings(run, version),
        "min_volume_lots": gates.min_volume_lots,
        **trade_settings(plan),
        "gate_order": [str(code) for code in ReasonCode],
        "is_held": plan.on_ineligible == "hold",
        "expires_on": run.business_date + timedelta(days=plan.hold_days),
    }
