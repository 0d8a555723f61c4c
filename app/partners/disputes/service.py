"""A dispute from its opening to its outcome. Whoever acts names the version that they saw; a stale one is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.kit.ids import new_id
from app.kit.money import Money
from app.kit.text import _l
from app.partners import permissions, versions
from app.partners import queries as partners
from app.partners.awards.service import Award, next_day, write_awards
from app.partners.disputes import letters, queries
from app.partners.disputes.models import Dispute, DisputeMessage, DisputeState
from app.partners.disputes.queries import Subject
from app.partners.disputes.terms import DisputeTerms
from app.restrictions import service as restrictions

TEXT_MIN: Final = 10
TEXT_MAX: Final = 4000
CORRECTION_MAX: Final = Decimal(1_000_000)


class TooLateToDispute(DomainError):
    status_code = 422
    message = _l("Commission can be disputed for %(days)s days after its settlement day.")
    field = "text"


class AlreadyDisputed(Conflict):
    message = _l("You dispute this already. Write in that dispute.")


class AlreadyJudged(Conflict):
    message = _l("This was disputed before and decided.")


class TooManyDisputes(DomainError):
    status_code = 422
    message = _l("You have %(count)s disputes under way. Wait until some of them are decided.")
    field = "text"


class DisputeOver(Conflict):
    message = _l("This dispute is decided.")


class SameDecider(DomainError):
    status_code = 403
    message = _l("You proposed this amount, so another person decides.")


class PartnerLocked(DomainError):
    status_code = 409
    message = _l("This partner may not earn commission at present. Lift that lock first, or refuse the dispute.")


class NothingProposed(Conflict):
    message = _l("No amount waits for a decision.")


def terms() -> DisputeTerms:
    """What the brand says about disputes."""
    section = versions.settings()
    return section.disputes if section is not None else DisputeTerms()


def open_dispute(partner_id: UUID, subject: Subject, text: str, *, by: Actor) -> Dispute:
    """Dispute a line, a reason or an award of one's own; the evidence is kept as it stands at this moment.

    Raises Restricted, NotFound for what is not the partner's, TooLateToDispute, AlreadyDisputed, AlreadyJudged,
    TooManyDisputes, Invalid naming the field.
    """
    assert by.id is not None, "Only a person disputes."
    restrictions.require(permissions.COMMISSION_DISPUTE, partner_id)
    said = _checked(text)
    queries.lock_numbers()
    _refuse_again(partner_id, subject)
    row, client_id, path_at = _row_of(partner_id, subject)
    rules, now = terms(), clock.now()
    today = versions.day_cut().day_of(clock.business_now())
    if today - row.business_date > timedelta(days=rules.file_within_days):
        raise TooLateToDispute(days=rules.file_within_days)
    under_way = queries.count_under_way(partner_id)
    if under_way >= rules.open_max:
        raise TooManyDisputes(count=under_way)
    row.number, row.opened_at, row.opened_by = queries.next_number(), now, by.id
    row.due_at = now + timedelta(days=rules.answer_within_days)
    session().add(row)
    session().flush()
    queries.keep_evidence(row, client_id=client_id, path_at=path_at, now=now)
    _say(row, "message", said, by)
    audit.record(
        "partners.dispute.open",
        row,
        by=by,
        after={"number": row.number, "subject": row.subject, "trade": row.trade_id, "amount": row.amount},
        reason=said,
        client_id=partner_id,
    )
    letters.to_desk("dispute_opened", row)
    letters.to_partner("dispute_received", row, answer_by=row.due_at)
    _tell(row)
    return row


def _refuse_again(partner_id: UUID, subject: Subject) -> None:
    known = queries.latest(partner_id, subject)
    if known is not None and not known.state.is_final:
        raise AlreadyDisputed
    if known is not None and known.state is not DisputeState.WITHDRAWN:
        raise AlreadyJudged


def _row_of(partner_id: UUID, subject: Subject) -> tuple[Dispute, UUID | None, datetime | None]:
    """The dispute's row as its subject fills it, with the trade's client and the instant of its path."""
    reason, symbol = "", ""
    client_id: UUID | None = None
    path_at: datetime | None = None
    if subject.kind == "award":
        award = queries.award(partner_id, subject.award_kind, subject.award_key)
        business_date, amount, track = award.business_date, award.amount, award.track
    else:
        if subject.trade_id is None or subject.revision is None:
            raise NotFound
        found = partners.explain(partner_id, subject.trade_id, subject.revision, subject.track, subject.component)
        business_date, amount, track = found.earning.business_date, found.earning.amount, subject.track
        reason, symbol = found.earning.reason, found.earning.symbol
        client_id, path_at = found.facts.client_id, found.facts.path_at
    row = Dispute(
        id=new_id(),
        partner_id=partner_id,
        subject=subject.kind,
        trade_id=subject.trade_id,
        revision=subject.revision,
        track=track,
        component=subject.component,
        award_kind=subject.award_kind,
        award_key=subject.award_key,
        business_date=business_date,
        amount=amount,
        currency=partners.currency(),
        reason=reason,
        symbol=symbol,
        state=DisputeState.OPEN,
        reminded_at=None,
        proposed_amount=None,
        proposed_by=None,
        proposed_by_name="",
        proposed_at=None,
        proposed_text="",
        people_needed=1,
        decided_at=None,
        decided_by=None,
        decided_by_name="",
        correction=None,
        correction_on=None,
        version=1,
    )
    return row, client_id, path_at


def of_partner(partner_id: UUID, dispute_id: UUID, *, lock: bool = False) -> Dispute:
    """A partner's own dispute. Raises NotFound for anybody else's."""
    found = queries.dispute(dispute_id, lock=lock)
    if found.partner_id != partner_id:
        raise NotFound
    return found


def reply(partner_id: UUID, dispute_id: UUID, text: str, *, by: Actor) -> Dispute:
    """The partner says something more: then it is the desk's turn again. Raises Restricted, DisputeOver, Invalid."""
    restrictions.require(permissions.COMMISSION_DISPUTE, partner_id)
    row = _under_way(of_partner(partner_id, dispute_id, lock=True))
    said = _checked(text)
    was_answered, row.state = row.state is DisputeState.ANSWERED, DisputeState.OPEN
    if was_answered:
        row.due_at, row.reminded_at = clock.now() + timedelta(days=terms().answer_within_days), None
    _say(row, "message", said, by)
    _note(row, "partners.dispute.reply", by)
    letters.to_desk("dispute_reply", row)
    return row


