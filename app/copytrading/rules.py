"""The figures of a strategy: time-weighted return, drawdown, and the order of the list. Pure arithmetic on Decimals.

A return is time-weighted: a new part begins at every deposit, withdrawal and end of day, and the parts are multiplied,
so that money paid in or out is neither a profit nor a loss. The formula is the one that cTrader publishes for the ROI
of its own strategies: R = (E_end - E_start - deposits + withdrawals) / E_start, total = product of (1 + R), less 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

ZERO, ONE = Decimal(0), Decimal(1)
PLACES = Decimal("0.0000000001")  # Factors and indexes carry ten decimals, half-even.
DISPLAY_NAME_MAX = 40
AGE_CAP_DAYS = 365


@dataclass(frozen=True, slots=True)
class Flow:
    """Money paid in (positive) or out (negative), and the equity that stood just before."""

    equity_before: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """A business day of an account: its flows in order, its equity at the end, and the lowest that was seen."""

    day: date
    flows: Sequence[Flow]
    equity: Decimal
    lowest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Where one unit, given to the strategy on its first day, stood at the end of a day; and at the day's lowest."""

    day: date
    index: Decimal
    lowest: Decimal


def growth(days: Sequence[Day]) -> list[Point]:
    """The index after each day, which begins at one. Days come in order.

    An account that has lost everything stays at zero, whatever is paid in afterwards; one that was emptied by a
    withdrawal stands still until money returns.
    """
    points: list[Point] = []
    index, equity = ONE, ZERO
    for day in days:
        factor = ONE
        for flow in day.flows:
            factor = _chain(factor, equity, flow.equity_before)
            equity = max(flow.equity_before, ZERO) + flow.amount
        low = index
        if day.lowest is not None and not day.flows and equity > 0:
            low = _times(index, _ratio(max(day.lowest, ZERO), equity))
        factor = _chain(factor, equity, day.equity)
        equity = max(day.equity, ZERO)
        index = _times(index, factor)
        points.append(Point(day.day, index, min(low, index)))
    return points


def _chain(factor: Decimal, start: Decimal, end: Decimal) -> Decimal:
    return factor if start <= 0 else _times(factor, _ratio(max(end, ZERO), start))


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 50
        return part / whole


def _times(one: Decimal, other: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = 50
        return (one * other).quantize(PLACES, rounding=ROUND_HALF_EVEN)


def total_return(points: Sequence[Point], since: date | None = None) -> Decimal | None:
    """The return after the end of `since` (or from the beginning), as a share: 0.25 is 25 %.

    None when the strategy did not exist at that time, or had lost everything by then.
    """
    if not points:
        return None
    start = ONE
    if since is not None:
        before = [point for point in points if point.day <= since]
        if not before:
            return None
        start = before[-1].index
    if start <= 0:
        return None if since is not None else -ONE
    return _places(_ratio(points[-1].index, start) - ONE)


def max_drawdown(points: Sequence[Point]) -> Decimal:
    """The deepest fall from a peak, as a share of the peak: 0.3 is 30 %. Deposits do not hide it."""
    peak, deepest = ONE, ZERO
    for point in points:
        if peak > 0:
            deepest = max(deepest, _ratio(peak - min(point.lowest, point.index), peak))
        peak = max(peak, point.index)
    return _places(deepest)


def month_returns(points: Sequence[Point]) -> list[tuple[int, int, Decimal | None]]:
    """(year, month, return) of every month the strategy has seen, oldest first."""
    last: dict[tuple[int, int], Decimal] = {}
    for point in points:
        last[point.day.year, point.day.month] = point.index
    found: list[tuple[int, int, Decimal | None]] = []
    start = ONE
    for (year, month), index in last.items():
        found.append((year, month, _places(_ratio(index, start) - ONE) if start > 0 else None))
        start = index
    return found


def back(day: date, months: int) -> date:
    """The same day of the month, so many months before; the month's last one where there is no such day."""
    number = day.year * 12 + day.month - 1 - months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a strategy is ranked by. `return_3m` is None while it is too young."""

    return_3m: Decimal | None
    drawdown: Decimal
    age_days: int
    copiers: int | None


def scores(standings: Mapping[str, Standing], weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Each strategy's score from 0 to 1: the weighted mean of its percentile ranks.

    `weights` has `return`, `drawdown`, `age` and `copiers`. Where nobody has a figure, its weight falls away.
    """
    figures: dict[str, dict[str, Decimal | None]] = {
        "return": {key: one.return_3m for key, one in standings.items()},
        "drawdown": {key: -one.drawdown for key, one in standings.items()},
        "age": {key: Decimal(min(one.age_days, AGE_CAP_DAYS)) for key, one in standings.items()},
        "copiers": {key: None if one.copiers is None else Decimal(one.copiers) for key, one in standings.items()},
    }
    in_use = {name: weights[name] for name in figures if any(value is not None for value in figures[name].values())}
    total = sum(in_use.values(), ZERO)
    if not total:
        return dict.fromkeys(standings, ZERO)
    ranks = {name: percentile_ranks(figures[name]) for name in in_use}
    return {
        key: _places(_ratio(sum((weight * ranks[name][key] for name, weight in in_use.items()), ZERO), total))
        for key in standings
    }


def percentile_ranks(values: Mapping[str, Decimal | None]) -> dict[str, Decimal]:
    """The share of the others that each one beats, ties counting half; who has no figure beats nobody."""
    known = [value for value in values.values() if value is not None]
    others = len(values) - 1
    if others <= 0:
        return {key: ONE if value is not None else ZERO for key, value in values.items()}
    found: dict[str, Decimal] = {}
    for key, value in values.items():
        if value is None:
            found[key] = ZERO
            continue
        beaten = sum(other < value for other in known) + (len(values) - len(known))
        equal = sum(other == value for other in known) - 1
        found[key] = _ratio(beaten + Decimal(equal) / 2, Decimal(others))
    return found


def _places(value: Decimal) -> Decimal:
    return value.quantize(PLACES, rounding=ROUND_HALF_EVEN)
