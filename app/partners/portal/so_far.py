"""The present day so far: its closed trades run through the settlement's own engine, ahead of the settlement.

Nothing is posted from it, and the settlement computes anew. The whole day is computed each time, because caps,
tiers and netted hedges look at all of it; so a day that takes long to compute is computed less often.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select

from app.core import live
from app.core.db import execute_sql, in_transaction, load_sql, session, tenant_id
from app.kit import clock
from app.kit.ids import new_id
from app.kit.money import Money, exponent, round_decimal
from app.partners import permissions, versions
from app.partners.models import PlanVersion, RunStep, SettlementRun
from app.partners.portal import queries
from app.partners.portal.models import DaySoFar, EarnedSoFar
from app.partners.replay.queries import make_tables, settled_apart
from app.partners.settlement.compute import settle_slice, slices_of
from app.partners.settlement.facts import freeze_version
from app.partners.settlement.place import tables_of_the_session
from app.partners.volume import caps
from app.partners.volume import freezing as volume
from app.restrictions import service as restrictions

CHANGED: Final = "day-so-far-changed"
REST: Final = 10
"""After a computation rests ten times as long as it took: it takes a tenth of one worker at most."""
_NO_LATE_BATCH: Final = 2**62  # Late trades belong to the settlement.


@dataclass(frozen=True, slots=True)
class SoFar:
    """What the present day has brought one partner until now. Provisional in every number."""

    day: date
    currency: str
    by_track: dict[str, Money]
    trades: int
    lots: Decimal
    computed_at: datetime | None

    @property
    def total(self) -> Money:
        """Over all tracks."""
        return Money.from_minor(sum(money.minor for money in self.by_track.values()), self.currency)


def of_partner(partner_id: UUID, currency: str) -> SoFar:
    """What the present day has brought a partner, as it was computed last."""
    today = versions.day_cut().day_of(clock.business_now())
    rows = (
        session()
        .scalars(
            select(EarnedSoFar).where(
                EarnedSoFar.partner_id == partner_id,
                EarnedSoFar.business_date == today,
                EarnedSoFar.currency == currency,
            )
        )
        .all()
    )
    places = exponent(currency)
    found = session().scalar(select(DaySoFar))
    return SoFar(
        today,
        currency,
        {row.track: Money(round_decimal(row.amount, places), currency) for row in rows},
        max((row.trades for row in rows), default=0),
        max((row.lots for row in rows), default=Decimal(0)),
        found.computed_at if found is not None and found.business_date == today else None,
    )


def refresh() -> int:
    """Compute the present day anew where something has arrived since. Answers how many partners' figures changed.

    Call it outside a transaction; a second one at once does nothing.
    """
    work = in_transaction(_due)
    return in_transaction(_compute, *work) if work is not None else 0


def _due() -> tuple[date, PlanVersion, int] | None:
    """The day, the version in force and the last batch of deals, if there is anything to compute."""
    now = clock.business_now()
    if versions.settings() is None:
        return None
    version, day = versions.version_at(now), versions.day_cut().day_of(now)
    newest = queries.newest_batch()
    if version is None:
        return None
    last = session().scalar(select(DaySoFar))
    if last is not None and (last.business_date, last.plan_number, last.batch_no) == (day, version.number, newest):
        return None
    if last is not None and clock.now() < last.computed_at + timedelta(milliseconds=int(last.seconds * 1000 * REST)):
        return None
    session().expunge(version)
    return day, version, newest


def _compute(day: date, version: PlanVersion, newest: int) -> int:
    if not queries.alone_with_the_day():
        return 0
    started = time.perf_counter()
    cut = versions.day_cut()
    run = _run(day, cut.start_of(day), cut.end_of(day), version)
    make_tables()
    with tables_of_the_session():
        trades = _settle(run, version)
        rows = execute_sql(load_sql("app.partners", "portal/sql/earned_so_far.sql")).all()
    changed = _store(day, version.currency, rows)
    queries.note_day(
        day=day,
        plan_number=version.number,
        batch_no=newest,
        trades=trades,
        computed_at=clock.now(),
        seconds=Decimal(f"{time.perf_counter() - started:.2f}"),
    )
    live.publish_to_all([f"partner:{partner_id}" for partner_id in changed], CHANGED)
    return len(changed)


def _settle(run: SettlementRun, version: PlanVersion) -> int:
    """The engine itself, on tables of this session's own. Answers how many trades it looked at."""
    end = run.day_end
    freeze_version(run, version, end, list(restrictions.locked_clients(permissions.COMMISSION_ACCRUAL)))
    if version.plan.caps.partner.binds:
        caps.freeze(run, version, end)
    volume.freeze_version(run, version, end)
    for slice_from, slice_to in slices_of(run, version, end):
        if slice_to > run.day_start:
            settle_slice(run, version, end, max(slice_from, run.day_start), slice_to)
    return settled_apart()


def _run(day: date, begin: datetime, end: datetime, version: PlanVersion) -> SettlementRun:
    """A run over the day until now. It is never stored."""
    return SettlementRun(
        tenant_id=tenant_id(),
        business_date=day,
        id=new_id(),
        step=RunStep.FROZEN,
        day_start=begin,
        day_end=end,
        plan_number=version.number,
        currency=version.currency,
        batch_from=_NO_LATE_BATCH,
    )


def _store(day: date, currency: str, rows: Any) -> set[UUID]:
    """Put the figures in place of the former ones. Answers whose have changed."""
    before = {
        (row.partner_id, row.track): (row.business_date, row.amount, row.trades)
        for row in session().scalars(select(EarnedSoFar))
    }
    after = {(row.partner_id, row.track): (day, row.amount, row.trades) for row in rows}
    session().execute(delete(EarnedSoFar))
    if rows:
        session().execute(
            insert(EarnedSoFar),
            [
                {
                    "tenant_id": tenant_id(),
                    "partner_id": row.partner_id,
                    "track": row.track,
                    "currency": currency,
                    "business_date": day,
                    "trades": row.trades,
                    "lots": row.lots,
                    "amount": row.amount,
                }
                for row in rows
            ],
        )
    return {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
