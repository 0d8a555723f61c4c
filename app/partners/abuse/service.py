"""What people decide about findings. Whoever acts names the version that they saw; a stale one is refused."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, session, tenant_id
from app.core.errors import Conflict, DomainError, Invalid
from app.kit import clock
from app.kit.text import _l
from app.partners import versions
from app.partners.abuse import queries
from app.partners.abuse.detecting import sql
from app.partners.abuse.models import NOBODY, ClusterMark, Finding, FindingKind, FindingState
from app.partners.abuse.terms import AbuseTerms
from app.partners.awards import clawbacks

REASON_MAX = 500
_OF_TRADES = (FindingKind.SHORT_HOLD, FindingKind.SCALPER, FindingKind.CHURN_INTENSITY, FindingKind.EMPTY_VOLUME)


class FindingDecided(Conflict):
    message = _l("Somebody has decided about this finding already.")


class SameDecider(DomainError):
    status_code = 403
    message = _l("You proposed the refusal, so another person decides.")


class NothingProposed(Conflict):
    message = _l("No refusal waits for a second person.")


def terms() -> AbuseTerms:
    """What the plan in force says about abuse."""
    version = versions.version_at(clock.business_now())
    return version.plan.abuse if version is not None else AbuseTerms()


def clear(finding_id: UUID, reason: str, *, version: int, by: Actor) -> Finding:
    """Say that nothing is wrong: the next settlement pays what waited, and the next sweep releases what is due.

    Partner and client of a link count as different people from then on. Raises NotFound, FindingDecided, Conflict for a
    stale page, Invalid.
    """
    row, told = _seen(finding_id, version), _checked(reason)
    if row.kind is FindingKind.SELF_REFERRAL_RING:
        _mark(row, told, is_linked=False, by=by)
    _decide(row, FindingState.CLEARED, told, by)
    _note(row, "partners.finding.clear", by)
    return row


def keep(finding_id: UUID, reason: str, *, version: int, by: Actor) -> Finding:
    """Leave the money on hold while somebody looks further. What was only reported holds money from the next run on.

    Raises NotFound, FindingDecided, Conflict for a stale page, Invalid.
    """
    row, told = _seen(finding_id, version), _checked(reason)
    row.state, row.action, row.reason = FindingState.KEPT, "hold", told
    _forget_proposal(row)
    row.version += 1
    session().flush()
    _note(row, "partners.finding.keep", by)
    return row


def refuse(finding_id: UUID, reason: str, *, version: int, by: Actor) -> Finding:
    """Say that the commission is not paid. Above the plan's limit it waits for another person's yes.

    What waits is given up by the next settlement. For what was settled before, a clawback is asked for, which somebody
    else decides. Raises NotFound, FindingDecided, Conflict for a stale page or a clawback that waits already, Invalid.
    """
    assert by.id is not None, "Only a person decides."
    row, told = _seen(finding_id, version), _checked(reason)
    _forget_proposal(row)
    if queries.at_stake(row.id).total > terms().second_person_above:
        row.proposed_by, row.proposed_by_name, row.proposed_at = by.id, by.name, clock.now()
        row.reason = told
        row.version += 1
        session().flush()
        _note(row, "partners.finding.propose", by)
        return row
    return _refuse(row, told, by)


def agree(finding_id: UUID, *, version: int, by: Actor) -> Finding:
    """Another person agrees to a proposed refusal. Raises SameDecider for who proposed it, NothingProposed."""
    row = _seen(finding_id, version)
    if row.proposed_at is None:
        raise NothingProposed
    if row.proposed_by == by.id:
        raise SameDecider
    return _refuse(row, row.reason, by)


def _refuse(row: Finding, reason: str, by: Actor) -> Finding:
    if row.kind is FindingKind.SELF_REFERRAL_RING:
        _mark(row, reason, is_linked=True, by=by)
    if row.kind in _OF_TRADES:
        execute_sql(
            sql("reject_trades"), finding_id=row.id, reason_text=row.kind.value, decided_by=by.name, now=clock.now()
        )
    if queries.at_stake(row.id).under_audit > 0:
        since = max(_first_day(row), clawbacks.earliest_day())
        asked = clawbacks.ask(row.client_id, "fraud", since, reason, deposit_id=None, once=f"finding:{row.id}", by=by)
        row.clawback_id = asked.id
    _decide(row, FindingState.REFUSED, reason, by)
    _note(row, "partners.finding.refuse", by, proposed_by=row.proposed_by_name)
    return row


def _first_day(row: Finding) -> date:
    return row.window_from


def _mark(row: Finding, reason: str, *, is_linked: bool, by: Actor) -> None:
    """Write down what a person says about the two. The latest word counts."""
    first, second = sorted((row.partner_id, row.client_id))
    session().merge(
        ClusterMark(
            tenant_id=tenant_id(),
            client_a=first,
            client_b=second,
            is_linked=is_linked,
            reason=reason,
            actor_name=by.name,
            marked_at=clock.now(),
        )
    )
    session().flush()


def _seen(finding_id: UUID, version: int) -> Finding:
    row = queries.finding(finding_id, lock=True)
    if row.state.is_final:
        raise FindingDecided
    if row.version != version:
        raise Conflict
    return row


def _checked(reason: str) -> str:
    told = (reason or "").strip()
    if len(told) < 5:
        raise Invalid(_l("Give a reason of at least five characters."), field="reason")
    if len(told) > REASON_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_MAX), field="reason")
    return told


def _forget_proposal(row: Finding) -> None:
    row.proposed_by, row.proposed_by_name, row.proposed_at = None, "", None


def _decide(row: Finding, state: FindingState, reason: str, by: Actor) -> None:
    row.state, row.reason = state, reason
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    if state is FindingState.CLEARED:
        _forget_proposal(row)
    row.version += 1
    session().flush()


def _note(row: Finding, action: str, by: Actor, **more: object) -> None:
    audit.record(
        action,
        row,
        by=by,
        after={"number": row.number, "kind": row.kind.value, "state": row.state.value, **more},
        reason=row.reason,
        client_id=row.client_id if row.client_id != NOBODY else row.partner_id,
    )
    live.publish("office", "findings-changed")
