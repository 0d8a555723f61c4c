"""Taking back what a client's trades and deposits brought partners: one person asks, another decides, a run does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, get, session, tenant_id
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.text import _l
from app.partners import versions
from app.partners.awards.models import Clawback, ClawbackStatus
from app.partners.awards.queries import run_sql, sql
from app.partners.awards.terms import ClawbackTerms
from app.partners.models import RunStep, SettlementRun
from app.partners.settlement.facts import alone
from app.payments import queries as payments
from app.payments.models import Deposit, DepositStatus

REASON_LENGTH_MAX = 500
_INSTANT = timedelta(milliseconds=1)


class SamePerson(DomainError):
    status_code = 403
    message = _l("You asked for this yourself. Somebody else must decide it.")


class AlreadyDecided(Conflict):
    message = _l("Somebody has decided this already.")


class AlreadyAsked(Conflict):
    message = _l("Commission of this client is being taken back already. Decide that first.")


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """What one partner would lose."""

    partner_id: UUID
    name: str
    number: int
    lines: int
    amount: Decimal


def terms() -> ClawbackTerms:
    """What the plan in force says about taking back."""
    version = versions.version_at(clock.business_now())
    return version.plan.clawback if version is not None else ClawbackTerms()


def earliest_day() -> date:
    """The first day whose lines may still be taken back."""
    return versions.day_cut().day_of(clock.business_now()) - timedelta(days=terms().window_days)


def preview(client_id: UUID, since: date) -> list[TakenFrom]:
    """What would be taken back from whom now, the largest amount first. Raises NotFound."""
    clients.get(client_id)
    rows = execute_sql(sql("clawback_preview"), client_id=client_id, since=since)
    return [TakenFrom(**row._mapping) for row in rows]


def ask(
    client_id: UUID, trigger: str, since: date, reason: str, *, deposit_id: UUID | None, once: str, by: Actor
) -> Clawback:
    """Ask that what a client brought partners since a day is taken back. Nothing happens until somebody else agrees.

    A chargeback names its deposit. The same `once` answers the first request. Raises NotFound, AlreadyAsked, and
    Invalid that names the field.
    """
    client = clients.get(client_id)
    standing = session().scalar(select(Clawback).where(Clawback.once_key == once))
    if standing is not None:
        return standing
    assert by.id is not None
    _check(client.id, trigger, since, reason, deposit_id)
    alone()
    waiting = select(Clawback.id).where(
        Clawback.client_id == client.id, Clawback.status.in_((ClawbackStatus.REQUESTED, ClawbackStatus.APPROVED))
    )
    if session().scalar(waiting) is not None:
        raise AlreadyAsked
    made = Clawback(
        client_id=client.id,
        trigger=trigger,
        deposit_id=deposit_id if trigger == "chargeback" else None,
        since=since,
        reason=reason.strip(),
        status=ClawbackStatus.REQUESTED,
        requested_by=by.id,
        requested_by_name=by.name,
        requested_at=clock.now(),
        decided_by=None,
        decided_by_name=None,
        decided_at=None,
        applied_on=None,
        lines=0,
        amount=Decimal(0),
        once_key=once,
    )
    session().add(made)
    session().flush()
    audit.record(
        "partners.clawback.ask",
        made,
        by=by,
        after={"trigger": trigger, "since": since, "deposit": deposit_id},
        reason=made.reason,
        client_id=client.id,
    )
    return made


def _check(client_id: UUID, trigger: str, since: date, reason: str, deposit_id: UUID | None) -> None:
    if trigger not in terms().triggers:
        raise Invalid(_l("The plan takes nothing back for this."), field="trigger")
    if since < earliest_day():
        raise Invalid(
            _l("The plan takes back what was settled within %(days)s days.", days=terms().window_days), field="since"
        )
    if since > versions.day_cut().day_of(clock.business_now()):
        raise Invalid(_l("This day is still to come."), field="since")
    if not 5 <= len(reason.strip()) <= REASON_LENGTH_MAX:
        raise Invalid(_l("Give a reason of at least five characters."), field="reason")
    if trigger == "chargeback":
        _check_deposit(client_id, deposit_id)


def _check_deposit(client_id: UUID, deposit_id: UUID | None) -> None:
    if deposit_id is None:
        raise Invalid(_l("Choose the deposit that was charged back."), field="deposit")
    found = payments.get_deposit(deposit_id, client_id=client_id)
    if found.status is not DepositStatus.SUCCEEDED:
        raise Invalid(_l("This deposit was never credited."), field="deposit")
    before = select(Clawback.id).where(
        Clawback.deposit_id == deposit_id, Clawback.status.in_((ClawbackStatus.APPROVED, ClawbackStatus.APPLIED))
    )
    if session().scalar(before) is not None:
        raise Invalid(_l("This deposit counts as charged back already."), field="deposit")


def decide(clawback_id: UUID, *, agrees: bool, by: Actor) -> Clawback:
    """Agree to a request, or decline it. What is agreed to is taken back with the next settlement.

    Raises NotFound, SamePerson, AlreadyDecided.
    """
    found = get(Clawback, clawback_id, lock=True)
    if found is None:
        raise NotFound
    if found.status is not ClawbackStatus.REQUESTED:
        raise AlreadyDecided
    if found.requested_by == by.id:
        raise SamePerson
    found.status = ClawbackStatus.APPROVED if agrees else ClawbackStatus.DECLINED
    found.decided_by, found.decided_by_name, found.decided_at = by.id, by.name, clock.now()
    session().flush()
    audit.record(
        "partners.clawback.agree" if agrees else "partners.clawback.decline", found, by=by, client_id=found.client_id
    )
    return found


def of_client(client_id: UUID) -> Sequence[Clawback]:
    """A client's requests, the latest first."""
    statement = select(Clawback).where(Clawback.client_id == client_id).order_by(Clawback.requested_at.desc())
    return session().scalars(statement).all()


