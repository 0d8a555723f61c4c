"""Reading what the paths of some clients paid, would have paid, and what still depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import execute_sql, load_sql
from app.partners import receivers, versions
from app.partners.plan import Plan
from app.referrals.rules import PATH_LENGTH_MAX


def has_traded(client_id: UUID) -> bool:
    """Whether a client has closed a trade with real money."""
    statement = (
        "SELECT EXISTS (SELECT FROM closed_trade AS t WHERE t.tenant_id = :tenant_id AND t.client_id = :client_id"
        " AND NOT t.is_demo AND t.deleted_at IS NULL)"
    )
    return bool(execute_sql(statement, client_id=client_id).scalar_one())


def traded_since(clients: Sequence[UUID], day_from: date) -> list[UUID]:
    """Those of the clients whose trades were settled on this day or later."""
    statement = (
        "SELECT DISTINCT s.client_id FROM settled_trade AS s WHERE s.tenant_id = :tenant_id"
        " AND s.client_id = ANY (CAST(:clients AS uuid[])) AND s.business_date >= :day_from"
    )
    return list(execute_sql(statement, clients=list(clients), day_from=day_from).scalars())


def worth(clients: Sequence[UUID], at: datetime, day_from: date, plan: Plan) -> list[tuple[UUID, Decimal]]:
    """What trades settled since a day would have paid whom on the paths of an instant, before caps."""
    derived = load_sql("app.partners", "sql/derive_receivers.sql")
    rows = execute_sql(
        load_sql("app.partners", "attribution/sql/worth.sql").replace("/* derived */", derived),
        clients=list(clients),
        at=at,
        from_at=at,
        day_from=day_from,
        length_max=PATH_LENGTH_MAX,
        gates_of=None,
        plan_number=0,
        levels=receivers.levels_max(versions.plans()),
        **receivers.policy_of(plan),
    )
    return [(row.partner_id, row.amount) for row in rows]


def depends(clients: Sequence[UUID], since: datetime, first_day: date) -> Any:
    """What was computed on the paths of these clients from an instant on: `number`, and its `first_day`."""
    return execute_sql(
        load_sql("app.partners", "attribution/sql/depends.sql"),
        clients=list(clients),
        since=since,
        first_day=first_day,
    ).one()


def day_under_way(since: datetime) -> date | None:
    """The settlement day that is being computed now and reaches beyond an instant."""
    statement = (
        "SELECT r.business_date FROM settlement_run AS r WHERE r.tenant_id = :tenant_id AND r.day_end > :since"
        " AND r.step NOT IN ('opened', 'complete', 'proved') ORDER BY r.business_date LIMIT 1"
    )
    found: date | None = execute_sql(statement, since=since).scalar_one_or_none()
    return found


def keep_paths(reattribution_id: UUID, clients: Sequence[UUID], since: datetime, first_day: date) -> None:
    """Store the paths of these clients' settled trades as they are still known."""
    execute_sql(
        load_sql("app.partners", "attribution/sql/keep_paths.sql"),
        reattribution_id=reattribution_id,
        clients=list(clients),
        since=since,
        first_day=first_day,
        length_max=PATH_LENGTH_MAX,
    )


def to_settle_anew(clients: Sequence[UUID], since: datetime, first_day: date) -> list[int]:
    """The settled trades whose path lies behind an instant and that do not wait for another revision already."""
    rows = execute_sql(
        load_sql("app.partners", "attribution/sql/to_settle_anew.sql"),
        clients=list(clients),
        since=since,
        first_day=first_day,
    )
    return list(rows.scalars())


def kept_path(trade_id: int, revision: int) -> tuple[list[UUID], list[UUID]] | None:
    """The path on which a revision was settled, where the trade was attributed anew since: (partners, links)."""
    row = execute_sql(
        "SELECT partner_ids, link_ids FROM reattributed_trade WHERE tenant_id = :tenant_id AND trade_id = :trade_id"
        " AND revision = :revision",
        trade_id=trade_id,
        revision=revision,
    ).one_or_none()
    return (list(row.partner_ids), list(row.link_ids)) if row is not None else None
