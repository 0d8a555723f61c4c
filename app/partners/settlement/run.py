"""The state machine of a settlement run, one per tenant and business date.

`opened` -> `complete` -> `frozen` -> `computed` -> `judged` -> `batched` -> `posted` -> `stated` -> `proved`. Each step
commits before the next begins, locks the run first, and does nothing the second time; a run that stopped anywhere goes
on from there. Money of a run is released only when it is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, session, tenant_id, tenant_scope, transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.kit.money import exponent
from app.kit.text import _l
from app.partners import versions
from app.partners.awards import clawbacks
from app.partners.awards import engine as award_engine
from app.partners.models import RunStep, SettlementRun
from app.partners.settlement import compute, facts, posting, steps, wallets
from app.partners.settlement.facts import sql
from app.trading.queries import platforms
from app.trading.service import proof as trading

log = structlog.get_logger()
DAYS_AT_ONCE_MAX = 400
_INSTANT = timedelta(milliseconds=1)


class NoPlan(Conflict):
    message = _l("This brand has no commission plan, so there is nothing to settle.")


class DayNotOver(Conflict):
    message = _l("This day has not ended yet. It can be settled after its cut-off.")


class EarlierDayOpen(Conflict):
    message = _l("The settlement of %(day)s is not finished. Days are settled in their order.")


class AlreadyProved(Conflict):
    message = _l("This day is settled and proved.")


class AlreadyRunning(Conflict):
    message = _l("A settlement of this brand is running now. Nothing was started beside it.")


def settle_day(day: date, *, by: Actor, override_reason: str = "") -> SettlementRun:
    """Settle one business date as far as it goes, and answer its run. Call it outside a transaction.

    With `override_reason` a missing platform does not stop it; who overrode and why stays on the run. Raises NoPlan,
    DayNotOver, EarlierDayOpen, and AlreadyRunning while another worker is at it. What stops the run without being
    refused stands in `failure`.
    """
    with only_worker():
        return _settle_day(day, by, override_reason)


@contextmanager
def only_worker() -> Iterator[None]:
    """Be the tenant's one worker inside the block. Raises AlreadyRunning where another process is.

    The lock is held by a transaction on a connection of its own: it ends with the process, however that ends.
    """
    tenant = tenant_id()
    with tenant_scope(tenant), transaction():
        if not _take_lock("pg_try_advisory_xact_lock"):
            raise AlreadyRunning
        with tenant_scope(tenant):
            yield


def _take_lock(function: str) -> bool:
    return bool(execute_sql(f"SELECT {function}(hashtext('settlement worker'), :tenant_id)").scalar_one())


def _settle_day(day: date, by: Actor, override_reason: str) -> SettlementRun:
    in_transaction(open_run, day)
    if override_reason.strip():
        in_transaction(_override, day, override_reason.strip(), by)
    ordered: tuple[tuple[RunStep, Callable[[SettlementRun, Actor], bool]], ...] = (
        (RunStep.OPENED, _complete),
        (RunStep.COMPLETE, _freeze),
        (RunStep.FROZEN, _compute),
        (RunStep.COMPUTED, _judge),
        (RunStep.JUDGED, _batch),
        (RunStep.BATCHED, _post),
        (RunStep.POSTED, _state),
        (RunStep.STATED, _prove),
    )
    for step, work in ordered:
        run = in_transaction(get, day)
        if run.step is step and not work(run, by):
            break
    return in_transaction(get, day)


def request_day(day: date, *, by: Actor, override_reason: str = "") -> SettlementRun:
    """Open a day's run so that a job can take it on, in the caller's transaction.

    Raises what `settle_day` raises, and AlreadyProved when nothing is left to do.
    """
    if not _take_lock("pg_try_advisory_xact_lock_shared"):  # Given back when the request ends.
        raise AlreadyRunning
    open_run(day)
    if override_reason.strip():
        _override(day, override_reason.strip(), by)
    run = get(day)
    if run.is_proved:
        raise AlreadyProved
    audit.record("partners.settlement.run", ("settlement_run", run.id), by=by, reason=override_reason.strip())
    return run


def settle_due(by: Actor) -> list[SettlementRun]:
    """Settle every day that has ended and is not proved, in order; a day that stops keeps the later ones waiting.

    Raises AlreadyRunning while another worker is at it.
    """
    done: list[SettlementRun] = []
    for day in in_transaction(due_days):
        run = settle_day(day, by=by)
        done.append(run)
        if not run.is_proved:
            break
    return done


def due_days() -> list[date]:
    """The days that have ended by the business clock and are not proved, oldest first."""
    if versions.settings() is None or versions.plan_for_receivers() is None:
        return []
    last = versions.day_cut().last_closed(clock.business_now())
    latest = newest()
    if latest is None:
        return [last] if versions.version_at(versions.day_cut().end_of(last) - _INSTANT) is not None else []
    first = latest.business_date + timedelta(days=1 if latest.is_proved else 0)
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, DAYS_AT_ONCE_MAX))]


def get(day: date) -> SettlementRun:
    """The run of a day, read fresh. Raises NotFound."""
    found = session().scalar(
        select(SettlementRun).where(SettlementRun.business_date == day).execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    return found


def release(by: Actor) -> int:
    """Release what is due by the business clock. Call it outside a transaction; answers how many batches."""
    return posting.release_due(clock.business_now(), by)


def newest() -> SettlementRun | None:
    """The run of the latest day, or None before the first."""
    return session().scalar(select(SettlementRun).order_by(SettlementRun.business_date.desc()).limit(1))


def open_run(day: date, *, even_if_not_over: bool = False) -> SettlementRun:
    """The run of a day, made anew when the day has ended and the day before it is proved."""
    facts.alone()
    standing = session().get(SettlementRun, (tenant_id(), day))
    if standing is not None:
        return standing
    cut = versions.day_cut()
    latest = newest()
    if latest is not None and (not latest.is_proved or latest.business_date != day - timedelta(days=1)):
        if latest.business_date >= day:
            raise Conflict(_l("A later day is settled already."))
        raise EarlierDayOpen(day=str(latest.business_date + timedelta(days=latest.is_proved)))
    end = cut.end_of(day)
    if end > clock.business_now() and not even_if_not_over:
        raise DayNotOver
    version = versions.version_at(end - _INSTANT)
    if version is None:
        raise NoPlan
    made = SettlementRun(
        business_date=day,
        id=new_id(),
        step=RunStep.OPENED,
        day_start=latest.day_end if latest is not None else cut.start_of(day),
        day_end=end,
        plan_number=version.number,
        currency=version.currency,
        batch_from=latest.batch_to if latest is not None and latest.batch_to is not None else 0,
        batch_to=None,
        opened_at=clock.now(),
        computed_at=None,
        posted_at=None,
        proved_at=None,
        trades=0,
        late_trades=0,
        waiting_trades=0,
        lines=0,
        reasons=0,
        held=0,
        failure="",
        proof={},
        override_by="",
        override_by_id=None,
        override_reason="",
        missing=[],
        step_times={},
        signed_note="",
    )
    session().add(made)
    session().flush()
    return made


def _override(day: date, reason: str, by: Actor) -> None:
    run = _locked(day)
    if run.step is not RunStep.OPENED:
        return
    if len(reason) > 500:
        raise Invalid(_l("Use at most 500 characters."), field="reason")
    run.override_by, run.override_by_id, run.override_reason = by.name, by.id, reason
    audit.record("partners.settlement.override", ("settlement_run", run.id), by=by, reason=reason)


def _locked(day: date) -> SettlementRun:
    facts.alone()
    run = session().scalar(
        select(SettlementRun)
        .where(SettlementRun.business_date == day)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert run is not None
    return run


def _advance(day: date, expected: RunStep, to: RunStep, work: Callable[[SettlementRun], Any]) -> bool:
    """Do a step's work and note it, in one transaction. False when the run is elsewhere already."""

    def act() -> bool:
        run = _locked(day)
        if run.step is not expected:
            return False
        work(run)
        run.step, run.failure = to, ""
        run.step_times = {**run.step_times, to.value: clock.now().isoformat()}
        live.publish("office", "settlement-changed")
        return True

    return in_transaction(act)


