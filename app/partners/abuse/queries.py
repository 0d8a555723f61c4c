"""Reading findings: the queue, one with its numbers and lines, and how right each detector has been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.clients import queries as clients
from app.core.db import execute_sql, get, load_sql, session
from app.core.errors import NotFound
from app.partners.abuse.models import NOBODY, Finding, FindingKind, FindingState, Signal
from app.partners.abuse.patterns import PLACES
from app.partners.abuse.terms import AbuseTerms

UNDER_WAY = (FindingState.OPEN, FindingState.KEPT)


@dataclass(frozen=True, slots=True)
class Precision:
    """How people decided about what one detector found."""

    kind: FindingKind
    refused: int = 0
    cleared: int = 0
    waiting: int = 0

    @property
    def decided(self) -> int:
        return self.refused + self.cleared

    @property
    def share(self) -> Decimal | None:
        """The share of decisions that said the detector was right."""
        return (Decimal(self.refused) / self.decided).quantize(PLACES) if self.decided else None

    def is_poor(self, terms: AbuseTerms) -> bool:
        """Whether it was wrong too often, over enough decisions, to hold money by itself."""
        share = self.share
        return share is not None and self.decided >= terms.precision_decisions_min and share < terms.precision_min


@dataclass(frozen=True, slots=True)
class AtStake:
    """What a finding keeps back, in the plan's currency."""

    held: Decimal
    lines: int
    under_audit: Decimal

    @property
    def total(self) -> Decimal:
        return self.held + self.under_audit


def _sql(name: str) -> str:
    return load_sql("app.partners.abuse", f"sql/{name}.sql")


def finding(finding_id: UUID, *, lock: bool = False) -> Finding:
    """One finding. Raises NotFound."""
    found = get(Finding, finding_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def knows_any() -> bool:
    """Whether there is any finding at all."""
    return session().scalar(select(Finding.id).limit(1)) is not None


def holds_any() -> bool:
    """Whether any finding keeps money back now."""
    statement = select(Finding.id).where(Finding.action == "hold", Finding.state.in_(UNDER_WAY)).limit(1)
    return session().scalar(statement) is not None


def under_way() -> Sequence[Finding]:
    """Findings that nobody has ended."""
    return session().scalars(select(Finding).where(Finding.state.in_(UNDER_WAY))).all()


def cleared_since(when: datetime) -> set[tuple[FindingKind, UUID, UUID]]:
    """What people have cleared since an instant: kind, partner and client."""
    statement = select(Finding.kind, Finding.partner_id, Finding.client_id).where(
        Finding.state == FindingState.CLEARED, Finding.decided_at >= when
    )
    return {(row.kind, row.partner_id, row.client_id) for row in session().execute(statement)}


def waiting_count() -> int:
    """How many findings nobody has looked at."""
    return session().scalar(select(func.count()).select_from(Finding).where(Finding.state == FindingState.OPEN)) or 0


def queue(state: str, kind: str, *, limit: int, offset: int = 0) -> tuple[Sequence[Finding], int]:
    """Findings in a state (or all) and of a kind (or any): what is strongest first; and how many there are."""
    statement = select(Finding)
    if state in {one.value for one in FindingState}:
        statement = statement.where(Finding.state == FindingState(state))
    if kind in {one.value for one in FindingKind}:
        statement = statement.where(Finding.kind == FindingKind(kind))
    total = session().scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(Finding.score.desc(), Finding.found_at, Finding.number)
    return session().scalars(ordered.limit(limit).offset(offset)).all(), total


def signals(finding_id: UUID) -> Sequence[Signal]:
    """The numbers of each day, the latest first."""
    statement = select(Signal).where(Signal.finding_id == finding_id).order_by(Signal.business_date.desc()).limit(100)
    return session().scalars(statement).all()


def at_stake(finding_id: UUID) -> AtStake:
    """What a finding keeps back."""
    return AtStake(**execute_sql(_sql("at_stake"), finding_id=finding_id).one()._mapping)


def lines(finding_id: UUID, *, most: int = 200) -> Sequence[Any]:
    """The lines that a finding keeps back, the latest day first."""
    return execute_sql(_sql("finding_lines"), finding_id=finding_id, most=most).all()


def withheld() -> list[tuple[UUID, str, date]]:
    """Batches that are not released now: partner, track and settlement day."""
    if not knows_any():
        return []
    return [(row.partner_id, row.track, row.business_date) for row in execute_sql(_sql("withheld"))]


def precisions() -> dict[FindingKind, Precision]:
    """How right each detector has been."""
    rows = execute_sql(_sql("precision")).all()
    known = {
        FindingKind(row.kind): Precision(FindingKind(row.kind), row.refused, row.cleared, row.waiting) for row in rows
    }
    return {kind: known.get(kind, Precision(kind)) for kind in FindingKind}


def names_of(rows: Sequence[Finding]) -> dict[UUID, tuple[str, int]]:
    """The people that findings are about."""
    people = {one for row in rows for one in (row.partner_id, row.client_id) if one != NOBODY}
    people |= {UUID(str(row.evidence["master_id"])) for row in rows if "master_id" in row.evidence}
    people |= {UUID(str(one)) for row in rows for one in row.evidence.get("client_ids", ())}
    return dict(clients.names_of(people))
