"""How a replay is cut: each stretch of days is computed and kept by itself, so that a dead worker's replay goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from app.partners.plan import Plan

TRADES_AT_ONCE: Final = 200_000
ONE_DAY = timedelta(days=1)


def remembers(plan: Plan) -> bool:
    """Whether a day's lines depend on what the days before it in its week or month brought."""
    return bool(plan.tiered_tracks) or plan.caps.partner.binds


def cut(plan: Plan, days: Sequence[date], trades: Mapping[date, int]) -> list[list[date]]:
    """The days in stretches that need nothing of each other: months where the plan counts by them, all days at once
    where it counts by weeks, otherwise as many days as hold `TRADES_AT_ONCE` trades."""
    if not remembers(plan):
        return _by_trades(days, trades)
    if plan.caps.partner.limits["week"] is not None:
        return [list(days)]
    found: list[list[date]] = []
    for day in days:
        if found and (found[-1][-1].year, found[-1][-1].month) == (day.year, day.month):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _by_trades(days: Sequence[date], trades: Mapping[date, int]) -> list[list[date]]:
    found: list[list[date]] = []
    held = TRADES_AT_ONCE
    for day in days:
        if held >= TRADES_AT_ONCE:
            found.append([])
            held = 0
        found[-1].append(day)
        held += trades.get(day, 0)
    return found


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]