def _fail(day: date, sentence: str, **more: Any) -> bool:
    """Write down what stops the run. It stays at its step and can be taken up again."""

    def act() -> None:
        run = _locked(day)
        run.failure = sentence[:500]
        if more:
            run.proof = more
        live.publish("office", "settlement-changed")

    in_transaction(act)
    log.warning("settlement.stopped", day=str(day), reason=sentence)
    return False


def _complete(run: SettlementRun, by: Actor) -> bool:
    """Completeness gate: every platform reports that all deals before the cut-off are stored."""
    sentences = in_transaction(missing_deals, run.day_end)
    if sentences and not run.override_reason:
        return _fail(run.business_date, " ".join(sentences))

    def work(locked: SettlementRun) -> None:
        locked.missing = sentences

    return _advance(run.business_date, RunStep.OPENED, RunStep.COMPLETE, work)


def missing_deals(until: datetime) -> list[str]:
    """What speaks against all deals up to an instant being here: a sentence for each platform that is not complete."""
    missing = trading.incomplete_platforms(until)
    names = {row.id: row.name for row in platforms.platforms()} if missing else {}
    return [
        f"{names.get(platform_id, platform_id)}: {' '.join(reason.in_english() for reason in found.reasons)}"
        for platform_id, found in missing
    ]


