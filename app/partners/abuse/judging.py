"""What a settlement run does about abuse, between computing and summing up: find, hold back, and end what was decided.

All of it happens in the run's own step and in one transaction, on facts that the run has frozen: taken up again after a
crash it comes to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from app.core import live
from app.core.db import execute_sql, session
from app.kit import clock
from app.kit.ids import new_id
from app.partners.abuse import detecting, queries
from app.partners.abuse.detecting import joined_by_hash, minimum_of, sql
from app.partners.abuse.models import Finding, FindingKind, FindingState, Signal
from app.partners.abuse.patterns import RULE_VERSION, Found
from app.partners.abuse.terms import AbuseTerms
from app.partners.awards.queries import sql as award_sql
from app.partners.models import PlanVersion, SettlementRun

_OF_CLIENT = (FindingKind.SCALPER, FindingKind.CHURN_INTENSITY, FindingKind.EMPTY_VOLUME)


def freeze(run: SettlementRun, version: PlanVersion) -> None:
    """Store who belongs together, when the run stores its other facts."""
    if version.plan.abuse.looks_at_clusters:
        detecting.freeze(run, version)


def judge(run: SettlementRun, version: PlanVersion) -> None:
    """Find patterns, hold back the lines they are about, and give up what people have refused.

    Without a detector and without findings of earlier days nothing is asked of the database but that.
    """
    plan = version.plan
    if plan.abuse.is_on or plan.gates.hold_policy == "hold":
        write(run, plan.abuse, detecting.detect(run, version))
    if not queries.knows_any():
        return
    if queries.holds_any():
        with joined_by_hash():
            execute_sql(sql("attach_lines"), business_date=run.business_date, **minimum_of(run, version))
        run.held += execute_sql(
            sql("hold_lines"),
            business_date=run.business_date,
            expires_on=run.business_date + timedelta(days=plan.hold_days),
        ).rowcount
    execute_sql(sql("judge_refused"), business_date=run.business_date)


def cleared_statement(text: str) -> str:
    """`judge_cleared` with what findings keep back, where there are any."""
    return text.rstrip() + sql("not_kept").rstrip() if queries.knows_any() else text


def write(run: SettlementRun, terms: AbuseTerms, found: Sequence[Found]) -> None:
    """Keep what was found: a finding once while it is open, its numbers every day."""
    demoted = {kind for kind, known in queries.precisions().items() if known.is_poor(terms)}
    standing = {(row.kind, row.partner_id, row.client_id): row for row in queries.under_way()}
    quiet = queries.cleared_since(clock.now() - timedelta(days=terms.quiet_days)) if terms.quiet_days else set()
    number = session().scalar(select(func.coalesce(func.max(Finding.number), 0))) or 0
    for one in found:
        key = (one.kind, one.partner_id, one.client_id)
        if key in quiet and one.kind is not FindingKind.SHORT_HOLD:  # Each day of those waits for its own decision.
            continue
        action = "shadow" if one.kind in demoted else one.action
        row = standing.get(key)
        if row is None:
            number += 1
            row = _new(run, terms, one, action, number)
            standing[key] = row
            session().add(row)
            session().flush()
            if action == "hold" and one.kind in _OF_CLIENT:
                _keep_batches(row)
        elif row.action == "shadow" and action == "hold" and row.state is FindingState.OPEN:
            row.action = action
            session().flush()
            if one.kind in _OF_CLIENT:
                _keep_batches(row)
        row.score, row.evidence, row.seen_on = one.score, dict(one.evidence), run.business_date
        session().add(
            Signal(
                finding_id=row.id,
                business_date=run.business_date,
                rule=RULE_VERSION,
                score=one.score,
                evidence=dict(one.evidence),
            )
        )
    session().flush()
    if found:
        live.publish("office", "findings-changed")


def _new(run: SettlementRun, terms: AbuseTerms, one: Found, action: str, number: int) -> Finding:
    days = int(one.evidence.get("window_days", 1))
    return Finding(
        id=new_id(),
        number=number,
        kind=one.kind,
        partner_id=one.partner_id,
        client_id=one.client_id,
        action=action,
        state=FindingState.OPEN,
        score=one.score,
        evidence=dict(one.evidence),
        found_on=run.business_date,
        seen_on=run.business_date,
        window_from=run.business_date - timedelta(days=days - 1),
        found_at=clock.now(),
        proposed_by=None,
        proposed_by_name="",
        proposed_at=None,
        decided_by=None,
        decided_by_name="",
        decided_at=None,
        reason="",
        clawback_id=None,
        version=1,
    )


def _keep_batches(row: Finding) -> None:
    """Keep back what is under audit and holds lines of the client's trades in the window."""
    lines = award_sql("clawback_lines")
    execute_sql(
        sql("attach_batches").replace("/* lines */", lines),
        client_id=row.client_id,
        since=row.window_from,
        finding_id=row.id,
    )
