"""Reading disputes: one, a partner's, the desk's queue, the thread, and the evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from app.clients.models import Client
from app.core.db import execute_sql, get, load_sql, session
from app.core.errors import NotFound
from app.partners.disputes.models import Dispute, DisputeMessage, DisputeState
from app.partners.models import SettlementRun
from app.referrals.rules import PATH_LENGTH_MAX

UNDER_WAY = (DisputeState.OPEN, DisputeState.ANSWERED)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is disputed: a line, a reason (then `component` is empty), or an award that no single trade gave."""

    kind: str
    track: str
    trade_id: int | None = None
    revision: int | None = None
    component: str = ""
    award_kind: str = ""
    award_key: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The document with every digit of its numbers, and whether its hash still says the same."""

    document: dict[str, Any]
    text: str
    digest: str
    made_at: datetime
    is_whole: bool


def dispute(dispute_id: UUID, *, lock: bool = False) -> Dispute:
    """One dispute. Raises NotFound."""
    found = get(Dispute, dispute_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def under_way(partner_id: UUID, subject: Subject) -> Dispute | None:
    """The partner's dispute of the same thing that is not decided yet."""
    return session().scalar(_about(partner_id, subject).where(Dispute.state.in_(UNDER_WAY)))


def latest(partner_id: UUID, subject: Subject) -> Dispute | None:
    """The partner's newest dispute of a thing, decided or not."""
    return session().scalar(_about(partner_id, subject).order_by(Dispute.opened_at.desc()).limit(1))


def _about(partner_id: UUID, subject: Subject) -> Select[Dispute]:
    return select(Dispute).where(
        Dispute.partner_id == partner_id,
        Dispute.subject == subject.kind,
        Dispute.trade_id.is_(None) if subject.trade_id is None else Dispute.trade_id == subject.trade_id,
        Dispute.revision.is_(None) if subject.revision is None else Dispute.revision == subject.revision,
        Dispute.track == subject.track,
        Dispute.component == subject.component,
        Dispute.award_kind == subject.award_kind,
        Dispute.award_key == subject.award_key,
    )


def count_under_way(partner_id: UUID) -> int:
    """How many of a partner's disputes are not decided."""
    statement = (
        select(func.count()).select_from(Dispute).where(Dispute.partner_id == partner_id, Dispute.state.in_(UNDER_WAY))
    )
    return session().scalar(statement) or 0


def disputes_of(partner_id: UUID, *, limit: int, offset: int = 0) -> tuple[Sequence[Dispute], int]:
    """A partner's disputes, the newest first, and how many there are."""
    mine = Dispute.partner_id == partner_id
    total = session().scalar(select(func.count()).select_from(Dispute).where(mine)) or 0
    statement = select(Dispute).where(mine).order_by(Dispute.opened_at.desc(), Dispute.id.desc())
    return session().scalars(statement.limit(limit).offset(offset)).all(), total


@dataclass(frozen=True, slots=True)
class Queued:
    """A dispute in the desk's queue with its partner's name and number."""

    dispute: Dispute
    partner_name: str
    partner_number: int


def queue(show: str, *, limit: int, offset: int = 0) -> tuple[list[Queued], int]:
    """The desk's queue: "waiting" for the desk, "second" person wanted, "all", or one state. What is due first."""
    wanted: list[Any] = []
    if show == "waiting":
        wanted = [Dispute.state == DisputeState.OPEN]
    elif show == "second":
        wanted = [Dispute.state.in_(UNDER_WAY), Dispute.proposed_at.is_not(None)]
    elif show != "all":
        wanted = [Dispute.state == DisputeState(show)]
    total = session().scalar(select(func.count()).select_from(Dispute).where(*wanted)) or 0
    rows = session().execute(
        select(Dispute, Client.name, Client.number)
        .join(Client, (Client.tenant_id == Dispute.tenant_id) & (Client.id == Dispute.partner_id))
        .where(*wanted)
        .order_by(Dispute.due_at.asc().nulls_last(), Dispute.opened_at.desc(), Dispute.id)
        .limit(limit)
        .offset(offset)
    )
    return [Queued(row[0], row.name, row.number) for row in rows], total


