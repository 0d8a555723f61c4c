"""Caps per partner by day, week and month: what is used of them is frozen with the run, slice after slice."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.core.db import execute_sql
from app.partners import versions
from app.partners.models import PlanVersion, SettlementRun
from app.partners.volume.scope import closings, day_starts
from app.partners.volume.statements import volume_sql
from app.partners.volume.terms import PERIODS, WEEKDAYS, Period
from app.referrals.rules import BEGINNING

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


def freeze(run: SettlementRun, version: PlanVersion, until: datetime) -> None:
    """Store what each partner has used of the periods that the run's trades lie in. Called again it stores the same.

    The run has taken back what it takes back by then, and has paid nothing.
    """
    caps = version.plan.caps.partner
    first, _ = closings(run, version, until)
    if first is None:
        return
    cut = versions.day_cut()
    day = cut.day_of(first)
    days = [day + n * _DAY for n in range((run.business_date - day).days + 1)]
    periods = sorted(caps.begins(days))
    earliest = min(begin for _, begin in periods)
    _sum_up(run, earliest)
    execute_sql(
        volume_sql("freeze_used_caps"),
        business_date=run.business_date,
        plan_number=version.number,
        at_start=BEGINNING,
        periods=[period for period, _ in periods],
        begins=[begin for _, begin in periods],
        ends=[_end_of(period, begin) for period, begin in periods],
        first_day=earliest,
        day_starts=day_starts(cut.start_of(earliest), run.business_date),
    )


def apply(run: SettlementRun, version: PlanVersion, slice_from: datetime, slice_to: datetime) -> None:
    """Bring the candidates of a slice under the caps, and note what they use."""
    caps, cut = version.plan.caps.partner, versions.day_cut()
    shared = {
        "business_date": run.business_date,
        "plan_number": version.number,
        "limits": [caps.limits[period] for period in PERIODS],
        "week_starts": WEEKDAYS.index(caps.week_starts) + 1,
        "first_day": cut.day_of(slice_from),
        "day_starts": day_starts(slice_from, cut.day_of(slice_to - _MOMENT)),
    }
    order = list(version.plan.caps.cap_order)
    execute_sql(volume_sql("cap_partners"), at_start=BEGINNING, cap_order=order, **shared)
    execute_sql(volume_sql("use_caps"), **shared)


def _sum_up(run: SettlementRun, earliest: date) -> None:
    """Sum up the earlier runs that may have paid for these periods and are not summed up yet."""
    waiting = execute_sql(volume_sql("runs_to_sum"), begins_on=earliest, business_date=run.business_date).all()
    for row in waiting:
        if row.first_at is not None:
            execute_sql(
                volume_sql("sum_partner_days"),
                run_date=row.business_date,
                first_day=versions.day_cut().day_of(row.first_at),
                day_starts=day_starts(row.first_at, row.business_date),
            )


def _end_of(period: Period, begin: date) -> date:
    """The day after the last one of a period."""
    if period == "month":
        return (begin.replace(day=28) + 4 * _DAY).replace(day=1)
    return begin + (7 if period == "week" else 1) * _DAY
