"""From a day's lines to money: batches, their journals, what is taken back, and the release after the audit period."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, tuple_

from app import tenancy
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, session
from app.core.errors import DomainError
from app.kit.money import Money, exponent, round_decimal
from app.ledger import service as ledger
from app.partners import permissions, versions
from app.partners.abuse import queries as abuse
from app.partners.calendar import due_at
from app.partners.models import BatchStatus, CommissionBatch, SettlementRun, batch_key
from app.partners.plan import Plan
from app.partners.rules.posting import MODES, REBATE_TRACKS
from app.partners.settlement import pool, wallets
from app.partners.settlement.facts import over_many_rows, sql
from app.restrictions import service as restrictions

log = structlog.get_logger()

EXPENSE = ledger.Owner("house", "commission_expense")
BATCHES_PER_COMMIT = 400  # Each touches two wallets, and a transaction locks at most a thousand.
BatchKey = tuple[UUID, str, str, date, int]


def make_batches(run: SettlementRun, plan: Plan) -> None:
    """Sum the day up: one batch per beneficiary and track, rounded once with the carry of the batch before."""
    over_many_rows()
    execute_sql("SET LOCAL enable_sort = off")  # Lines are summed by hash: sorting a day's costs several times that.
    settled = "settled_in_wallets" if wallets.has_any(run.business_date) else "settled_in_plan"
    execute_sql(
        sql("batches").replace("/* settled */", sql(settled)),
        business_date=run.business_date,
        currency=run.currency,
        places=exponent(run.currency),
        by_line=plan.rounding_scope == "line",
        mode=plan.rounding_mode,
        rebate_min=plan.rebates.rebate_min if plan.rebates is not None else Decimal(0),
        due_at=_due(run.business_date, plan),
    )


def _due(day: date, plan: Plan) -> datetime:
    tenant = tenancy.current()

    def is_business_day(candidate: date) -> bool:
        return candidate.weekday() not in tenant.weekend and candidate not in tenant.holidays

    return due_at(
        day, plan.audit_days, versions.day_cut(), is_business_day if plan.audit_calendar == "business" else None
    )


def post_batches(run: SettlementRun, by: Actor) -> None:
    """Post one journal per batch into the beneficiary's temporary wallet. Call it outside a transaction.

    The key of a journal names day, beneficiary, currency, track and purpose: a second call posts what is missing.
    """
    batches = in_transaction(_waiting, run)
    partners = {batch.partner_id for batch in batches}
    found = in_transaction(_wallets_for, {(batch.partner_id, batch.currency) for batch in batches})
    drafts = []
    for batch in batches:
        if batch.posted_minor:
            money = Money.from_minor(batch.posted_minor, batch.currency)
            expense = found[(EXPENSE, "commission", batch.currency)]
            temporary = found[(partner_owner(batch.partner_id), ledger.TEMPORARY, batch.currency)]
            drafts.append(
                ledger.EntryDraft(
                    key=batch_key(
                        run.business_date, batch.partner_id, batch.currency, batch.track, "settle", batch.sequence
                    ),
                    kind="commission.settle",
                    lines=[ledger.Line(expense, -money), ledger.Line(temporary, money)],
                    memo=f"{batch.track} {run.business_date.isoformat()}",
                    business_date=run.business_date,
                    links=(("settlement_run", run.id),),
                )
            )
    refused = ledger.post_batch(drafts, by).refused
    in_transaction(_mark_posted, run)
    if refused:
        draft, refusal = refused[0]
        raise RuntimeError(f"{len(refused)} journals were refused, the first is {draft.key}: {refusal}")
    in_transaction(_tell, partners)


def _mark_posted(run: SettlementRun) -> None:
    execute_sql("SET LOCAL enable_seqscan = off")  # Journals were written a moment ago: the planner believes in none.
    execute_sql(sql("mark_posted"), business_date=run.business_date)


def partner_owner(partner_id: UUID) -> ledger.Owner:
    """The partner as an owner of wallets: the client's other role."""
    return ledger.Owner("partner", partner_id)


def _waiting(run: SettlementRun) -> Sequence[Any]:
    statement = select(
        CommissionBatch.partner_id,
        CommissionBatch.track,
        CommissionBatch.currency,
        CommissionBatch.sequence,
        CommissionBatch.posted_minor,
    ).where(
        CommissionBatch.business_date == run.business_date,
        CommissionBatch.status == BatchStatus.COMPUTED,
        CommissionBatch.purpose == "settle",
    )
    return session().execute(statement).all()


def _wallets_for(wanted: Collection[tuple[UUID, str]]) -> dict[tuple[ledger.Owner, str, str], UUID]:
    own = [(partner_owner(partner_id), ledger.TEMPORARY, currency) for partner_id, currency in wanted]
    return ledger.wallets([*own, *((EXPENSE, "commission", currency) for currency in {code for _, code in wanted})])


