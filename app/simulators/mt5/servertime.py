"""The platform's trading time: the wall clock of its zone, written as if it were UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.simulators.market import SimClock


class ServerTime:
    """Trading time of a server with its own zone and daylight saving."""

    def __init__(self, clock: SimClock, zone: str) -> None:
        self._clock = clock
        self._zone = ZoneInfo(zone)

    def offset(self, at: datetime) -> timedelta:
        """How far trading time is ahead of UTC at `at`."""
        return at.astimezone(self._zone).utcoffset() or timedelta(0)

    def daylight(self, at: datetime) -> timedelta:
        """The part of the offset that is daylight saving."""
        return at.astimezone(self._zone).dst() or timedelta(0)

    def msc(self, at: datetime | None = None) -> int:
        """Milliseconds of trading time since 1970 at `at`, or now."""
        at = at or self._clock.now()
        shifted = at.astimezone(UTC) + self.offset(at)
        return (shifted - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    def seconds(self, at: datetime | None = None) -> int:
        """Seconds of trading time since 1970."""
        return self.msc(at) // 1000

    def text(self) -> str:
        """The answer of `time/server`: seconds and the same instant as text."""
        stamp = self.seconds()
        return f"{stamp} {datetime.fromtimestamp(stamp, UTC):%Y.%m.%d %H:%M:%S}"
