"""What a partner sees first: what was paid out, the present day so far, and what each day brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from app.core.db import execute_sql, load_sql
from app.kit.money import Money


@dataclass(frozen=True, slots=True)
class Chart:
    """Days as a chart needs them: their seconds, and the amounts of each track as text."""

    x: list[int]
    by_track: dict[str, list[str]]
    total: Money


def paid_out(partner_id: UUID) -> dict[str, Money]:
    """What has left a partner's redeemable money for good, by currency."""
    rows = execute_sql(load_sql("app.partners", "portal/sql/paid_out.sql"), partner_id=partner_id)
    return {row.currency: Money.from_minor(int(row.minor), row.currency) for row in rows}


def chart(earned: Iterable[tuple[date, str, Money]], day_from: date, day_to: date, currency: str) -> Chart:
    """What was posted for each day of a stretch, days without anything among them."""
    days = [day_from + timedelta(days=n) for n in range((day_to - day_from).days + 1)]
    amounts: dict[str, dict[date, Decimal]] = {}
    for day, track, money in earned:
        of_track = amounts.setdefault(track, {})
        of_track[day] = of_track.get(day, Decimal(0)) + money.amount
    total = sum((sum(of_track.values(), Decimal(0)) for of_track in amounts.values()), Decimal(0))
    return Chart(
        [int(datetime.combine(day, time(), UTC).timestamp()) for day in days],
        {track: [str(of_track.get(day, Decimal(0))) for day in days] for track, of_track in sorted(amounts.items())},
        Money(total, currency),
    )
