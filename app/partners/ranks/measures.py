"""What partners are measured by: active clients, lots, volume and deposits of those below them in a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app import tenancy
from app.core.db import execute_sql, load_sql
from app.kit.money import exponent
from app.partners import versions
from app.partners.ranks.terms import MEASURES, Measure, Measuring
from app.rates import service as rates

Measured = dict[Measure, Decimal]
_INSTANT = timedelta(milliseconds=1)


def window(measuring: Measuring, until: datetime) -> tuple[datetime, datetime]:
    """From when to when is measured at an instant: the last days before it, or the month in which they lie."""
    if measuring.window == "days":
        return until - timedelta(days=measuring.days), until
    return month_of(until - _INSTANT), until


def month_of(instant: datetime) -> datetime:
    """The first instant of the month of the settlement day in which an instant lies."""
    cut = versions.day_cut()
    return cut.start_of(cut.day_of(instant).replace(day=1))


def measure(
    measuring: Measuring, currency: str, until: datetime, partners: Sequence[UUID] | None = None
) -> dict[UUID, Measured]:
    """Every partner, or these, as they stand before `until`. Who has nobody below is not among them.

    Only settled trades count, as they are now; a currency without a rate counts nothing.
    """
    begin, _ = window(measuring, until)
    active_from = until - timedelta(days=measuring.active.days)
    known = _currencies()
    rows = execute_sql(
        _statement(is_of_some=partners is not None),
        at=until - _INSTANT,
        until=until,
        begin=begin,
        active_from=active_from,
        partners=None if partners is None else list(partners),
        is_deep=measuring.clients == "all",
        orders=measuring.active.orders,
        own_funds=measuring.active.own_funds,
        currencies=known,
        places=[exponent(code) for code in known],
        in_plan=[_rate(code, currency, until) for code in known],
        in_dollars=[_rate(code, "USD", until) for code in known],
    )
    return {row.partner_id: {name: Decimal(getattr(row, name)) for name in MEASURES} for row in rows}


def nothing() -> Measured:
    """What somebody is measured by who has nobody below."""
    return dict.fromkeys(MEASURES, Decimal(0))


def _statement(*, is_of_some: bool) -> str:
    """The measuring; of some partners it reads only what the people below them did."""
    text = load_sql("app.partners", "ranks/sql/measure.sql")
    if not is_of_some:
        return text
    people = "ARRAY(SELECT client_id FROM below UNION SELECT unnest(CAST(:partners AS uuid[])))"
    return text.replace("/* of these */", f"AND t.client_id = ANY ({people})").replace(
        "/* who */", f"AND c.id = ANY ({people})"
    )


def _currencies() -> list[str]:
    rows = execute_sql(load_sql("app.partners", "ranks/sql/currencies.sql")).scalars()
    return sorted({*rows, *tenancy.current().currencies} - {""})


def _rate(code: str, into: str, at: datetime) -> Decimal:
    try:
        return rates.rate(code, into, at).value
    except rates.RateUnknown:
        return Decimal(0)