def waiting_count() -> int:
    """How many disputes wait for the desk, or for a second person."""
    statement = (
        select(func.count())
        .select_from(Dispute)
        .where((Dispute.state == DisputeState.OPEN) | (Dispute.state.in_(UNDER_WAY) & Dispute.proposed_at.is_not(None)))
    )
    return session().scalar(statement) or 0


def messages(dispute_id: UUID, *, with_notes: bool) -> Sequence[DisputeMessage]:
    """The thread, oldest first; the staff's own notes only where they are asked for."""
    statement = select(DisputeMessage).where(DisputeMessage.dispute_id == dispute_id)
    if not with_notes:
        statement = statement.where(DisputeMessage.kind != "note")
    return session().scalars(statement.order_by(DisputeMessage.created_at, DisputeMessage.id)).all()


def overdue(now: datetime) -> Sequence[Dispute]:
    """Disputes whose time limit has passed and of which nobody has been told yet, or which are to be ended; locked."""
    statement = (
        select(Dispute)
        .where(Dispute.state.in_(UNDER_WAY), Dispute.due_at <= now)
        .where((Dispute.state == DisputeState.ANSWERED) | Dispute.reminded_at.is_(None))
        .order_by(Dispute.due_at)
        .limit(200)
        .with_for_update(skip_locked=True)
    )
    return session().scalars(statement.execution_options(populate_existing=True)).all()


def newest_settled() -> date | None:
    """The newest settlement day that has a run."""
    return session().scalar(select(func.max(SettlementRun.business_date)))


def lock_numbers() -> None:
    """Let one dispute after the other take its number, until the transaction ends."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('dispute number'), :tenant_id)")


def next_number() -> int:
    """The number of the next dispute. The caller holds the numbers."""
    return int(execute_sql(_sql("next_number")).scalar_one())


def keep_evidence(dispute: Dispute, *, client_id: UUID | None, path_at: datetime | None, now: datetime) -> None:
    """Store the evidence of a dispute as it stands now. The path is that of the trade's client at `path_at`."""
    values: dict[str, Any] = {"partner_id": dispute.partner_id, "business_date": dispute.business_date}
    if dispute.subject == "award":
        inner = _sql("award_evidence")
        values |= {"award_kind": dispute.award_kind, "award_key": dispute.award_key}
    else:
        inner = _sql("trade_evidence").replace(
            "/* include path */", load_sql("app.referrals", "sql/path.sql").partition("\n")[2]
        )
        values |= {
            "trade_id": dispute.trade_id,
            "revision": dispute.revision,
            "track": dispute.track,
            "component": dispute.component,
            "client_id": client_id,
            "at": path_at,
            "length_max": PATH_LENGTH_MAX,
        }
    inner = inner.replace("/* include journals */", _sql("journals"))
    statement = _sql("keep_evidence").replace("/* include evidence */", inner)
    execute_sql(statement, dispute_id=dispute.id, now=now, **values)


def evidence(dispute_id: UUID) -> Evidence:
    """What was kept. Raises NotFound."""
    row = execute_sql(_sql("read_evidence"), dispute_id=dispute_id).one_or_none()
    if row is None:
        raise NotFound
    return Evidence(json.loads(row.document, parse_float=Decimal), row.document, row.digest, row.made_at, row.is_whole)


def award(partner_id: UUID, kind: str, key: str) -> Any:
    """An award of a partner: its settlement day, track and amount. Raises NotFound."""
    row = execute_sql(_sql("disputed_award"), partner_id=partner_id, award_kind=kind, award_key=key).one_or_none()
    if row is None:
        raise NotFound
    return row


def _sql(name: str) -> str:
    return load_sql("app.partners.disputes", f"sql/{name}.sql")
