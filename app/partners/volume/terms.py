"""What a plan says of volume and periods, and what a rule may look at beside symbol and group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from app.partners.parts import Part

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Period = Literal["day", "week", "month"]

WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PERIODS: tuple[Period, ...] = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Traits:
    """What a rule may look at beside symbol, class and group. What nobody knows matches no pattern but `*`."""

    account_type: str = ""
    platform: str = ""
    country: str = ""
    account_currency: str = ""
    closed_at: datetime | None = None

    def is_closed_between(self, begin: datetime | None, end: datetime | None) -> bool:
        """Whether the trade was closed at or after `begin` and before `end`. Nobody knows: no."""
        at = self.closed_at
        return at is not None and (begin is None or at >= begin) and (end is None or at < end)


ORDINARY = Traits()


class PeriodCaps(Part, frozen=True):
    """What one partner may earn at most in a settlement day, a week of them, and a calendar month."""

    per_day: Decimal | None = None
    per_week: Decimal | None = None
    per_month: Decimal | None = None
    week_starts: Weekday = "monday"

    @property
    def limits(self) -> dict[Period, Decimal | None]:
        """The limit of each period, the shortest first."""
        return {"day": self.per_day, "week": self.per_week, "month": self.per_month}

    @property
    def binds(self) -> bool:
        """Whether any period has a limit."""
        return any(limit is not None for limit in self.limits.values())

    def begin_of(self, period: Period, day: date) -> date:
        """The first day of the period in which a settlement day lies."""
        if period == "month":
            return day.replace(day=1)
        if period == "week":
            return day - timedelta(days=(day.weekday() - WEEKDAYS.index(self.week_starts)) % 7)
        return day

    def begins(self, days: Iterable[date]) -> set[tuple[Period, date]]:
        """Every period that has a limit and a day among these, by its first day."""
        limited = [period for period, limit in self.limits.items() if limit is not None]
        return {(period, self.begin_of(period, day)) for day in days for period in limited}
