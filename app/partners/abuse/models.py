"""What detectors found, what people said about it, and which clients belong together."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp

NOBODY = UUID(int=0)
"""In place of a partner or a client where a finding is about the other alone."""


class FindingKind(StrEnum):
    SHORT_HOLD = "SHORT_HOLD"
    SCALPER = "SCALPER"
    HOLD_TIME_GAMING = "HOLD_TIME_GAMING"
    CHURNING = "CHURNING"
    CHURN_INTENSITY = "CHURN_INTENSITY"
    EMPTY_VOLUME = "EMPTY_VOLUME"
    PHANTOM_SUB_PARTNER = "PHANTOM_SUB_PARTNER"
    SELF_REFERRAL_RING = "SELF_REFERRAL_RING"

    @property
    def label(self) -> Message:
        return {
            "SHORT_HOLD": _l("Positions below the minimum holding time"),
            "SCALPER": _l("Many very short trades"),
            "HOLD_TIME_GAMING": _l("Trades parked at the minimum holding time"),
            "CHURNING": _l("Commission pays the trading costs back"),
            "CHURN_INTENSITY": _l("Commission high against what the client paid in"),
            "EMPTY_VOLUME": _l("Volume without price movement"),
            "PHANTOM_SUB_PARTNER": _l("A sub-partner who looks invented"),
            "SELF_REFERRAL_RING": _l("Partner and client share something"),
        }[self.value]

    @property
    def is_about_partner(self) -> bool:
        """Whether the partner's own lines are held, rather than everybody's lines on a client's trades."""
        return self in (FindingKind.HOLD_TIME_GAMING, FindingKind.PHANTOM_SUB_PARTNER, FindingKind.CHURNING)


class FindingState(StrEnum):
    """`open`: nobody has looked; `kept`: somebody has, and the money stays held. The other two are final."""

    OPEN = "open"
    KEPT = "kept"
    CLEARED = "cleared"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        return self in (FindingState.CLEARED, FindingState.REFUSED)

    @property
    def label(self) -> Message:
        return {
            "open": _lp("finding", "Open"),
            "kept": _lp("finding", "Kept on hold"),
            "cleared": _lp("finding", "Cleared"),
            "refused": _lp("finding", "Refused"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"open": "warning", "kept": "info", "cleared": "success", "refused": "danger"}[self.value]


class Finding(TenantModel):
    """A pattern about a client, a partner, or both, from the day it was first seen until a person decides.

    `evidence` are the numbers as they were last seen; those of each day stand in `Signal`. A proposed refusal waits for
    another person. `version` grows with every act, so that a stale page is refused.
    """

    __tablename__ = "abuse_finding"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number", name="abuse_finding_number"),
        ForeignKeyConstraint(["tenant_id", "clawback_id"], ["clawback.tenant_id", "clawback.id"]),
        CheckConstraint(
            "state <> 'refused' OR proposed_by IS NULL OR proposed_by <> decided_by", name="abuse_finding_two_people"
        ),
    )

    number: Mapped[int]
    kind: Mapped[FindingKind] = status_column(FindingKind)
    partner_id: Mapped[UUID]
    client_id: Mapped[UUID]
    action: Mapped[str]
    state: Mapped[FindingState] = status_column(FindingState)
    score: Mapped[Decimal]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    found_on: Mapped[date]
    seen_on: Mapped[date]
    window_from: Mapped[date]
    found_at: Mapped[datetime]
    proposed_by: Mapped[UUID | None]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str]
    clawback_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(Integer)

    @property
    def reference(self) -> str:
        """How staff name it to each other."""
        return f"F-{self.number}"

    @property
    def holds(self) -> bool:
        """Whether it keeps money back now."""
        return self.action == "hold" and not self.state.is_final

    @property
    def waits_for_second(self) -> bool:
        """Whether a refusal is proposed and another person has to agree."""
        return not self.state.is_final and self.proposed_at is not None


class Signal(BulkModel):
    """The numbers of a finding as one settlement day saw them. Append-only."""

    __tablename__ = "abuse_signal"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "finding_id"], ["abuse_finding.tenant_id", "abuse_finding.id"]),
    )

    finding_id: Mapped[UUID] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    rule: Mapped[int] = mapped_column(Integer)
    score: Mapped[Decimal]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ClusterMark(BulkModel):
    """What a person said about two clients: one, or not. It wins over any score."""

    __tablename__ = "cluster_mark"
    __table_args__ = (CheckConstraint("client_a < client_b", name="cluster_mark_in_order"),)

    client_a: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    client_b: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    is_linked: Mapped[bool]
    reason: Mapped[str]
    actor_name: Mapped[str]
    marked_at: Mapped[datetime]


class ClientInstrument(BulkModel):
    """A bank account that a client was paid to, as a hash under the tenant's key: equal hashes are equal accounts."""

    __tablename__ = "client_instrument"

    source: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    client_id: Mapped[UUID]
    tag: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime]
