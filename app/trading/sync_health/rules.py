"""Histograms of durations on one fixed scale, and when an incident begins, ends and is worth a mail."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from app.trading.sync_health.models import IncidentKind

# Milliseconds. A duration belongs to the first bucket whose bound it does not exceed; one more bucket holds the rest.
BOUNDS_MS: Final = (
    1,
    2,
    3,
    5,
    7,
    10,
    15,
    20,
    30,
    40,
    50,
    70,
    100,
    150,
    200,
    300,
    500,
    700,
    1000,
    2000,
    5000,
    10000,
    30000,
)
BUCKETS: Final = len(BOUNDS_MS) + 1

CALM_FOR: Final = timedelta(minutes=3)  # So long a matter must be away before it counts as over.
MAILS_PER_HOUR: Final = 12  # To one person, of all platforms together.
WEEKEND_MINUTES: Final = 10  # Trade servers are restarted at weekends; shorter silences are no news then.
BRIDGE_SILENT_FOR: Final = timedelta(minutes=2)
UNATTENDED_AFTER: Final = timedelta(minutes=1)  # A connector looks at its platforms four times in this time.


def bucket_of(milliseconds: float) -> int:
    """The number of the bucket that a duration belongs to."""
    return bisect_left(BOUNDS_MS, milliseconds)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long half, 95 and 99 of a hundred took at most, in milliseconds, and how many were timed."""

    total: int
    p50: Decimal
    p95: Decimal
    p99: Decimal
    slowest: Decimal


def merged(rows: Sequence[Sequence[int]]) -> list[int]:
    """The buckets of several hours together."""
    whole = [0] * BUCKETS
    for row in rows:
        for number, count in enumerate(row[:BUCKETS]):
            whole[number] += int(count)
    return whole


def percentiles(counts: Sequence[int], slowest_ms: Decimal) -> Percentiles | None:
    """Read percentiles off buckets, in a straight line inside the bucket; None where nothing was timed.

    No answer lies above the slowest duration that was seen.
    """
    total = sum(counts)
    if not total:
        return None
    p50, p95, p99 = (_at(counts, total, share, slowest_ms) for share in (50, 95, 99))
    return Percentiles(total, p50, p95, p99, slowest_ms)


def _at(counts: Sequence[int], total: int, share: int, slowest_ms: Decimal) -> Decimal:
    wanted, below = Decimal(total * share) / 100, 0
    for number, count in enumerate(counts):
        if count and below + count >= wanted:
            low = Decimal(BOUNDS_MS[number - 1]) if number else Decimal(0)
            high = Decimal(BOUNDS_MS[number]) if number < len(BOUNDS_MS) else max(slowest_ms, low)
            found = low + (min(high, max(slowest_ms, low)) - low) * (wanted - below) / count
            return round(found, 1)
        below += count
    return round(slowest_ms, 1)


def is_unattended(link: str, checked_at: datetime | None, now: datetime) -> bool:
    """Whether no connector looks at a platform, so that what is known of its connection is out of date."""
    return link != "never" and (checked_at is None or now - checked_at > UNATTENDED_AFTER)


def is_weekend(at: datetime, weekend: frozenset[int]) -> bool:
    """Whether an instant in the brand's own time lies on one of its free days, or on a Saturday or Sunday, when trade
    servers are restarted. Days are numbered from Monday, 0."""
    return at.weekday() in weekend | {5, 6}


def minutes_before_mail(kind: IncidentKind, wanted: int, *, weekend: bool) -> int:
    """How long an incident must last before it is worth a mail to somebody who asked for `wanted` minutes."""
    if kind is not IncidentKind.LINK_DOWN:
        return 0
    return max(wanted, WEEKEND_MINUTES) if weekend else wanted
