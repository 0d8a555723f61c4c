"""Ranks over time, and rates of partners' own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp


class RankOrigin(StrEnum):
    MEASURED = "measured"
    HAND = "hand"

    @property
    def label(self) -> Message:
        return {"measured": _l("Measured"), "hand": _l("Set by hand")}[self.value]


class PartnerRank(TenantModel):
    """The rank that a partner holds from an instant to another. Only its end is ever written anew."""

    __tablename__ = "partner_rank"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID]
    rank: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    origin: Mapped[RankOrigin] = status_column(RankOrigin)
    is_pinned: Mapped[bool]  # No measurement changes it.
    measured: Mapped[dict[str, Any]]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    request_id: Mapped[str]
    created_at: Mapped[datetime]

    @property
    def found(self) -> dict[str, Decimal]:
        """What was measured when it was given, as far as there was anything."""
        measured = {name: Decimal(value) for name, value in self.measured.items()}
        return {name: value for name, value in measured.items() if value > 0}


class RankAssessment(BulkModel):
    """That the ranks which hold from an instant on have been measured."""

    __tablename__ = "rank_assessment"

    effective_from: Mapped[datetime] = mapped_column(primary_key=True)
    measured_from: Mapped[datetime]
    plan_number: Mapped[int] = mapped_column(Integer)
    partners: Mapped[int]
    raised: Mapped[int]
    lowered: Mapped[int]
    made_at: Mapped[datetime]


class RateStatus(StrEnum):
    WAITING = "waiting"
    GIVEN = "given"
    REFUSED = "refused"

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waits for a second person"),
            "given": _lp("own rate", "Given"),
            "refused": _lp("own rate", "Refused"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "given": "success", "refused": "danger"}[self.value]


class PartnerRate(TenantModel):
    """A partner's own share of one level, or their own amount per lot, for one rule of a track or (empty) for all."""

    __tablename__ = "partner_rate"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID]
    track: Mapped[str]
    rule: Mapped[str]
    level: Mapped[int] = mapped_column(Integer)  # 0 for an amount per lot, which every level of the partner shares.
    unit: Mapped[str]
    amount: Mapped[Decimal]
    status: Mapped[RateStatus] = status_column(RateStatus)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str]
    asked_by: Mapped[UUID | None]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime | None]
    end_reason: Mapped[str]
    request_id: Mapped[str]
