"""Settlement days: when each is cut, and when the money of a day comes free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayCut:
    """Where a tenant's settlement day ends. A day bears the local date of its last millisecond."""

    timezone: ZoneInfo
    at: time

    @classmethod
    def midnight(cls, timezone: ZoneInfo) -> DayCut:
        """A day that ends at midnight."""
        return cls(timezone, time())

    def end_of(self, day: date) -> datetime:
        """The instant that ends a day; it belongs to the next one.

        In the hour that a clock change skips the offset before the change counts, in the one it repeats the first.
        """
        local = day + ONE_DAY if self.at == time() else day
        return datetime.combine(local, self.at, self.timezone).astimezone(UTC)

    def start_of(self, day: date) -> datetime:
        """The first instant of a day: 23 or 25 hours before its end when the clocks change, and never a gap."""
        return self.end_of(day - ONE_DAY)

    def day_of(self, instant: datetime) -> date:
        """The settlement day in which an instant lies."""
        day = instant.astimezone(self.timezone).date()
        if self.start_of(day) > instant:
            return day - ONE_DAY
        return day if instant < self.end_of(day) else day + ONE_DAY

    def last_closed(self, now: datetime) -> date:
        """The newest day that has ended by `now`."""
        return self.day_of(now) - ONE_DAY


def due_at(settled: date, days: int, cut: DayCut, is_business_day: Callable[[date], bool] | None) -> datetime:
    """When money settled for a day has been under audit long enough: the end of the n-th settlement day after it.

    With `is_business_day` only such days count.
    """
    if is_business_day is None:
        return cut.end_of(settled + days * ONE_DAY)
    day, left = settled, days
    while left:
        day += ONE_DAY
        left -= is_business_day(day)
    return cut.end_of(day)
