"""Answers to the tree: the worth of a move, what depends on it, and trades to be settled anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.errors import Conflict
from app.kit import clock
from app.kit.money import Money, exponent, round_decimal
from app.kit.text import Message, _l
from app.partners import versions
from app.partners.attribution import queries
from app.partners.rules.posting import MODES
from app.partners.settlement import facts
from app.trading.service import revisions

WORTH_DAYS = 30


class SettlementUnderWay(Conflict):
    message = _l("The settlement of %(day)s is being computed. Approve the correction when it is finished.")


def worth(clients: Sequence[UUID], at: datetime) -> dict[UUID, Money]:
    """What the trades of these clients, settled in the last 30 days, would have paid whom on the paths of an instant.

    By the rules, rates and bases of their own settlement, if every partner may earn, and before caps.
    """
    plan = versions.plan_for_receivers()
    if plan is None:
        return {}
    day_from = versions.day_cut().day_of(clock.business_now()) - timedelta(days=WORTH_DAYS)
    traded = queries.traded_since(clients, day_from)
    if not traded:
        return {}
    places, mode = exponent(plan.currency), MODES["half_even"]
    return {
        partner_id: Money(round_decimal(amount, places, mode), plan.currency)
        for partner_id, amount in queries.worth(traded, at, day_from, plan)
    }


def depends(clients: Sequence[UUID], since: datetime) -> Message | None:
    """What was computed on the paths that these clients have had since an instant, as a sentence; None for nothing.

    No settlement begins to compute before the caller's transaction ends.
    """
    facts.alone()
    under_way = queries.day_under_way(since)
    if under_way is not None:
        return _l("The settlement of %(day)s is being computed.", day=under_way.isoformat())
    found = queries.depends(clients, since, versions.day_cut().day_of(since))
    if not found.number:
        return None
    return _l("Commission of %(day)s was computed on it.", day=found.first_day.isoformat())


def settle_anew(reattribution_id: UUID, clients: Sequence[UUID], since: datetime) -> int:
    """Have the trades of these clients whose path lies behind an instant reversed and settled anew by the next run.

    Called before the links change: the paths on which they were paid are kept. Answers how many trades it is about.
    Raises SettlementUnderWay.
    """
    facts.alone()
    under_way = queries.day_under_way(since)
    if under_way is not None:
        raise SettlementUnderWay(day=under_way.isoformat())
    first_day = versions.day_cut().day_of(since)
    queries.keep_paths(reattribution_id, clients, since, first_day)
    trades = queries.to_settle_anew(clients, since, first_day)
    revisions.revise(trades)
    return len(trades)


PORTS = {
    "referrals.worth": worth,
    "referrals.depends": depends,
    "referrals.settle_anew": settle_anew,
    "referrals.has_traded": queries.has_traded,
}
