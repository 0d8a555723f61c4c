"""What a run is told about volume, stored before it computes: lots that count, averages, and who is one person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.core.db import execute_sql
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import Plan
from app.partners.settlement import compute
from app.partners.settlement.facts import over_many_rows, periods, scope_of, sql
from app.partners.volume.scope import closings, day_starts, in_scope
from app.partners.volume.statements import counts_volume, trades_statement, volume_sql

_DAY = timedelta(days=1)


def freeze(run: SettlementRun) -> None:
    """Store what each plan version of the run counts volume with. The rules and gates of the run stand already."""
    for version, until in periods(run):
        freeze_version(run, version, until)


def freeze_version(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """The same for one version."""
    plan = version.plan
    if "capped" in plan.bases:
        _freeze_averages(run, version, until)
    if counts_volume(plan):
        execute_sql(in_scope(volume_sql("freeze_volume")), **_volume_of(plan), **_given(run, version, until))
        if plan.gates.hedge_netting != "off":
            _net_hedges(run, version, until)


def _given(run: SettlementRun, version: PlanVersion, until: datetime) -> dict[str, Any]:
    scope = scope_of(run, version, until)
    del scope["wait_until"]
    return {"business_date": run.business_date, "plan_number": version.number, **scope}


def _volume_of(plan: Plan) -> dict[str, Any]:
    gates = plan.gates
    return {
        "uses_positions": gates.partial_close != "pro_rata",
        "final_only": gates.partial_close == "final_only",
        "uses_close_by": gates.close_by in {"larger_side", "net"},
        "close_by": gates.close_by,
        "uses_credit": gates.credit_coefficient == "on",
        "counts_balance": gates.equity_unknown == "balance",
        "uses_balance": gates.negative_balance == "exclude",
    }


def _freeze_averages(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """Sum up what no run has summed up yet, and store the averages that this run uses."""
    days, length = closings(run, version, until)[1], version.plan.average_days
    wanted = sorted({day - n * _DAY for day in days for n in range(1, length + 1)})
    if wanted:
        execute_sql(volume_sql("sum_spreads"), days=wanted)
        execute_sql(
            volume_sql("freeze_averages"),
            days=days,
            average_days=length,
            business_date=run.business_date,
            plan_number=version.number,
        )


def _net_hedges(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """Let the gates judge every trade of the run once, and net those that pass."""
    plan = version.plan
    first, _ = closings(run, version, until)
    if first is None:
        return
    scope = scope_of(run, version, until)
    given = compute.settings(run, version, plan) | scope
    given |= {
        "slice_from": scope["version_from"],
        "slice_to": scope["version_to"],
        "day_starts": day_starts(first, run.business_date),
        "pays_referral": plan.referral is not None,
        "pays_god": plan.god is not None,
    }
    over_many_rows()
    compute.run_statement(trades_statement(sql("trades_now"), plan), given)
    compute.run_statement(volume_sql("net_hedges"), given)
    execute_sql("DROP TABLE trade_now")
