"""Awards as pages show them: lists, what is missing, and how one came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from app.clients import queries as clients
from app.core.db import execute_sql, session
from app.core.errors import NotFound
from app.kit.money import Money
from app.partners import versions
from app.partners.awards.models import AwardPeriod, CommissionAward
from app.partners.awards.queries import sql
from app.partners.models import CommissionBatch, PlanVersion
from app.referrals import queries as tree
from app.ui import formats

MISSING_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class AwardRow:
    """One award or reversal of a partner."""

    partner_id: UUID
    kind: str
    source_key: str
    component: str
    business_date: date
    client_id: UUID | None
    level: int
    plan_number: int
    rate: Decimal | None
    base: Decimal
    amount: Decimal
    reason_text: str
    detail: dict[str, Any]
    client_name: str | None
    client_number: int | None
    hold_outcome: str | None
    held_on: date | None
    held_for: Sequence[str] | None
    batch_status: str | None
    due_at: datetime | None
    track: str
    decided_on: date | None

    @property
    def rule(self) -> str:
        """The plan's rule; empty for what no rule gives."""
        return str(self.detail.get("rule") or "")

    @property
    def state(self) -> str:
        """Where its money is, in the words of lines."""
        if self.amount < 0:
            return "taken_back"
        if self.held_on is not None and self.hold_outcome != "cleared":
            return "given_up" if self.hold_outcome == "rejected" else "held"
        return self.batch_status or "computed"


@dataclass(frozen=True, slots=True)
class Missing:
    """A client for whom a rule pays nothing yet, and what is missing: (condition, what there is, what is needed)."""

    client_id: UUID
    client_name: str
    client_number: int
    kind: str
    rule: str
    business_date: date
    gates: Sequence[str]
    detail: dict[str, Any]

    @property
    def other_gates(self) -> list[str]:
        """What stands against it beside the conditions."""
        return [code for code in self.gates if code != "CPA_NOT_QUALIFIED"]

    @property
    def lacks(self) -> list[tuple[str, str, str]]:
        """Each condition that is not met."""
        needs = self.detail.get("needs", {})
        have = {
            "deposit": _shown(self.detail.get("net_deposit")),
            "lots": formats.lots(Decimal(self.detail.get("lots", "0"))),
            "days": formats.number(int(self.detail.get("days", 0))),
            "kyc": formats.number(int(self.detail.get("kyc_level", 0))),
        }
        need = {
            "deposit": _shown(needs.get("deposit")),
            "lots": formats.lots(Decimal(needs.get("lots", "0"))),
            "days": formats.number(int(needs.get("days", 0))),
            "kyc": formats.number(int(needs.get("kyc", 0))),
        }
        return [(name, have[name], need[name]) for name in self.detail.get("missing", [])]


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """A deposit, withdrawal or chargeback behind an award."""

    source: str
    at: datetime
    minor: int
    currency: str
    plan_currency: str
    multiply: Decimal
    divide: Decimal
    rate_source: str
    rate_at: datetime
    amount: Decimal

    @property
    def original(self) -> Money:
        return Money.from_minor(self.minor, self.currency)


@dataclass(frozen=True, slots=True)
class AwardExplanation:
    """One award with everything that it was computed from."""

    award: AwardRow
    version: PlanVersion | None
    path: Sequence[tree.Step]
    gates: Sequence[str]
    batch: CommissionBatch | None
    reversal: AwardRow | None
    money: Sequence[MoneyRow]


def awards_of(
    partner_id: UUID, *, limit: int, offset: int = 0, day_from: date | None = None, day_to: date | None = None
) -> tuple[list[AwardRow], int]:
    """A partner's awards, the newest first, and how many there are."""
    rows = execute_sql(sql("page"), partner_id=partner_id, limit=limit, offset=offset, day_from=day_from, day_to=day_to)
    counted = select(func.count()).select_from(CommissionAward).where(CommissionAward.partner_id == partner_id)
    if day_from is not None:
        counted = counted.where(CommissionAward.business_date >= day_from)
    if day_to is not None:
        counted = counted.where(CommissionAward.business_date <= day_to)
    return [AwardRow(**row._mapping) for row in rows], session().scalar(counted) or 0


def missing_of(partner_id: UUID) -> list[Missing]:
    """Clients for whom the partner would be paid once they have done more, those seen last first."""
    rows = execute_sql(sql("missing"), partner_id=partner_id, limit=MISSING_MAX)
    return [
        Missing(
            row.client_id, row.client_name, row.client_number, row.kind, row.rule, row.business_date, row.gates,
            row.detail,
        )
        for row in rows
    ]  # fmt: skip


def explain(partner_id: UUID, kind: str, source_key: str, component: str) -> AwardExplanation:
    """Compose the explanation of an award. Raises NotFound."""
    found = _one(partner_id, kind, source_key, component)
    if found is None:
        raise NotFound
    other = _one(partner_id, kind, source_key, "reversal") if component == "base" else None
    version = versions.version(found.plan_number)
    batch = _batch(found)
    at = found.detail.get("path_at")
    path: Sequence[tree.Step] = ()
    if found.client_id is not None and isinstance(at, str):
        path = tree.path_at(found.client_id, datetime.fromisoformat(at))[:50]
    money: list[MoneyRow] = []
    if found.client_id is not None and version is not None and kind in ("cpa", "pct_deposit"):
        rows = execute_sql(
            sql("money_of_client"),
            client_id=found.client_id,
            plan_currency=version.currency,
            business_date=found.business_date,
        )
        money = [MoneyRow(**row._mapping) for row in rows]
    gates = list(found.held_for or ()) if found.hold_outcome is None else []
    return AwardExplanation(found, version, path, gates, batch, other, money)


def _batch(award: AwardRow) -> CommissionBatch | None:
    """The batch that the award went into: that of its day, of the day on which it was cleared, or a clawback's."""
    if award.held_on is not None and award.hold_outcome != "cleared":
        return None
    is_back = award.amount < 0
    day = award.decided_on if award.held_on is not None and not is_back else award.business_date
    return session().scalar(
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == award.partner_id,
            CommissionBatch.track == award.track,
            CommissionBatch.business_date == day,
            CommissionBatch.purpose == ("clawback" if is_back else "settle"),
        )
        .order_by(CommissionBatch.sequence)
        .limit(1)
    )


def _one(partner_id: UUID, kind: str, source_key: str, component: str) -> AwardRow | None:
    row = execute_sql(
        sql("one"), partner_id=partner_id, kind=kind, source_key=source_key, component=component
    ).one_or_none()
    return AwardRow(**row._mapping) if row is not None else None


def names_on(path: Sequence[tree.Step]) -> list[tuple[tree.Step, str, int]]:
    """The path with names."""
    names = clients.names_of(step.partner_id for step in path)
    return [(step, *names[step.partner_id]) for step in path]


def periods_of(partner_id: UUID) -> Sequence[AwardPeriod]:
    """A partner's periods of revenue share, the latest first."""
    statement = (
        select(AwardPeriod)
        .where(AwardPeriod.partner_id == partner_id)
        .order_by(AwardPeriod.period_start.desc(), AwardPeriod.rule)
        .limit(60)
    )
    return session().scalars(statement).all()


def _shown(text: Any) -> str:
    return formats.number(Decimal(str(text if text is not None else 0)), 4)
