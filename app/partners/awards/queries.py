"""The statements of awards, and what pages show of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.core.db import execute_sql, load_sql, session
from app.partners.awards.models import AwardRun
from app.partners.models import SettlementRun
from app.partners.settlement.place import placed

_INCLUDE = re.compile(r"/\* include (\w+) \*/")


def sql(name: str) -> str:
    """A statement of awards with the parts that it includes, on the tables where the engine writes now."""
    text = _INCLUDE.sub(lambda found: sql(found[1]), load_sql("app.partners.awards", f"sql/{name}.sql"))
    return placed(text)


def run_sql(name: str, **given: Any) -> int:
    """Run a statement with those of the parameters that it names; answers how many rows it touched."""
    statement = sql(name)
    return int(
        execute_sql(statement, **{key: value for key, value in given.items() if f":{key}" in statement}).rowcount
    )


def judge(run: SettlementRun) -> None:
    """Decide held awards with the facts of a run."""
    run_sql("judge", business_date=run.business_date, plan_number=run.plan_number)


def last_run(run: SettlementRun) -> tuple[date | None, int]:
    """The day before this one whose awards were computed, and the ingest batch after which its successors began."""
    since = session().scalar(select(func.max(AwardRun.business_date)).where(AwardRun.business_date < run.business_date))
    if since is None:
        return None, run.batch_from
    batch = session().scalar(select(func.min(SettlementRun.batch_from)).where(SettlementRun.business_date > since))
    return since, batch if batch is not None else run.batch_from


def money_days(given: Mapping[str, Any]) -> list[tuple[str, date]]:
    """The currencies and days of the money that no run has seen yet."""
    statement = sql("money_days")
    rows = execute_sql(statement, **{name: given[name] for name in ("day_end", "plan_currency")})
    return [(row.currency, row.on_date) for row in rows]
