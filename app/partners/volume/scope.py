"""Which closed trades a run settles, and on which settlement days they were closed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from app.core.db import execute_sql
from app.partners import versions
from app.partners.models import PlanVersion, SettlementRun
from app.partners.settlement.facts import scope_of, sql
from app.partners.volume.statements import volume_sql

_DAY = timedelta(days=1)


def day_starts(first: datetime, last: date) -> list[datetime]:
    """The instants at which the settlement days begin, from that of `first` to the day `last`."""
    cut = versions.day_cut()
    day = cut.day_of(first)
    return [cut.start_of(day + n * _DAY) for n in range((last - day).days + 1)]


def in_scope(statement: str) -> str:
    """A statement with the trades of the run where it asks for them."""
    return statement.replace("/* include candidates_scope */", sql("candidates_scope"))


def closings(run: SettlementRun, version: PlanVersion, until: datetime) -> tuple[datetime | None, list[date]]:
    """The first closing of the run's trades under a version, and the UTC dates on which they were closed."""
    scope = scope_of(run, version, until)
    del scope["wait_until"]
    row = execute_sql(in_scope(volume_sql("closing_days")), **scope).one()
    return row.first_at, list(row.dates or [])