def _tell(partners: Iterable[UUID]) -> None:
    live.publish_to_all([f"partner:{partner_id}" for partner_id in partners], "commission-changed")
    live.publish("office", "settlement-changed")


def take_back(run: SettlementRun, plan: Plan, by: Actor) -> None:
    """Post what reversing lines take back, batches still under audit first. Runs in the caller's transaction.

    What is under audit is taken from its own batch; what was released, from the partner's other batches under audit,
    the oldest first, from the partner's share of the brand's pool, and then from the redeem wallet, which may go below
    zero.
    """
    rows = execute_sql(
        sql("reversals_by_batch"),
        business_date=run.business_date,
        currency=run.currency,
        by_line=plan.rounding_scope == "line",
        places=exponent(run.currency),
        mode=plan.rounding_mode,
    ).all()
    for row in rows:
        _take_back_one(run, plan, row, by)
    _tell({row.partner_id for row in rows})


def _take_back_one(run: SettlementRun, plan: Plan, row: Any, by: Actor) -> None:
    last = session().scalar(
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == row.partner_id,
            CommissionBatch.track == row.track,
            CommissionBatch.currency == row.currency,
            CommissionBatch.business_date <= run.business_date,
        )
        .order_by(CommissionBatch.business_date.desc(), CommissionBatch.sequence.desc())
        .limit(1)
    )
    is_today = last is not None and last.business_date == run.business_date
    converted = wallets.convert(row.lines, row.multiply, row.divide)
    settled = row.lines if converted is None else converted
    places, mode = exponent(row.currency), MODES[plan.rounding_mode]
    if plan.rounding_scope == "line" and row.track not in REBATE_TRACKS:
        rounded = wallets.convert(row.rounded, row.multiply, row.divide)
        carry_in, posted = Decimal(0), row.rounded if rounded is None else round_decimal(rounded, places, mode)
    else:
        carry_in = last.carry_out if last is not None else Decimal(0)
        posted = round_decimal(carry_in + settled, places, mode)
    batch = CommissionBatch(
        partner_id=row.partner_id,
        track=row.track,
        currency=row.currency,
        business_date=run.business_date,
        sequence=last.sequence + 1 if is_today and last is not None else 1,
        purpose="clawback",
        source_on=row.source_on,
        line_count=row.line_count,
        lines=row.lines,
        carry_in=carry_in,
        carry_out=carry_in + settled - posted,
        posted_minor=Money(posted, row.currency).minor,
        taken_back_minor=0,
        status=BatchStatus.RELEASED,
        due_at=run.day_end,
        entry_id=None,
        release_entry_id=None,
        released_at=None,
        converted=converted,
        multiply=row.multiply,
        divide=row.divide,
        rate_source=row.rate_source,
        rate_at=row.rate_at,
    )
    if posted:
        batch.entry_id = _post_clawback(batch, by)
    session().add(batch)
    session().flush()


def _post_clawback(batch: CommissionBatch, by: Actor) -> UUID:
    """Draw the money in the order of recovery, in one entry."""
    owner = partner_owner(batch.partner_id)
    left = -batch.posted
    from_temporary = Money.zero(batch.currency)
    for source in _sources(batch):
        part = min(left, source.remaining) if left.minor > 0 else Money.zero(batch.currency)
        if part.minor > 0:
            source.taken_back_minor += part.minor
            from_temporary, left = from_temporary + part, left - part
    from_pool = pool.take(batch.partner_id, left) if left.minor > 0 else Money.zero(batch.currency)
    lines = [
        ledger.Line(ledger.wallet(EXPENSE, "commission", batch.currency).id, -batch.posted),
        ledger.Line(ledger.wallet(owner, ledger.TEMPORARY, batch.currency).id, -from_temporary),
        ledger.Line(ledger.wallet(owner, ledger.REDEEM, batch.currency).id, -(left - from_pool)),
    ]
    if from_pool.minor > 0:
        lines.append(ledger.Line(ledger.wallet(pool.POOL, pool.PURPOSE, batch.currency).id, -from_pool))
    return ledger.post(
        batch.key, "commission.clawback", lines, by, memo=batch.track, business_date=batch.business_date
    ).id


def _sources(batch: CommissionBatch) -> list[CommissionBatch]:
    """Batches under audit from which a clawback may draw: its own first, then the partner's others by age."""
    statement = (
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == batch.partner_id,
            CommissionBatch.currency == batch.currency,
            CommissionBatch.status == BatchStatus.POSTED,
            CommissionBatch.purpose == "settle",
        )
        .order_by(CommissionBatch.business_date, CommissionBatch.track)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = list(session().scalars(statement))
    own = [b for b in found if (b.business_date, b.track) == (batch.source_on, batch.track)]
    if own:
        return own + [b for b in found if b not in own]
    return found


