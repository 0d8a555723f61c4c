"""Writing awards and their reversals: whatever a run, a rank or a decision gives that no single closed trade does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import MetaData, Table, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import session, tenant_id
from app.core.errors import NotFound
from app.kit import clock
from app.partners import versions
from app.partners.awards.models import CommissionAward, CommissionAwardHold
from app.partners.models import RunStep, SettlementRun
from app.partners.settlement.facts import alone
from app.partners.settlement.place import schema

AwardKind = Literal["cpa", "pct_deposit", "revenue_share", "true_up", "override", "correction", "cashback"]
AwardTrack = Literal["referral", "god", "award"]
OPEN_STEPS: Final = (RunStep.OPENED, RunStep.COMPLETE, RunStep.FROZEN, RunStep.COMPUTED, RunStep.JUDGED)
AT_ONCE: Final = 1000  # Rows of one statement.


@dataclass(frozen=True, slots=True)
class Award:
    """One amount for a partner. `source_key` says what it is for: the same kind and key are paid to them once.

    An amount below zero is taken back like a reversal. `detail` holds every number that is needed to compute it again;
    `held_for` names why it waits.
    """

    partner_id: UUID
    kind: AwardKind
    source_key: str
    amount: Decimal
    reason_text: str = ""
    track: AwardTrack = "award"
    client_id: UUID | None = None
    level: int = 0
    rate: Decimal | None = None
    base: Decimal = Decimal(0)
    detail: Mapping[str, Any] = field(default_factory=dict)
    held_for: tuple[str, ...] = ()
    expires_on: date | None = None


def write_awards(run: SettlementRun | None, rows: Iterable[Award]) -> int:
    """Add awards to a run that is not summed up yet; without a run, to the day that is settled next.

    Answers how many were new: one whose key its partner has already is left out. Amounts of zero are left out, too.
    Runs in the caller's transaction.
    """
    day, plan_number = _where(run)
    wanted = [row for row in rows if row.amount]
    added = 0
    for begin in range(0, len(wanted), AT_ONCE):
        added += _write([_values(row, day, plan_number) for row in wanted[begin : begin + AT_ONCE]])
    held = [row for row in wanted if row.held_for]
    if held:
        into = insert(_table(CommissionAwardHold))
        session().execute(into.on_conflict_do_nothing(), [_hold(row, day) for row in held])
    return added


def reverse_award(
    partner_id: UUID,
    kind: AwardKind,
    source_key: str,
    *,
    run: SettlementRun | None = None,
    reason_text: str = "",
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Add the exact opposite of an award, in a run that is not summed up yet or in the day that is settled next.

    False when it was reversed before. Raises NotFound for an award that does not exist. Runs in the caller's
    transaction.
    """
    base = session().get(CommissionAward, (tenant_id(), partner_id, kind, source_key, "base"))
    if base is None:
        raise NotFound
    day, plan_number = _where(run)
    return bool(
        _write(
            [
                {
                    "tenant_id": base.tenant_id,
                    "partner_id": base.partner_id,
                    "kind": base.kind,
                    "source_key": base.source_key,
                    "component": "reversal",
                    "business_date": day,
                    "track": base.track,
                    "client_id": base.client_id,
                    "level": base.level,
                    "plan_number": plan_number,
                    "rate": base.rate,
                    "base": -base.base,
                    "amount": -base.amount,
                    "reason_text": reason_text,
                    "detail": {name: base.detail[name] for name in ("rule",) if name in base.detail}
                    | dict(detail or {}),
                    "created_at": clock.now(),
                }
            ]
        )
    )


def next_day() -> date:
    """The business date that takes up what is decided now. Nobody sums it up before the transaction ends."""
    alone()
    newest = session().scalar(
        select(SettlementRun)
        .order_by(SettlementRun.business_date.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if newest is None:
        return versions.day_cut().day_of(clock.business_now())
    return newest.business_date if newest.step in OPEN_STEPS else newest.business_date + timedelta(days=1)


def _where(run: SettlementRun | None) -> tuple[date, int]:
    if run is None:
        version = versions.version_at(clock.business_now())
        return next_day(), version.number if version is not None else 0
    assert run.step in OPEN_STEPS, "A day that is summed up takes no more awards."
    return run.business_date, run.plan_number


def _write(rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    table = _table(CommissionAward)
    into = insert(table).values(rows).on_conflict_do_nothing().returning(table.c.source_key)
    return len(session().execute(into).all())


def _table(model: type[CommissionAward | CommissionAwardHold]) -> Table:
    """The model's table where the engine writes now: a replay has its own."""
    table = model.__table__
    assert isinstance(table, Table)
    apart = schema()
    return table if apart is None else table.to_metadata(MetaData(), schema=apart)


def _values(row: Award, day: date, plan_number: int) -> dict[str, Any]:
    assert row.amount.is_finite(), row
    assert row.source_key, row
    assert row.amount > 0 or not row.held_for, row
    return {
        "tenant_id": tenant_id(),
        "partner_id": row.partner_id,
        "kind": row.kind,
        "source_key": row.source_key,
        "component": "base",
        "business_date": day,
        "track": row.track,
        "client_id": row.client_id,
        "level": row.level,
        "plan_number": plan_number,
        "rate": row.rate,
        "base": row.base,
        "amount": row.amount,
        "reason_text": row.reason_text,
        "detail": dict(row.detail),
        "created_at": clock.now(),
    }


def _hold(row: Award, day: date) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id(),
        "partner_id": row.partner_id,
        "kind": row.kind,
        "source_key": row.source_key,
        "gates": list(row.held_for),
        "held_on": day,
        "expires_on": row.expires_on or day,
        "outcome": None,
        "decided_on": None,
    }