def withdraw(partner_id: UUID, dispute_id: UUID, *, by: Actor) -> Dispute:
    """The partner gives the dispute up. A correction that was only proposed is gone with it."""
    row = _under_way(of_partner(partner_id, dispute_id, lock=True))
    _forget_proposal(row)
    _end(row, DisputeState.WITHDRAWN, by)
    _note(row, "partners.dispute.withdraw", by)
    return row


def answer(dispute_id: UUID, text: str, *, version: int, by: Actor) -> Dispute:
    """The desk answers: then it is the partner's turn. Raises DisputeOver, Conflict for a stale page, Invalid."""
    row = _seen(dispute_id, version)
    said = _checked(text)
    row.state, row.due_at = DisputeState.ANSWERED, clock.now() + timedelta(days=terms().reply_within_days)
    _say(row, "message", said, by)
    _note(row, "partners.dispute.answer", by)
    letters.to_partner("dispute_answered", row, answer_by=row.due_at)
    return row


def write_note(dispute_id: UUID, text: str, *, by: Actor) -> Dispute:
    """Write something down for the desk alone."""
    row = queries.dispute(dispute_id, lock=True)
    _say(row, "note", _checked(text), by)
    _note(row, "partners.dispute.note", by)
    return row


def accept(dispute_id: UUID, money: Money, text: str, *, version: int, by: Actor) -> Dispute:
    """Give the partner a correction; the next settlement pays it. Above the brand's limit it waits for another person.

    Raises PartnerLocked, DisputeOver, Conflict for a stale page, Invalid naming the field.
    """
    assert by.id is not None, "Only a person decides."
    row = _seen(dispute_id, version)
    said = _checked(text)
    if money.currency != row.currency or not 0 < money.amount <= CORRECTION_MAX:
        raise Invalid(_l("Give an amount above zero and at most %(most)s.", most=f"{CORRECTION_MAX:f}"), field="amount")
    _may_earn(row)
    row.proposed_amount, row.proposed_by, row.proposed_by_name = money.amount, by.id, by.name
    row.proposed_text, row.people_needed = said, 2 if money.amount > terms().second_person_above else 1
    if row.people_needed > 1:
        row.proposed_at = clock.now()
        _say(row, "note", said, by)
        _note(row, "partners.dispute.propose", by, amount=money.amount)
        return row
    return _pay(row, by)


def approve(dispute_id: UUID, *, version: int, by: Actor) -> Dispute:
    """Another person agrees to the proposed correction. Raises SameDecider for its proposer, NothingProposed."""
    row = _seen(dispute_id, version)
    if row.proposed_at is None or row.proposed_amount is None:
        raise NothingProposed
    if row.proposed_by == by.id:
        raise SameDecider
    _may_earn(row)
    return _pay(row, by)


def turn_down(dispute_id: UUID, text: str, *, version: int, by: Actor) -> Dispute:
    """Say no to a proposed correction; the dispute goes on. The proposer may take it back in the same way."""
    row = _seen(dispute_id, version)
    if row.proposed_at is None:
        raise NothingProposed
    said = _checked(text)
    amount = row.proposed_amount
    _forget_proposal(row)
    _say(row, "note", said, by)
    _note(row, "partners.dispute.turn_down", by, amount=amount)
    return row


