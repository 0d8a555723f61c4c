"""Reading and loading of reference rates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from sqlalchemy import select

from app.core.db import execute_sql, session
from app.rates.models import ReferenceRate


def quote_on_or_before(currency: str, day: date) -> tuple[Decimal, date] | None:
    """The last quote of a currency published on or before the day, with its own day.

    Remembered as long as the session: a page that converts forty balances asks once per currency, and sees one rate.
    """
    known: dict[tuple[str, date], tuple[Decimal, date] | None] = session().info.setdefault("quotes", {})
    if (currency, day) not in known:
        known[currency, day] = _read_quote(currency, day)
    return known[currency, day]


def _read_quote(currency: str, day: date) -> tuple[Decimal, date] | None:
    row = (
        session()
        .execute(
            select(ReferenceRate.per_euro, ReferenceRate.quoted_on)
            .where(ReferenceRate.currency == currency, ReferenceRate.quoted_on <= day)
            .order_by(ReferenceRate.quoted_on.desc())
            .limit(1)
        )
        .one_or_none()
    )
    return None if row is None else (row.per_euro, row.quoted_on)


def newest_day() -> date | None:
    """The day of the newest publication that is stored."""
    return session().execute(select(ReferenceRate.quoted_on).order_by(ReferenceRate.quoted_on.desc()).limit(1)).scalar()


def store_quotes(quotes: Iterable[tuple[str, date, Decimal]]) -> int:
    """Store quotes; what is there already and equal is left alone. Answers how many rows are new or corrected."""
    execute_sql("CREATE TEMP TABLE incoming_rate (currency text, quoted_on date, per_euro numeric) ON COMMIT DROP")
    driver = session().connection().connection.driver_connection
    assert driver is not None
    session().info.pop("quotes", None)
    with driver.cursor() as cursor, cursor.copy("COPY incoming_rate FROM STDIN") as copy:
        for quote in quotes:
            copy.write_row(quote)
    return execute_sql(
        "INSERT INTO reference_rate AS known (currency, quoted_on, per_euro)"
        " SELECT currency, quoted_on, per_euro FROM incoming_rate"
        " ON CONFLICT (currency, quoted_on) DO UPDATE SET per_euro = excluded.per_euro"
        " WHERE known.per_euro <> excluded.per_euro"
    ).rowcount