def release_due(now: datetime, by: Actor, *, limit: int = 5000) -> int:
    """Move money whose audit period has ended to its owners' redeem wallets. Call it outside a transaction.

    Only batches of proved runs, and nobody's whose release is locked. Answers how many batches were released.
    """
    due = [_key_of(batch) for batch in in_transaction(_releasable, now, limit)]
    waiting = [due[begin : begin + BATCHES_PER_COMMIT] for begin in range(0, len(due), BATCHES_PER_COMMIT)][::-1]
    released = 0
    while waiting:
        part = waiting.pop()
        try:
            released += in_transaction(_release, part, now, by)
        except DomainError as refusal:
            if len(part) == 1:
                log.error("partners.release_refused", batch=[str(each) for each in part[0]], reason=refusal.code)
                continue
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
    return released


def _release(keys: Sequence[BatchKey], now: datetime, by: Actor) -> int:
    """Release these batches, money and marks together. While they are locked nothing can be taken back from them, and
    what a clawback holds at this moment is left for the next sweep."""
    batches = _releasable(now, len(keys), keys)
    if not batches:
        return 0
    is_pooled = pool.is_target()
    if is_pooled:
        pool.add(batches)
    own = _release_wallets(batches, is_pooled)
    drafts = []
    for batch in batches:
        owner = partner_owner(batch.partner_id)
        if batch.remaining.minor > 0:
            drafts.append(
                ledger.EntryDraft(
                    key=f"release:{batch.key}",
                    kind="commission.release",
                    lines=[
                        ledger.Line(own[(owner, ledger.TEMPORARY, batch.currency)], -batch.remaining),
                        ledger.Line(own[_released_to(batch, is_pooled)], batch.remaining),
                    ],
                    memo=f"{batch.track} {batch.business_date.isoformat()}",
                )
            )
    ledger.post_slice(drafts, by)
    released = execute_sql(sql("mark_released"), now=now, **_columns_of(batches)).rowcount
    _tell({batch.partner_id for batch in batches})
    return int(released)


def _releasable(now: datetime, limit: int, keys: Sequence[BatchKey] | None = None) -> list[CommissionBatch]:
    """Batches that may be released now; with `keys` only those of them that nobody else holds, locked."""
    locked = restrictions.locked_clients(permissions.COMMISSION_RELEASE)
    statement = (
        select(CommissionBatch)
        .join(
            SettlementRun,
            (SettlementRun.tenant_id == CommissionBatch.tenant_id)
            & (SettlementRun.business_date == CommissionBatch.business_date),
        )
        .where(
            CommissionBatch.status == BatchStatus.POSTED,
            CommissionBatch.purpose == "settle",
            CommissionBatch.due_at <= now,
            SettlementRun.step == "proved",
        )
        .order_by(CommissionBatch.due_at)
        .limit(limit)
    )
    if locked:
        statement = statement.where(CommissionBatch.partner_id.not_in(locked))
    withheld = abuse.withheld()
    if withheld:
        of_day = tuple_(CommissionBatch.partner_id, CommissionBatch.track, CommissionBatch.business_date)
        statement = statement.where(of_day.not_in(withheld))
    if keys is not None:
        named = tuple_(
            CommissionBatch.partner_id,
            CommissionBatch.track,
            CommissionBatch.currency,
            CommissionBatch.business_date,
            CommissionBatch.sequence,
        ).in_(keys)
        statement = statement.where(named).with_for_update(of=CommissionBatch, skip_locked=True)
    return list(session().scalars(statement.execution_options(populate_existing=True)))


def _release_wallets(
    batches: Collection[CommissionBatch], is_pooled: bool
) -> dict[tuple[ledger.Owner, str, str], UUID]:
    sources = {(partner_owner(batch.partner_id), ledger.TEMPORARY, batch.currency) for batch in batches}
    return ledger.wallets([*sources, *{_released_to(batch, is_pooled) for batch in batches}])


def _released_to(batch: CommissionBatch, is_pooled: bool) -> tuple[ledger.Owner, str, str]:
    """The partner's own redeem wallet, or the brand's pool."""
    if is_pooled:
        return pool.POOL, pool.PURPOSE, batch.currency
    return partner_owner(batch.partner_id), ledger.REDEEM, batch.currency


def _key_of(batch: CommissionBatch) -> BatchKey:
    return batch.partner_id, batch.track, batch.currency, batch.business_date, batch.sequence


def _columns_of(batches: Iterable[CommissionBatch]) -> dict[str, Any]:
    partners, tracks, currencies, days, sequences = (
        list(column) for column in zip(*(_key_of(batch) for batch in batches), strict=True)
    )
    return {"partners": partners, "tracks": tracks, "currencies": currencies, "days": days, "sequences": sequences}
