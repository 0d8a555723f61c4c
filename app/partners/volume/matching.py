"""What rules look at beside symbol and group, as a key that is only as long as a plan needs it.

A run decides once per key which rule fits. Where rules look at symbols and groups alone, all else has one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.core.db import execute_sql, load_sql
from app.partners.plan import Plan
from app.partners.volume.terms import Traits

_COLUMNS: Mapping[str, str] = {
    "account_type": "ty.code",
    "platform": "pl.code",
    "country": "cl.country",
    "account_currency": "t.account_currency",
    "stretch": "CAST(width_bucket(t.closed_at, CAST(:bounds AS timestamptz[])) AS text)",
}
_JOINS: Mapping[str, str] = {
    "account_type": "JOIN account_type AS ty ON ty.tenant_id = a.tenant_id AND ty.id = a.type_id",
    "country": "JOIN client AS cl ON cl.tenant_id = t.tenant_id AND cl.id = t.client_id",
}
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Which traits a plan's rules look at, and the instants at which its dated rules begin and end."""

    used: frozenset[str]
    bounds: tuple[datetime, ...]

    @property
    def joins(self) -> str:
        """Joins of a statement that has the trade `t`, its account `a` and its platform `pl`."""
        return "\n".join(text for name, text in _JOINS.items() if name in self.used)

    @property
    def key(self) -> str:
        """The expression of the key in such a statement."""
        found = [column for name, column in _COLUMNS.items() if name in self.used]
        return f"concat_ws(chr(31), {', '.join(found)})" if found else "''"

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `key`."""
        return {"bounds": list(self.bounds)} if self.bounds else {}

    def traits(self, key: str) -> Traits:
        """What a key stands for. Of a stretch of time any instant stands for all."""
        names = [name for name in _COLUMNS if name in self.used]
        found = dict(zip(names, key.split(chr(31)), strict=True)) if names else {}
        stretch = found.pop("stretch", None)
        return Traits(**found, closed_at=None if stretch is None else self._instant(int(stretch)))

    def _instant(self, stretch: int) -> datetime:
        return self.bounds[stretch - 1] if stretch else self.bounds[0] - _MOMENT


def dimensions_of(plan: Plan) -> Dimensions:
    """What the plan's rules look at. Points differ between platforms: a plan that counts them looks at those, too."""
    matches = plan.matches
    bounds = sorted(
        {instant for match in matches for instant in (match.closed_from, match.closed_to) if instant is not None}
    )
    used = {
        "account_type": any(match.account_types for match in matches),
        "platform": plan.gates.min_points > 0 or any(match.platforms for match in matches),
        "country": any(match.countries for match in matches),
        "account_currency": any(match.account_currencies for match in matches),
        "stretch": bool(bounds),
    }
    return Dimensions(frozenset(name for name, is_used in used.items() if is_used), tuple(bounds))


def points() -> dict[tuple[str, str], Decimal]:
    """The size of a point by (platform, symbol), as the platforms say it."""
    rows = execute_sql(load_sql("app.partners", "volume/sql/points.sql"))
    return {(row.code, row.name): Decimal(1).scaleb(-row.digits) for row in rows}
