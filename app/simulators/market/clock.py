"""The simulators' own clock: it may start anywhere, run faster than the machine's, and jump."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from app.kit import clock


class SimClock:
    """An instant that advances `speed` simulated seconds per real second.

    It follows the machine's clock when built without arguments.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._origin = clock.now()
        self._base = (start or self._origin).astimezone(UTC)
        self._speed = speed
        self._held: datetime | None = None

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        """The simulated instant, in UTC."""
        return self._held or self._base + (clock.now() - self._origin) * self._speed

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let one instant last for a whole block of synchronous work, so that all its prices and times agree."""
        outer, self._held = self._held, self.now()
        try:
            yield
        finally:
            self._held = outer

    def set(self, instant: datetime) -> None:
        """Stand at `instant` now and run on from there."""
        if instant.tzinfo is None:
            raise ValueError("An instant carries its time zone.")
        self._origin, self._base = clock.now(), instant.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Jump ahead by `by` (back, when it is negative)."""
        self.set(self.now() + by)

    def run_at(self, speed: float) -> None:
        """Change the speed from now on; 0 stops the clock."""
        if speed < 0:
            raise ValueError("A clock does not run backwards.")
        self.set(self.now())
        self._speed = speed

    def dump(self) -> dict[str, str]:
        """What `restore` needs to go on after a restart as if the clock had never stopped."""
        return {
            "origin": self._origin.isoformat(),
            "base": self._base.isoformat(),
            "speed": str(self._speed),
        }

    def restore(self, saved: dict[str, str]) -> None:
        """Continue a clock written by `dump`."""
        self._origin = datetime.fromisoformat(saved["origin"])
        self._base = datetime.fromisoformat(saved["base"])
        self._speed = float(saved["speed"])
