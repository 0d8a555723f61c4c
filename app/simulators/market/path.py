"""A continuous path between two daily rates, computed on demand at any instant, the same for the same seed."""

from __future__ import annotations

import math
from datetime import datetime
from hashlib import blake2b

from app.simulators.market.history import ReferenceRates

_DAILY_VOLATILITY = 0.0045  # Of the logarithm, per square root of a day: a usual figure for a major currency.
_DAY_SECONDS = 86_400.0
_FINEST_SECONDS = 0.5  # Below this the path is a straight line.
_REMEMBERED_POINTS = 200_000


class RatePath:
    """Units of a currency per euro at any instant.

    At every fixing the path equals the published rate exactly. Between two fixings it is a Brownian bridge of the
    logarithm, built by halving the interval and moving each midpoint by a normal number that only depends on the seed,
    the currency and the place.
    """

    def __init__(self, rates: ReferenceRates, seed: int) -> None:
        self._rates = rates
        self._seed = seed
        self._midpoints: dict[tuple[str, int, int], float] = {}

    def value(self, currency: str, at: datetime) -> float:
        """The rate at `at`."""
        if currency == "EUR":
            return 1.0
        (start, start_rate), (end, end_rate) = self._rates.around(currency, at)
        offset = (at - start).total_seconds()
        if offset == 0:
            return float(start_rate)
        low, high = 0.0, (end - start).total_seconds()
        low_log, high_log = math.log(float(start_rate)), math.log(float(end_rate))
        leg, node = int(start.timestamp()), 1
        while high - low > _FINEST_SECONDS:
            middle = (low + high) / 2
            middle_log = (low_log + high_log) / 2 + self._displacement(currency, leg, node, high - low)
            if offset < middle:
                high, high_log, node = middle, middle_log, node * 2
            else:
                low, low_log, node = middle, middle_log, node * 2 + 1
        share = (offset - low) / (high - low)
        return math.exp(low_log + (high_log - low_log) * share)

    def _displacement(self, currency: str, leg: int, node: int, width_seconds: float) -> float:
        key = (currency, leg, node)
        known = self._midpoints.get(key)
        if known is None:
            deviation = _DAILY_VOLATILITY * math.sqrt(width_seconds / _DAY_SECONDS) / 2
            known = deviation * standard_normal(f"{self._seed}:{currency}:{leg}:{node}")
            if len(self._midpoints) >= _REMEMBERED_POINTS:
                self._midpoints.clear()
            self._midpoints[key] = known
        return known


def uniform(label: str) -> float:
    """A number from 0 to below 1 that only depends on `label`."""
    return int.from_bytes(blake2b(label.encode(), digest_size=6).digest(), "big") / (1 << 48)


def standard_normal(label: str) -> float:
    """A standard normal number that only depends on `label`, cut at four deviations."""
    digest = blake2b(label.encode(), digest_size=12).digest()
    first = (int.from_bytes(digest[:6], "big") + 1) / ((1 << 48) + 1)
    second = int.from_bytes(digest[6:], "big") / (1 << 48)
    value = math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)
    return max(-4.0, min(4.0, value))
