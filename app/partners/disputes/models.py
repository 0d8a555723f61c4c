"""Disputes, what was said in them, and the evidence as it stood when they were opened."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _lp


class DisputeState(StrEnum):
    """Where a dispute stands. `open`: the desk's turn; `answered`: the partner's; the other three are final."""

    OPEN = "open"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        return self in (DisputeState.ACCEPTED, DisputeState.REFUSED, DisputeState.WITHDRAWN)

    @property
    def label(self) -> Message:
        return {
            "open": _lp("dispute", "Open"),
            "answered": _lp("dispute", "Answered"),
            "accepted": _lp("dispute", "Accepted"),
            "refused": _lp("dispute", "Refused"),
            "withdrawn": _lp("dispute", "Withdrawn"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "open": "warning", "answered": "info", "accepted": "success", "refused": "danger", "withdrawn": "secondary"
        }[self.value]  # fmt: skip


class Dispute(TenantModel):
    """One disputed line, reason or award of a partner. `amount` is what was paid for it, in `currency`.

    `proposed_*` is a correction that one person wants; it is paid when enough people have said yes. `correction_on`
    names the settlement day that paid it. `version` grows with every act, so that a stale page is refused.
    """

    __tablename__ = "commission_dispute"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number", name="commission_dispute_number"),
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        CheckConstraint("correction > 0", name="commission_dispute_correction_positive"),
    )

    number: Mapped[int]
    partner_id: Mapped[UUID]
    subject: Mapped[str]
    trade_id: Mapped[int | None]
    revision: Mapped[int | None] = mapped_column(Integer)
    track: Mapped[str]
    component: Mapped[str]
    award_kind: Mapped[str]
    award_key: Mapped[str]
    business_date: Mapped[date]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    reason: Mapped[str]  # The code of a disputed reason; empty otherwise.
    symbol: Mapped[str]
    state: Mapped[DisputeState] = status_column(DisputeState)
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID]
    due_at: Mapped[datetime | None]  # Until when whoever's turn it is should act.
    reminded_at: Mapped[datetime | None]
    proposed_amount: Mapped[Decimal | None]
    proposed_by: Mapped[UUID | None]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime | None]
    proposed_text: Mapped[str]
    people_needed: Mapped[int] = mapped_column(Integer)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    correction: Mapped[Decimal | None]
    correction_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(Integer)

    @property
    def reference(self) -> str:
        """How partner and desk name it to each other."""
        return f"D-{self.number}"

    @property
    def waits_for_second(self) -> bool:
        """Whether a correction is proposed and another person has to agree."""
        return not self.state.is_final and self.proposed_at is not None


class DisputeMessage(TenantModel):
    """Something said in a dispute, append-only. A `note` is for staff alone; an `act` says what was done."""

    __tablename__ = "commission_dispute_message"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "dispute_id"], ["commission_dispute.tenant_id", "commission_dispute.id"]),
    )

    dispute_id: Mapped[UUID]
    author_kind: Mapped[str]
    author_id: Mapped[UUID | None]
    author_name: Mapped[str]
    kind: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]


class DisputeEvidence(BulkModel):
    """All that the disputed amount came from, as it stood when the dispute was opened. Never changed.

    `digest` is the SHA-256 of the document in canonical form; people are named by their ids and numbers.
    """

    __tablename__ = "commission_dispute_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "dispute_id"], ["commission_dispute.tenant_id", "commission_dispute.id"]),
    )

    dispute_id: Mapped[UUID] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[str]
    made_at: Mapped[datetime]
