"""The set-based side of sharing: the steps that a settlement slice adds where its plan shares or pays cashback."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from app.core.db import execute_sql, load_sql
from app.partners.plan import Plan
from app.partners.rules.shares import ORDER, limit_of
from app.partners.settlement.place import placed, schema
from app.referrals.rules import PATH_LENGTH_MAX


def cashback_rows(tenant: int, day: date, number: int, plan: Plan, traded: Iterable[Any]) -> list[dict[str, Any]]:
    """Which cashback rule fits what was traded, as rows of `run_cashback`. What fits none has no row."""
    rows = []
    for one in traded:
        rule = plan.cashback_rule(one.symbol, one.symbol_class, one.group_name)
        if rule is not None:
            rows.append(
                {
                    "tenant_id": tenant,
                    "business_date": day,
                    "plan_number": number,
                    "symbol": one.symbol,
                    "symbol_class": one.symbol_class,
                    "group_name": one.group_name,
                    "rule": plan.cashback.index(rule),
                    "per_lot": rule.per_lot,
                    "max_per_event": rule.max_per_event,
                }
            )
    return rows


def decide_cashback(plan: Plan, given: dict[str, Any]) -> None:
    """What the traders of the slice get, before the caps on whole trades are shared out among partners."""
    if not plan.cashback:
        return
    _run("cashback", given)
    if plan.caps.binds_paths:
        _run("cashback_limits", given)


def write_cashback(plan: Plan, given: dict[str, Any]) -> None:
    """The traders' lines, reasons and holds."""
    if not plan.cashback:
        return
    for name in ("cashback_lines", "cashback_reasons", "cashback_holds"):
        _run(name, given)
    execute_sql("DROP TABLE cashback_now")


def write_shares(plan: Plan, given: dict[str, Any]) -> None:
    """What goes from the slice's lines to others. A replay looks at what plans cost, which no share changes."""
    if plan.rebates is None or schema() is not None:
        return
    in_force = set(_run("kinds_in_force", given).scalars())
    kinds = [kind for kind in ("rebate", "take", "give") if kind in in_force and limit_of(plan, kind) > 0]
    if not kinds:
        return
    parts = "  UNION ALL\n".join(_load(f"share_now_{kind}") for kind in kinds)
    limits = {f"{kind}_max": limit_of(plan, kind) for kind in ORDER}
    _execute(_load("share_now").replace("/* kinds */", parts), given | {"length_max": PATH_LENGTH_MAX})
    _run("shares", given | limits)
    execute_sql("DROP TABLE share_now")


def reverse_cashback(day: date, batch_from: int) -> None:
    """Take back what traders got for trades that were corrected or taken away. Run twice it adds nothing."""
    _run("reverse_cashback", {"business_date": day, "batch_from": batch_from})


def reverse_shares(day: date) -> None:
    """Reverse the shares of every line that this day reverses. Run twice it adds nothing."""
    _run("reverse_shares", {"business_date": day})


def _load(name: str) -> str:
    return load_sql("app.partners", f"rebates/sql/{name}.sql")


def _run(name: str, given: dict[str, Any]) -> Any:
    return _execute(_load(name), given)


def _execute(statement: str, given: dict[str, Any]) -> Any:
    return execute_sql(placed(statement), **{key: value for key, value in given.items() if f":{key}" in statement})
