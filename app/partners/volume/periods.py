"""The slow reference of caps by day, week and month: one partner's lines over many trades, in the order of closing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from app.partners.plan import Plan
from app.partners.rules.facts import ClosedTrade, Line, Outcome, Reason, ReasonCode
from app.partners.rules.steps import total
from app.partners.volume.terms import PERIODS, Period

Used = Mapping[tuple[UUID, Period, date], Decimal]


def cap_periods(
    settled: Sequence[tuple[ClosedTrade, Outcome]], plan: Plan, day_of: Callable[[datetime], date], used: Used
) -> dict[int, Outcome]:
    """The outcomes after what each partner may earn in a day, week and month, by the `seq` of their trades.

    Trades come in the order of closing, then of their deals; a trade's lines in that of `cap_order`. `used` is what
    each period has paid before.
    """
    spent: dict[tuple[UUID, Period, date], Decimal] = dict(used)
    found = {}
    for trade, outcome in sorted(settled, key=lambda pair: (pair[0].closed_at, pair[0].deal, pair[0].seq)):
        day = day_of(trade.closed_at)
        kept: list[Line] = []
        lost: list[Reason] = []
        for line in _in_order(outcome.lines, plan):
            allowed = _allow(line, plan, day, spent)
            if allowed.amount == 0:
                lost.append(Reason(line.seq, line.track, line.partner_id, line.distance, ReasonCode.CAP_REACHED, ()))
            else:
                kept.append(allowed)
        found[trade.seq] = replace(outcome, lines=tuple(kept), reasons=(*outcome.reasons, *lost))
    return found


def _in_order(lines: Iterable[Line], plan: Plan) -> list[Line]:
    return sorted(lines, key=lambda line: plan.caps.cap_order.index(line.track))


def _allow(line: Line, plan: Plan, day: date, spent: dict[tuple[UUID, Period, date], Decimal]) -> Line:
    """A line as far as its periods have anything left, which it takes."""
    caps = plan.caps.partner
    allowed = line
    keys = {period: (line.partner_id, period, caps.begin_of(period, day)) for period in PERIODS}
    for period in PERIODS:
        limit = caps.limits[period]
        if limit is not None:
            left = total(limit, -spent.get(keys[period], Decimal(0)))
            if left < allowed.amount:
                allowed = replace(allowed, amount=max(Decimal(0), left), cap=f"partner_{period}")
    for key in keys.values():
        spent[key] = total(spent.get(key, Decimal(0)), allowed.amount)
    return allowed
