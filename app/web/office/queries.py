"""Figures that the office's composed pages read across features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app import tenancy
from app.core.db import execute_sql
from app.kit import clock
from app.kit.money import Money
from app.web.queries import rate_or_none


@dataclass(frozen=True, slots=True)
class DayFigure:
    """A number of today beside yesterday's and the mean of the seven days before today."""

    today: Decimal
    yesterday: Decimal
    week_mean: Decimal

    @property
    def trend(self) -> str:
        """`up`, `down` or `flat` against the mean."""
        return "flat" if self.today == self.week_mean else "up" if self.today > self.week_mean else "down"


def day_figure(by_age: Mapping[int, Decimal]) -> DayFigure:
    """From a figure per day, keyed by how many days ago it was."""
    week = sum((by_age.get(age, Decimal(0)) for age in range(1, 8)), Decimal(0)) / 7
    return DayFigure(by_age.get(0, Decimal(0)), by_age.get(1, Decimal(0)), week)


def midnight(now: datetime | None = None) -> datetime:
    """When the tenant's present day began."""
    local = (now or clock.now()).astimezone(tenancy.current().timezone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def registrations() -> DayFigure:
    """How many clients signed up."""
    return day_figure(_counted_by_day("SELECT created_at AS at FROM client WHERE tenant_id = :tenant_id"))


def first_deposits() -> DayFigure:
    """How many clients were credited for the first time."""
    return day_figure(
        _counted_by_day(
            "SELECT min(decided_at) AS at FROM deposit WHERE tenant_id = :tenant_id AND status = 'succeeded'"
            " GROUP BY client_id"
        )
    )


def deposits() -> DayFigure:
    """What was credited, in the tenant's base currency."""
    return _money_by_day(
        "SELECT decided_at AS at, currency, received_minor AS minor FROM deposit"
        " WHERE tenant_id = :tenant_id AND status = 'succeeded'"
    )


def withdrawals() -> DayFigure:
    """What was paid out, in the tenant's base currency."""
    return _money_by_day(
        "SELECT decided_at AS at, currency, amount_minor AS minor FROM withdrawal"
        " WHERE tenant_id = :tenant_id AND status = 'paid'"
    )


def accounts_by_login(login: int) -> Sequence[tuple[UUID, int, str]]:
    """Trading accounts with this login: the client, the login, the platform's name."""
    rows = execute_sql(
        "SELECT a.client_id, a.login, p.name FROM trading_account AS a"
        " JOIN trading_platform AS p ON p.tenant_id = a.tenant_id AND p.id = a.platform_id"
        " WHERE a.tenant_id = :tenant_id AND a.login = :login",
        login=login,
    )
    return [(row.client_id, row.login, row.name) for row in rows]


def payments_by_reference(reference: str) -> Sequence[tuple[str, UUID, str]]:
    """Deposits and withdrawals with this reference: what it is, its id and the reference."""
    rows = execute_sql(
        "SELECT 'deposit' AS kind, id, reference FROM deposit WHERE tenant_id = :tenant_id AND reference = :reference"
        " UNION ALL"
        " SELECT 'withdrawal', id, reference FROM withdrawal WHERE tenant_id = :tenant_id AND reference = :reference",
        reference=reference,
    )
    return [(row.kind, row.id, row.reference) for row in rows]


def introducers(client_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """The partner who brought each of these clients: id and name. Clients without one are left out."""
    if not client_ids:
        return {}
    rows = execute_sql(
        "SELECT l.child_id, c.id, c.name FROM partner_link AS l"
        " JOIN client AS c ON c.tenant_id = l.tenant_id AND c.id = l.parent_id"
        " WHERE l.tenant_id = :tenant_id AND l.child_id = ANY(:ids) AND l.valid_from <= :now AND l.valid_to > :now",
        ids=list(client_ids),
        now=clock.business_now(),
    )
    return {row.child_id: (row.id, row.name) for row in rows}


_BY_AGE = (
    "CASE WHEN fact.at >= :first THEN 0 ELSE 1 + floor(extract(epoch FROM (:first - fact.at)) / 86400)::int END AS age"
)


def _span(first: datetime) -> dict[str, datetime]:
    return {"first": first, "since": first - timedelta(days=7), "until": first + timedelta(days=1)}


def _counted_by_day(facts: str) -> dict[int, Decimal]:
    """Count the rows of a statement that yields `at`, by how many days before today they were."""
    rows = execute_sql(
        f"SELECT {_BY_AGE}, count(*) AS number FROM ({facts}) AS fact"  # noqa: S608  # Both are texts of this module.
        " WHERE fact.at >= :since AND fact.at < :until GROUP BY 1",
        **_span(midnight()),
    )
    return {row.age: Decimal(row.number) for row in rows}


def _money_by_day(facts: str) -> DayFigure:
    """Sum the money of a statement that yields `at`, `currency` and `minor`, in the base currency."""
    base = tenancy.current().base_currency
    rows = execute_sql(
        f"SELECT {_BY_AGE}, fact.currency, sum(fact.minor)::bigint AS minor FROM ({facts}) AS fact"  # noqa: S608
        " WHERE fact.at >= :since AND fact.at < :until GROUP BY 1, 2",
        **_span(midnight()),
    ).all()
    found: dict[int, Decimal] = {}
    for row in rows:
        rate = rate_or_none(row.currency, base)
        if rate is not None:
            money = rate.convert(Money.from_minor(row.minor, row.currency))
            found[row.age] = found.get(row.age, Decimal(0)) + money.amount
    return day_figure(found)
