"""The proofs of a sandbox's books after a day, each computed from the rows and not from what a page says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.audit import service as audit
from app.core import db
from app.kit.money import exponent
from app.ledger import service as ledger
from app.partners.models import SettlementRun
from app.partners.settlement.facts import sql
from app.trading.service import proof as trading
from app.web.sandbox import sandbox_id

SEAL_WAIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that must hold, and whether it does."""

    name: str
    holds: bool
    detail: str


def proofs(slug: str) -> list[Proof]:
    """Everything that the sandbox's own rows can prove. Comparing with the platform itself is the caller's part."""
    tenant = sandbox_id(slug)
    found = []
    for prove in (_books, _platform_money, _settlement, _explained):
        with db.tenant_scope(tenant):
            found.append(prove())
    found.append(_audit_chain(tenant))
    return found


def _books() -> Proof:
    differences = ledger.verify()
    found = db.execute_sql(
        "SELECT (SELECT count(*) FROM journal_entry WHERE tenant_id = :tenant_id) AS entries,"
        " (SELECT count(*) FROM posting WHERE tenant_id = :tenant_id) AS postings"
    ).one()
    return _proof("The books balance", differences, f"{found.entries} journal entries, {found.postings} postings")


def _platform_money() -> Proof:
    differences = trading.verify_platform_money()
    return _proof("Money on the platforms equals their own balance deals", differences, "by platform and currency")


def _settlement() -> Proof:
    """Each day's lines with their carry, its journals and its statements, compared per partner once more."""
    wrong: list[object] = []
    runs = list(db.session().scalars(select(SettlementRun).order_by(SettlementRun.business_date)))
    for run in runs:
        if not run.is_proved:
            wrong.append(f"{run.business_date} stands at {run.step}: {run.failure or 'not finished'}")
        else:
            given = {"business_date": run.business_date, "places": exponent(run.currency)}
            wrong += [f"{run.business_date}: {row}" for row in db.execute_sql(sql("proof"), **given)]
    lines = sum(run.lines for run in runs)
    return _proof("Lines, journals and statements agree", wrong, f"{len(runs)} days, {lines} lines")


# A closed trade of a settled day that no run has looked at, although its row was there when the run froze its facts.
_UNSETTLED = """
SELECT count(*) FROM closed_trade AS t
WHERE t.tenant_id = :tenant_id AND t.deleted_at IS NULL AND t.closed_at >= :day_start AND t.closed_at < :day_end
  AND t.batch_no <= :batch_to
  AND NOT EXISTS (
    SELECT FROM settled_trade AS s
    WHERE s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.revision = t.revision
  )
"""
# Somebody who stands on the path of a settled trade and got neither a line nor a hold nor a reason.
_UNEXPLAINED = """
SELECT count(*) AS steps, count(*) FILTER (WHERE NOT p.has_line AND NOT p.has_reason AND NOT p.has_hold) AS missing
FROM (
  SELECT
    EXISTS (
      SELECT FROM commission_line AS l WHERE l.tenant_id = s.tenant_id AND l.trade_id = s.trade_id
        AND l.revision = s.revision AND l.partner_id = r.beneficiary_id AND l.track = r.track
    ) AS has_line,
    EXISTS (
      SELECT FROM commission_reason AS c WHERE c.tenant_id = s.tenant_id AND c.trade_id = s.trade_id
        AND c.revision = s.revision AND c.partner_id = r.beneficiary_id AND c.track = r.track
    ) AS has_reason,
    EXISTS (
      SELECT FROM commission_hold AS h WHERE h.tenant_id = s.tenant_id AND h.trade_id = s.trade_id
        AND h.revision = s.revision AND h.partner_id = r.beneficiary_id AND h.track = r.track
    ) AS has_hold
  FROM settled_trade AS s
  JOIN (
    SELECT tenant_id, NULL::date AS business_date, 0 AS plan_number, client_id, valid_from, valid_to, track, level,
      beneficiary_id, false AS is_own
    FROM receiver
    UNION ALL
    SELECT tenant_id, business_date, plan_number, client_id, valid_from, valid_to, track, level, beneficiary_id, true
    FROM run_receiver
  ) AS r ON r.tenant_id = s.tenant_id AND r.client_id = s.client_id AND r.is_own = s.has_own_receivers
    AND s.path_at >= r.valid_from AND s.path_at < r.valid_to
    AND (NOT r.is_own OR (r.business_date = s.business_date AND r.plan_number = s.plan_number))
  WHERE s.tenant_id = :tenant_id
    AND EXISTS (
      SELECT FROM run_term AS m WHERE m.tenant_id = s.tenant_id AND m.business_date = s.business_date
        AND m.plan_number = s.plan_number AND m.track = r.track
        AND m.level = CASE r.track WHEN 'referral' THEN r.level ELSE 0 END
    )
) AS p
"""


def _explained() -> Proof:
    wrong: list[object] = []
    runs = db.session().scalars(select(SettlementRun).where(SettlementRun.batch_to.is_not(None)))
    for run in runs:
        given = {"day_start": run.day_start, "day_end": run.day_end, "batch_to": run.batch_to}
        unsettled = db.execute_sql(_UNSETTLED, **given).scalar_one()
        if unsettled > run.waiting_trades:
            wrong.append(f"{run.business_date}: {unsettled} closed trades are not settled")
    found = db.execute_sql(_UNEXPLAINED).one()
    if found.missing:
        wrong.append(f"{found.missing} of {found.steps} have neither line nor reason")
    return _proof(
        "Every commission and every zero has its reason", wrong, f"{found.steps} steps on the paths of trades"
    )


def _audit_chain(tenant: int) -> Proof:
    """The chain, once the sealer has had its time with the newest records."""
    until = time.monotonic() + SEAL_WAIT_SECONDS
    findings = _in_tenant(tenant, lambda: [finding.sentence for finding in audit.verify()])
    while findings and time.monotonic() < until:
        time.sleep(1)
        findings = _in_tenant(tenant, lambda: [finding.sentence for finding in audit.verify()])
    count = "SELECT count(*) FROM audit_link WHERE tenant_id = :tenant_id"
    links = _in_tenant(tenant, lambda: [db.execute_sql(count).scalar_one()])[0]
    return _proof("The audit chain is whole", findings, f"{links} sealed records")


def _in_tenant(tenant: int, work: Callable[[], list[Any]]) -> list[Any]:
    with db.tenant_scope(tenant):
        return work()


def _proof(name: str, wrong: Sequence[object], compared: str) -> Proof:
    if wrong:
        return Proof(name, False, f"{len(wrong)} differ, the first: {wrong[0]}")
    return Proof(name, True, compared)
