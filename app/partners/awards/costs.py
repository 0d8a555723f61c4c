"""What staff enter about a partner's period: costs and gains that the product does not see."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import session, tenant_id
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.text import _l
from app.partners import versions
from app.partners.awards.engine import period_start
from app.partners.awards.models import AwardCost, AwardPeriod
from app.partners.awards.rules import PeriodCosts

MOST = Decimal(10_000_000)


class PeriodOver(Conflict):
    message = _l("This period is settled. What is entered now would not count.")


def enter(partner_id: UUID, start: date, costs: PeriodCosts, *, by: Actor) -> AwardCost:
    """Say what a partner's period brought and cost beside spread and commission; said again, it replaces what stood.

    Raises NotFound, PeriodOver, and Invalid that names the field.
    """
    client = clients.get(partner_id)
    plan = versions.plan_for_receivers()
    rules = [rule for rule in plan.awards if rule.kind == "revenue_share"] if plan is not None else []
    if not any(period_start(rule.period, start) == start for rule in rules):
        raise Invalid(_l("No rule of the plan has a period that begins on this day."), field="period_start")
    for name in ("swap_markup", "bonus_cost", "psp_cost", "chargebacks"):
        if not abs(getattr(costs, name)) <= MOST:
            raise Invalid(_l("This number is too large."), field=name)
    over = select(AwardPeriod.rule).where(AwardPeriod.partner_id == client.id, AwardPeriod.period_start == start)
    if session().scalar(over.limit(1)) is not None:
        raise PeriodOver
    found = session().get(AwardCost, (tenant_id(), client.id, start))
    before = None
    if found is None:
        found = AwardCost(
            partner_id=client.id,
            period_start=start,
            swap_markup=Decimal(0),
            bonus_cost=Decimal(0),
            psp_cost=Decimal(0),
            chargebacks=Decimal(0),
            entered_by="",
            entered_at=clock.now(),
        )
        session().add(found)
    else:
        before = _told(found)
    found.swap_markup, found.bonus_cost = costs.swap_markup, costs.bonus_cost
    found.psp_cost, found.chargebacks = costs.psp_cost, costs.chargebacks
    found.entered_by, found.entered_at = by.name, clock.now()
    session().flush()
    audit.record(
        "partners.award_cost.enter",
        ("client", client.id),
        by=by,
        before=before,
        after=_told(found) | {"period_start": start},
        client_id=client.id,
    )
    return found


def _told(row: AwardCost) -> dict[str, str]:
    return {name: f"{getattr(row, name):f}" for name in ("swap_markup", "bonus_cost", "psp_cost", "chargebacks")}