def refuse(dispute_id: UUID, text: str, *, version: int, by: Actor) -> Dispute:
    """The commission stays as it is; the partner reads why. Raises DisputeOver, Conflict for a stale page, Invalid."""
    row = _seen(dispute_id, version)
    said = _checked(text)
    _forget_proposal(row)
    _say(row, "message", said, by)
    _end(row, DisputeState.REFUSED, by)
    _note(row, "partners.dispute.refuse", by)
    letters.to_partner("dispute_decided", row, amount=None)
    return row


def pass_time_limits(by: Actor) -> int:
    """Remind the desk of what it has not answered in time, and end what a partner left unanswered. Answers how many."""
    found = queries.overdue(clock.now())
    for row in found:
        if row.state is DisputeState.ANSWERED and row.proposed_at is None:
            _end(row, DisputeState.WITHDRAWN, by)
            _note(row, "partners.dispute.lapse", by)
            letters.to_partner("dispute_lapsed", row)
        elif row.reminded_at is None:
            row.reminded_at = clock.now()
            _note(row, "partners.dispute.remind", by)
            letters.to_desk("dispute_overdue", row)
    return len(found)


def _pay(row: Dispute, by: Actor) -> Dispute:
    assert row.proposed_amount is not None
    row.correction = row.proposed_amount
    _say(row, "message", row.proposed_text, by)
    _end(row, DisputeState.ACCEPTED, by)
    _note(row, "partners.dispute.accept", by, amount=row.correction, proposed_by=row.proposed_by_name)
    letters.to_partner("dispute_decided", row, amount=row.correction)
    enqueue_after_commit("partners.pay_correction", dispute_id=str(row.id))  # A run may hold the day for a while.
    return row


def pay_correction(dispute_id: UUID) -> date | None:
    """Have the day that is settled next pay an accepted dispute, once; answers that day. Runs in one transaction."""
    row = queries.dispute(dispute_id, lock=True)
    if row.correction is None or row.correction_on is not None:
        return row.correction_on
    award = Award(
        partner_id=row.partner_id,
        kind="correction",
        source_key=str(row.id),
        amount=row.correction,
        reason_text=row.reference,
        detail={
            "dispute": row.number,
            "trade": row.trade_id,
            "revision": row.revision,
            "track": row.track,
            "component": row.component,
            "award_kind": row.award_kind,
            "award_key": row.award_key,
            "settled_for": row.business_date.isoformat(),
            "paid_before": str(row.amount),
            "correction": str(row.correction),
            "proposed_by": row.proposed_by_name,
            "decided_by": row.decided_by_name,
        },
    )
    row.correction_on = next_day()
    write_awards(None, [award])
    row.version += 1
    session().flush()
    _tell(row)
    return row.correction_on


def _seen(dispute_id: UUID, version: int) -> Dispute:
    """The dispute, locked, in the version that whoever acts has seen."""
    row = _under_way(queries.dispute(dispute_id, lock=True))
    if row.version != version:
        raise Conflict
    return row


def _under_way(row: Dispute) -> Dispute:
    if row.state.is_final:
        raise DisputeOver
    return row


def _may_earn(row: Dispute) -> None:
    """The lock is the partner's, the reader a member of the staff, who gets a sentence of their own."""
    try:
        restrictions.require(permissions.COMMISSION_ACCRUAL, row.partner_id)
    except restrictions.Restricted:
        raise PartnerLocked from None


def _forget_proposal(row: Dispute) -> None:
    row.proposed_amount, row.proposed_by, row.proposed_by_name = None, None, ""
    row.proposed_at, row.proposed_text, row.people_needed = None, "", 1


def _end(row: Dispute, state: DisputeState, by: Actor) -> None:
    row.state, row.due_at = state, None
    row.decided_at, row.decided_by, row.decided_by_name = clock.now(), by.id, by.name


def _checked(text: str) -> str:
    said = text.strip()
    if not TEXT_MIN <= len(said) <= TEXT_MAX:
        raise Invalid(
            _l("Write from %(least)s to %(most)s characters.", least=TEXT_MIN, most=TEXT_MAX),
            field="text",
        )
    return said


def _say(row: Dispute, kind: str, text: str, by: Actor) -> None:
    """Add to the thread. Staff speak under their names, a partner as the partner."""
    session().add(
        DisputeMessage(
            dispute_id=row.id,
            author_kind={"client": "partner", "staff": "staff"}.get(by.kind, "system"),
            author_id=by.id,
            author_name=by.name,
            kind=kind,
            text=text,
            created_at=clock.now(),
        )
    )


def _note(row: Dispute, action: str, by: Actor, **after: object) -> None:
    """The act is written down, stale pages are refused from now on, and open ones are told."""
    row.version += 1
    session().flush()
    audit.record(action, row, by=by, after={"state": row.state, **after}, client_id=row.partner_id)
    _tell(row)


def _tell(row: Dispute) -> None:
    live.publish(f"partner:{row.partner_id}", "dispute-changed")
    live.publish("office", "disputes-changed")


def partner_name(row: Dispute) -> tuple[str, int]:
    """The name and number of a dispute's partner."""
    return clients.names_of([row.partner_id])[row.partner_id]
