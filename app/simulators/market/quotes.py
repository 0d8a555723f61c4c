"""Bid and ask of currency pairs at any instant, and conversion rates between currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.simulators.market.history import (
    ReferenceRates,
    fixing_instant,
    reference_rates,
)
from app.simulators.market.path import RatePath, uniform

_TICK_MS = 100
_YEAR_DAYS = 364  # Whole weeks, so that weekdays stay weekdays.
_REMEMBERED_QUOTES = 20_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """A currency pair and how it is quoted."""

    name: str
    base: str
    quote: str
    digits: int
    spread_points: int
    description: str
    folder: str = "Forex\\Major"

    @property
    def point(self) -> Decimal:
        return Decimal(1).scaleb(-self.digits)


INSTRUMENTS: dict[str, Instrument] = {
    item.name: item
    for item in (
        Instrument("EURUSD", "EUR", "USD", 5, 12, "Euro vs US Dollar"),
        Instrument("GBPUSD", "GBP", "USD", 5, 15, "Great Britain Pound vs US Dollar"),
        Instrument("USDJPY", "USD", "JPY", 3, 14, "US Dollar vs Japanese Yen"),
        Instrument("AUDUSD", "AUD", "USD", 5, 16, "Australian Dollar vs US Dollar"),
        Instrument("USDCHF", "USD", "CHF", 5, 17, "US Dollar vs Swiss Franc"),
        Instrument("USDCAD", "USD", "CAD", 5, 18, "US Dollar vs Canadian Dollar"),
        Instrument("NZDUSD", "NZD", "USD", 5, 20, "New Zealand Dollar vs US Dollar"),
        Instrument("EURGBP", "EUR", "GBP", 5, 15, "Euro vs Great Britain Pound", "Forex\\Cross"),
        Instrument("EURJPY", "EUR", "JPY", 3, 20, "Euro vs Japanese Yen", "Forex\\Cross"),
        Instrument(
            "GBPJPY",
            "GBP",
            "JPY",
            3,
            26,
            "Great Britain Pound vs Japanese Yen",
            "Forex\\Cross",
        ),
        Instrument("EURCHF", "EUR", "CHF", 5, 19, "Euro vs Swiss Franc", "Forex\\Cross"),
        Instrument(
            "USDSEK",
            "USD",
            "SEK",
            5,
            180,
            "US Dollar vs Swedish Krona",
            "Forex\\Exotic",
        ),
        Instrument("USDTRY", "USD", "TRY", 5, 900, "US Dollar vs Turkish Lira", "Forex\\Exotic"),
        Instrument(
            "USDZAR",
            "USD",
            "ZAR",
            5,
            700,
            "US Dollar vs South African Rand",
            "Forex\\Exotic",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Quote:
    """What a pair costs at one instant."""

    bid: Decimal
    ask: Decimal
    at: datetime


class Market:
    """Deterministic prices: the same seed and instant always give the same quote.

    Where the published history does not reach, it is replayed from whole years of 52 weeks before. `pegs` adds
    currencies that have a fixed rate to another one, such as `{"AED": ("USD", "3.6725")}`.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        rates: ReferenceRates | None = None,
        replay_shift_days: int | None = None,
        begins_at: datetime | None = None,
        pegs: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._rates = rates or reference_rates()
        self._seed = seed
        self._path = RatePath(self._rates, seed)
        self._pegs = dict(pegs or {})
        self._quotes: dict[tuple[str, int], Quote] = {}
        self._conversions: dict[tuple[str, str, datetime], Decimal] = {}
        self.replay_shift_days = (
            replay_shift_days if replay_shift_days is not None else self._shift_for(begins_at) if begins_at else 0
        )

    def _shift_for(self, begins_at: datetime) -> int:
        # A year of room: a demo that starts today can be moved on by months before the history runs out.
        missing = (begins_at - fixing_instant(self._rates.last_day)).days + _YEAR_DAYS
        return max(0, -(-missing // _YEAR_DAYS)) * _YEAR_DAYS

    def knows(self, currency: str) -> bool:
        """Whether the currency has a price at all."""
        return currency in self._pegs or self._rates.knows(currency)

    def rate(self, base: str, quote: str, at: datetime) -> float:
        """Units of `quote` for one unit of `base` at `at`, in the middle between bid and ask."""
        if base == quote:
            return 1.0
        replayed = at - timedelta(days=self.replay_shift_days)
        return self._per_euro(quote, replayed) / self._per_euro(base, replayed)

    def _per_euro(self, currency: str, replayed: datetime) -> float:
        if currency in self._pegs:
            anchor, fixed = self._pegs[currency]
            return self._path.value(anchor, replayed) * float(fixed)
        return self._path.value(currency, replayed)

    def conversion(self, base: str, quote: str, at: datetime) -> Decimal:
        """`rate` as a Decimal with eight places, at the last tick before `at`."""
        at = _tick(at)
        key = (base, quote, at)
        known = self._conversions.get(key)
        if known is None:
            known = Decimal(f"{self.rate(base, quote, at):.8f}")
            if len(self._conversions) >= _REMEMBERED_QUOTES:
                self._conversions.clear()
            self._conversions[key] = known
        return known

    def quote(self, name: str, at: datetime) -> Quote:
        """Bid and ask at the last tick before `at`."""
        at = _tick(at)
        key = (name, int(at.timestamp() * 1000))
        known = self._quotes.get(key)
        if known is None:
            instrument = INSTRUMENTS[name]
            middle = Decimal(repr(self.rate(instrument.base, instrument.quote, at)))
            spread = instrument.point * self.spread_points(instrument, at)
            bid = (middle - spread / 2).quantize(instrument.point)
            known = Quote(bid, bid + spread, at)
            if len(self._quotes) >= _REMEMBERED_QUOTES:
                self._quotes.clear()
            self._quotes[key] = known
        return known

    def spread_points(self, instrument: Instrument, at: datetime) -> int:
        """The spread of that minute: it breathes around the usual one and is wide in the hours when few trade."""
        minute = int(at.timestamp()) // 60
        factor = 0.7 + 0.7 * uniform(f"{self._seed}:{instrument.name}:{minute}")
        if at.astimezone(UTC).hour in (21, 22):
            factor *= 2.2
        return max(1, round(instrument.spread_points * factor))


def _tick(at: datetime) -> datetime:
    stamp = int(at.timestamp() * 1000)
    return datetime.fromtimestamp((stamp - stamp % _TICK_MS) / 1000, UTC)
