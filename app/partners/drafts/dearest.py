"""The dearest path of today's tree under a draft: who stands on it, and what one lot would bring each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from app.clients import queries as clients
from app.kit import clock
from app.partners import example, queries, versions
from app.partners.plan import Plan
from app.partners.rules import Upline
from app.referrals import queries as tree


@dataclass(frozen=True, slots=True)
class Rung:
    """One person on the path: how far above the trader, their own amount per lot, and what each symbol's lot gives."""

    partner_id: UUID
    name: str
    number: int
    distance: int
    god_rate: Decimal | None
    amounts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class DearestPath:
    """The path with its rungs, and for each usual symbol what a lot pays in all and what it earns."""

    client_id: UUID
    client_name: str
    client_number: int
    symbols: tuple[str, ...]
    rungs: Sequence[Rung]
    totals: tuple[Decimal, ...]
    revenues: tuple[Decimal, ...]


def dearest(plan: Plan) -> DearestPath | None:
    """Where the draft would pay most per lot in today's tree; None while nobody has an amount per lot.

    People who would get nothing from any symbol are left out.
    """
    client_id = versions.worst_client(plan)
    if client_id is None:
        return None
    now = clock.business_now()
    steps = tree.path_at(client_id, now)
    rates = queries.god_rates([step.partner_id for step in steps], now)
    uplines = [Upline(step.partner_id, step.distance, rates.get(step.partner_id)) for step in steps]
    lots = example.on_path(plan, uplines)
    given = [
        {
            step.partner_id: sum((x.amount for x in one.lines if x.partner_id == step.partner_id), Decimal(0))
            for step in steps
        }
        for one in lots
    ]
    paid = [step for step in steps if any(one[step.partner_id] for one in given) or step.partner_id in rates]
    names = clients.names_of([client_id, *(step.partner_id for step in paid)])
    return DearestPath(
        client_id=client_id,
        client_name=names[client_id][0],
        client_number=names[client_id][1],
        symbols=tuple(one.symbol for one in lots),
        rungs=[
            Rung(
                step.partner_id,
                *names[step.partner_id],
                step.distance,
                rates.get(step.partner_id),
                tuple(one[step.partner_id] for one in given),
            )
            for step in paid
        ],
        totals=tuple(one.total for one in lots),
        revenues=tuple(one.revenue for one in lots),
    )
