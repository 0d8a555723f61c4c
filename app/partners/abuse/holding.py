"""The holding time in the engine's statements: groups that are exempt, and the share that a band lets count."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from app.core.db import execute_sql, load_sql
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import Plan
from app.partners.rules.gates import seconds
from app.partners.settlement.place import placed


def trades_statement(text: str, plan: Plan) -> str:
    """`trades_now` with the share of the volume that the holding time lets count, where the plan has bands."""
    if plan.gates.hold_policy != "bands":
        return text
    share = load_sql("app.partners.abuse", "sql/hold_share.sql").strip()
    return text.replace("r.multiplier", f"r.multiplier * {share}")


def settings(run: SettlementRun, version: PlanVersion) -> dict[str, Any]:
    """The parameters of `trades_now` that are about the holding time. The run's rules stand already."""
    gates = version.plan.gates
    given: dict[str, Any] = {"exempt_hold_groups": exempt_groups(run, version)}
    if gates.hold_policy == "bands":
        given["band_from"] = [seconds(band.from_seconds) for band in gates.hold_bands]
        given["band_share"] = [band.share for band in gates.hold_bands]
    return given


def exempt_groups(run: SettlementRun, version: PlanVersion) -> list[str]:
    """The groups that were traded in and need no holding time, decided by the same code as in the reference."""
    patterns = version.plan.gates.exempt_hold_groups
    if not patterns:
        return []
    traded = execute_sql(
        placed(load_sql("app.partners.abuse", "sql/groups_traded.sql")),
        business_date=run.business_date,
        plan_number=version.number,
    ).scalars()
    return sorted(group for group in traded if any(fnmatchcase(group, pattern) for pattern in patterns))
