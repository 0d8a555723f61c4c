"""Who of a run's traders and beneficiaries may not earn from each other."""

from __future__ import annotations

from app.core.db import execute_sql, load_sql
from app.partners.models import PlanVersion, SettlementRun
from app.partners.settlement.place import placed
from app.partners.volume.statements import volume_sql


def freeze(run: SettlementRun, version: PlanVersion) -> None:
    """Store the pairs that fail a gate together."""
    if version.plan.abuse.clusters.action != "off":
        execute_sql(
            placed(load_sql("app.partners.abuse", "sql/freeze_confirmed_pairs.sql")),
            business_date=run.business_date,
            plan_number=version.number,
            include_own=version.plan.gates.include_own_accounts,
        )
    if not version.plan.gates.include_own_accounts:
        execute_sql(volume_sql("freeze_pairs"), business_date=run.business_date, plan_number=version.number)


def candidates_statement(text: str, run: SettlementRun, version: PlanVersion) -> str:
    """`candidates` with what is asked of trader and beneficiary together, where the run knows such a pair at all."""
    if not _are_any(run, version):
        return text
    before, _, rest = text.partition("/* pair_gates */")
    own, _, after = rest.partition("/* pair_gates_end */")
    joined = after.replace("/* pairs */", volume_sql("pair_join"))
    return before + volume_sql("pair_gates").replace("/* own */", own) + joined


def _are_any(run: SettlementRun, version: PlanVersion) -> bool:
    """Whether the run knows any such pair."""
    found = execute_sql(volume_sql("has_pairs"), business_date=run.business_date, plan_number=version.number)
    return bool(found.scalar_one())