def waiting() -> Sequence[Clawback]:
    """Requests that somebody must decide, the oldest first."""
    statement = (
        select(Clawback).where(Clawback.status == ClawbackStatus.REQUESTED).order_by(Clawback.requested_at).limit(200)
    )
    return session().scalars(statement).all()


def clawback(clawback_id: UUID) -> Clawback:
    """One request, read fresh. Raises NotFound."""
    statement = select(Clawback).where(Clawback.id == clawback_id).execution_options(populate_existing=True)
    found = session().scalar(statement)
    if found is None:
        raise NotFound
    return found


def credited_deposits(client_id: UUID) -> Sequence[Deposit]:
    """A client's credited deposits, the latest first."""
    statement = (
        select(Deposit)
        .where(Deposit.client_id == client_id, Deposit.status == DepositStatus.SUCCEEDED)
        .order_by(Deposit.decided_at.desc())
        .limit(200)
    )
    return session().scalars(statement).all()


def apply(run: SettlementRun) -> None:
    """Take back in a run what was agreed to, in one transaction. Called again, nothing is left to do."""
    alone()
    locked = session().get(SettlementRun, (tenant_id(), run.business_date), populate_existing=True)
    if locked is None or locked.step is not RunStep.FROZEN:
        return
    statement = select(Clawback).where(Clawback.status == ClawbackStatus.APPROVED).order_by(Clawback.decided_at)
    for one in session().scalars(statement.with_for_update()).all():
        _apply(run, one)


def _apply(run: SettlementRun, one: Clawback) -> None:
    given = {
        "client_id": one.client_id,
        "since": one.since,
        "business_date": run.business_date,
        "last_instant": run.day_end - _INSTANT,
        "plan_number": run.plan_number,
        "clawback_id": one.id,
        "trigger": one.trigger,
        "reason_text": one.reason,
        "decided_by": one.decided_by_name,
        "now": clock.now(),
    }
    lost = preview(one.client_id, one.since)
    run_sql("clawback_reverse_lines", **given)
    run_sql("clawback_reverse_awards", **given)
    run_sql("clawback_trades", **given)
    if one.trigger == "chargeback":
        run_sql("clawback_steps", **given)
    one.status, one.applied_on = ClawbackStatus.APPLIED, run.business_date
    one.lines, one.amount = sum(each.lines for each in lost), sum((each.amount for each in lost), Decimal(0))
    for each in lost:
        live.publish(f"partner:{each.partner_id}", "commission-changed")
