"""The receiver table: all that settlement joins. It is derived from dated links, dated grants and the plan's policy.

A link or grant changes the rows of those below it, from that instant on; what held before stays, because late trades
and positions opened earlier still ask for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import execute_sql, load_sql
from app.kit import clock
from app.partners import versions
from app.partners.plan import Plan
from app.partners.rules.steps import product
from app.partners.settlement.place import placed
from app.referrals import queries as tree
from app.referrals.rules import BEGINNING, PATH_LENGTH_MAX

_COLUMNS = "client_id, valid_from, valid_to, track, distance, level, beneficiary_id, rate, pool_rate, reaching, passed"
FEW = 500
"""So many clients' rows are written anew, for a registration must not make a table; of more only what changes is."""


def policy_digest(plan: Plan, levels: int) -> str:
    """What the rows depend on beside links and grants: two plans with the same digest share one receiver table."""
    parts = [str(levels)]
    if plan.god is not None:
        parts += [plan.god.nested_policy, *(str(share) for share in plan.god.split_shares)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def levels_max(plans: Sequence[Plan]) -> int:
    """How many levels any rule of any version pays."""
    return max(
        (
            len(levels)
            for plan in plans
            if plan.referral is not None
            for levels in (plan.referral.levels, *(rule.levels for rule in plan.referral.rules))
        ),
        default=0,
    )


def current_digest() -> str:
    """The digest under which the table stands now; empty before it was ever built."""
    row = execute_sql("SELECT digest FROM receiver_state WHERE tenant_id = :tenant_id").one_or_none()
    return row.digest if row is not None else ""


def rebuild(plan: Plan | None = None) -> int:
    """Derive the whole table anew, alone on the tree. Answers how many rows stand now."""
    tree.lock_tree(exclusively=True)
    known = versions.plans()
    chosen = plan or versions.plan_for_receivers()
    execute_sql("DELETE FROM receiver WHERE tenant_id = :tenant_id")
    execute_sql("DELETE FROM receiver_state WHERE tenant_id = :tenant_id")
    if chosen is None:
        return 0
    levels = levels_max(known or [chosen])
    execute_sql(
        "INSERT INTO receiver_state (tenant_id, digest, built_at) VALUES (:tenant_id, :digest, :now)",
        digest=policy_digest(chosen, levels),
        now=clock.now(),
    )
    return _insert("receiver", chosen, levels, clients=None, from_at=BEGINNING)


def refresh(clients: Sequence[UUID], from_at: datetime) -> None:
    """Derive the rows of these clients anew from an instant on. The caller holds the tree."""
    plan = versions.plan_for_receivers()
    if plan is None or not clients:
        return
    if len(clients) <= FEW:
        _write_anew(clients, from_at, plan)
    else:
        _write_changes(clients, from_at, plan)


def _write_anew(clients: Sequence[UUID], from_at: datetime, plan: Plan) -> None:
    values = {"clients": list(clients), "at": from_at}
    execute_sql(
        "DELETE FROM receiver WHERE tenant_id = :tenant_id AND client_id = ANY (:clients) AND valid_from >= :at",
        **values,
    )
    execute_sql(
        "UPDATE receiver SET valid_to = :at"
        " WHERE tenant_id = :tenant_id AND client_id = ANY (:clients) AND valid_from < :at AND valid_to > :at",
        **values,
    )
    _insert("receiver", plan, levels_max(versions.plans()), clients=list(clients), from_at=from_at)


def _write_changes(clients: Sequence[UUID], from_at: datetime, plan: Plan) -> None:
    """Write only rows that change: a structure that moves as a whole keeps the levels inside it."""
    _over_many_rows()
    execute_sql("DROP TABLE IF EXISTS pg_temp.receiver_change")
    execute_sql(
        load_sql("app.partners", "sql/receiver_changes.sql").replace("/* derived */", _derivation()),
        clients=list(clients),
        from_at=from_at,
        length_max=PATH_LENGTH_MAX,
        gates_of=None,
        plan_number=0,
        levels=levels_max(versions.plans()),
        **policy_of(plan),
    )
    execute_sql("ANALYZE pg_temp.receiver_change")
    cut = execute_sql(
        "SELECT client_id FROM receiver_change WHERE is_new AND distance > :length_max LIMIT 1",
        length_max=PATH_LENGTH_MAX,
    ).scalar_one_or_none()
    if cut is not None:
        raise tree.PathTooLong(cut)
    execute_sql(
        "DELETE FROM receiver AS r USING receiver_change AS c WHERE NOT c.is_new AND c.valid_from >= :from_at"
        " AND r.tenant_id = :tenant_id AND r.client_id = c.client_id AND r.valid_from = c.valid_from"
        " AND r.track = c.track AND r.distance = c.distance",
        from_at=from_at,
    )
    execute_sql(load_sql("app.partners", "sql/end_receivers.sql"), from_at=from_at)
    execute_sql(load_sql("app.partners", "sql/begin_receivers.sql").replace("/* columns */", _COLUMNS))
    execute_sql("SET LOCAL work_mem = DEFAULT")


def derive_for_run(business_date: date, number: int, plan: Plan, clients: Sequence[UUID] | None) -> int:
    """Rows of a run's own, for clients whose rows differ from the table's: under `compress`, or another policy."""
    return _insert(
        "run_receiver",
        plan,
        levels_max([plan]),
        clients=None if clients is None else list(clients),
        from_at=BEGINNING,
        business_date=business_date,
        number=number,
        is_compressed=plan.on_ineligible == "compress",
    )


def _insert(
    table: str,
    plan: Plan,
    levels: int,
    *,
    clients: list[UUID] | None,
    from_at: datetime,
    business_date: date | None = None,
    number: int = 0,
    is_compressed: bool = False,
) -> int:
    keys = "tenant_id, business_date, plan_number" if business_date else "tenant_id"
    values = ":tenant_id, CAST(:business_date AS date), :plan_number" if business_date else ":tenant_id"
    statement = load_sql("app.partners", "sql/write_receivers.sql")
    for mark, text in (
        ("table", table),
        ("keys", keys),
        ("columns", _COLUMNS),
        ("values", values),
        ("derived", _derivation()),
    ):
        statement = statement.replace(f"/* {mark} */", text)
    _over_many_rows()
    done = execute_sql(
        placed(statement),
        clients=clients,
        from_at=from_at,
        length_max=PATH_LENGTH_MAX,
        gates_of=business_date if is_compressed else None,
        plan_number=number,
        levels=levels,
        **({"business_date": business_date} if business_date else {}),
        **policy_of(plan),
    ).one()
    execute_sql("SET LOCAL work_mem = DEFAULT")
    if done.cut is not None:  # The walk ended at its limit. Nothing is ever paid on a path that was cut.
        raise tree.PathTooLong(done.cut)
    return int(done.number)


def _derivation() -> str:
    return load_sql("app.partners", "sql/derive_receivers.sql")


def _over_many_rows() -> None:
    """Let each step of a long walk find its hash table standing."""
    execute_sql("SET LOCAL work_mem = '128MB'")


def policy_of(plan: Plan) -> dict[str, Any]:
    """The nested policy of a plan as parameters: its name, and what reaches each partner of a passed-on pool."""
    god = plan.god
    products: list[Decimal] = []
    if god is not None and god.nested_policy == "split":
        count = execute_sql(
            "SELECT count(DISTINCT partner_id) FROM god_grant WHERE tenant_id = :tenant_id"
        ).scalar_one()
        products = [Decimal(1)]
        for place in range(count + 1):
            products.append(product(products[-1], god.split_shares[min(place, len(god.split_shares) - 1)]))
    return {"nested_policy": god.nested_policy if god is not None else "full", "products": products}


def differences() -> int:
    """How many rows of the table are not what a full derivation gives now; 0 proves it. Cut segments count as equal."""
    plan = versions.plan_for_receivers()
    if plan is None:
        return 0
    derived = _derivation()
    return int(
        execute_sql(
            load_sql("app.partners", "sql/receiver_differences.sql").replace("/* derived */", derived),
            clients=None,
            from_at=BEGINNING,
            length_max=PATH_LENGTH_MAX,
            gates_of=None,
            plan_number=0,
            levels=levels_max(versions.plans()),
            **policy_of(plan),
        ).scalar_one()
    )
