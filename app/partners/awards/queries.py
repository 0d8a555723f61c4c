"""The statements of awards, and what pages show of them."""

from __future__ import annotations

from typing import Any

from app.core.db import execute_sql, load_sql
from app.partners.models import SettlementRun
from app.partners.settlement.place import placed


def sql(name: str) -> str:
    """A statement of awards, on the tables where the engine writes now."""
    return placed(load_sql("app.partners.awards", f"sql/{name}.sql"))


def run_sql(name: str, **given: Any) -> int:
    """Run a statement with those of the parameters that it names; answers how many rows it touched."""
    statement = sql(name)
    return int(
        execute_sql(statement, **{key: value for key, value in given.items() if f":{key}" in statement}).rowcount
    )


def judge(run: SettlementRun) -> None:
    """Decide held awards with the facts of a run."""
    run_sql("judge", business_date=run.business_date, plan_number=run.plan_number)