def _freeze(run: SettlementRun, by: Actor) -> bool:
    unknown = in_transaction(wallets.without_rate, run)
    if unknown:
        return _fail(run.business_date, f"There is no exchange rate from {run.currency} to {', '.join(unknown)} yet.")

    return _advance(run.business_date, RunStep.COMPLETE, RunStep.FROZEN, steps.freeze_facts)


def _compute(run: SettlementRun, by: Actor) -> bool:
    in_transaction(clawbacks.apply, run)
    in_transaction(_reverse_unless_computed, run)
    compute.compute(run)
    award_engine.compute(run)

    return _advance(run.business_date, RunStep.FROZEN, RunStep.COMPUTED, steps.count)


def _reverse_unless_computed(run: SettlementRun) -> None:
    if _locked(run.business_date).step is RunStep.FROZEN:  # A worker that fell behind must not add to a summed-up day.
        steps.reverse_corrected(run)


def _judge(run: SettlementRun, by: Actor) -> bool:
    return _advance(run.business_date, RunStep.COMPUTED, RunStep.JUDGED, steps.judge)


def _batch(run: SettlementRun, by: Actor) -> bool:
    return _advance(
        run.business_date, RunStep.JUDGED, RunStep.BATCHED, lambda locked: posting.make_batches(locked, _plan(locked))
    )


def _plan(run: SettlementRun) -> Any:
    version = versions.version(run.plan_number)
    assert version is not None
    return version.plan


def _post(run: SettlementRun, by: Actor) -> bool:
    posting.post_batches(run, by)

    def work(locked: SettlementRun) -> None:
        posting.take_back(locked, _plan(locked), by)
        locked.posted_at = clock.now()

    return _advance(run.business_date, RunStep.BATCHED, RunStep.POSTED, work)


def _state(run: SettlementRun, by: Actor) -> bool:
    def work(locked: SettlementRun) -> None:
        execute_sql(
            "DELETE FROM commission_statement WHERE tenant_id = :tenant_id AND business_date = :day",
            day=run.business_date,
        )
        facts.over_many_rows()
        execute_sql(sql("statements"), business_date=run.business_date, currency=run.currency)
        if wallets.others_of(locked):
            wallets.state(locked)

    return _advance(run.business_date, RunStep.POSTED, RunStep.STATED, work)


def _prove(run: SettlementRun, by: Actor) -> bool:
    """Lines with their carry, journals and statements must say the same per beneficiary, or nothing is released."""
    others = in_transaction(wallets.others_of, run)
    wrong = in_transaction(_differences, run, others)
    totals = {code: in_transaction(_totals, run, code) for code in (run.currency, *others)}
    shown = totals[run.currency] | ({"others": {code: totals[code] for code in others}} if others else {})
    apart = [code for code, one in totals.items() if one["audit_minor"] != one["temporary_minor"]]
    if wrong or apart:
        first = wrong[0] if wrong else None
        sentence = (
            f"Partner {first.partner_id}: lines {first.from_lines}, journals {first.from_journals},"
            f" statements {first.from_statements}."
            if first is not None
            else f"Batches under audit hold {totals[apart[0]]['audit_minor']},"
            f" temporary wallets {totals[apart[0]]['temporary_minor']}."
        )
        return _fail(run.business_date, sentence, **shown)

    def work(locked: SettlementRun) -> None:
        locked.proof, locked.proved_at = shown, clock.now()
        audit.record("partners.settlement.prove", ("settlement_run", run.id), by=by, after=shown)

    return _advance(run.business_date, RunStep.STATED, RunStep.PROVED, work)


def _totals(run: SettlementRun, currency: str) -> dict[str, int]:
    found = execute_sql(sql("proof_totals"), business_date=run.business_date, currency=currency).one()
    return {name: int(value) for name, value in found._mapping.items()}


def _differences(run: SettlementRun, others: list[str]) -> list[Any]:
    facts.over_many_rows()
    if not others:
        return list(execute_sql(sql("proof"), business_date=run.business_date, places=exponent(run.currency)).all())
    codes = [run.currency, *others]
    return list(
        execute_sql(
            sql("proof_in_wallets"),
            business_date=run.business_date,
            currencies=codes,
            all_places=[exponent(code) for code in codes],
        ).all()
    )
