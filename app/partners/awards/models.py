"""Awards and what they were computed from; clawbacks that two people decide."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKeyConstraint, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp


class CommissionAward(BulkModel):
    """One amount that no single closed trade gives, or the exact opposite of one. Never changed, never deleted."""

    __tablename__ = "commission_award"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    source_key: Mapped[str] = mapped_column(primary_key=True)
    component: Mapped[str] = mapped_column(primary_key=True)
    business_date: Mapped[date]
    track: Mapped[str]
    client_id: Mapped[UUID | None]
    level: Mapped[int] = mapped_column(Integer)
    plan_number: Mapped[int] = mapped_column(Integer)
    rate: Mapped[Decimal | None]
    base: Mapped[Decimal]
    amount: Mapped[Decimal]
    reason_text: Mapped[str]
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class CommissionAwardHold(BulkModel):
    """An award that waits: its partner may not earn at present and the plan holds such amounts."""

    __tablename__ = "commission_award_hold"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    source_key: Mapped[str] = mapped_column(primary_key=True)
    gates: Mapped[list[str]] = mapped_column(ARRAY(Text))
    held_on: Mapped[date]
    expires_on: Mapped[date]
    outcome: Mapped[str | None]
    decided_on: Mapped[date | None]


class AwardReason(BulkModel):
    """Why a partner got no award for a client on a day on which the client did something, and what is missing."""

    __tablename__ = "award_reason"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str]
    gates: Mapped[list[str]] = mapped_column(ARRAY(Text))
    level: Mapped[int] = mapped_column(Integer)
    detail: Mapped[dict[str, Any]]


class AwardRun(BulkModel):
    """A settlement run whose awards are computed: whoever takes the run up again computes none anew."""

    __tablename__ = "award_run"

    business_date: Mapped[date] = mapped_column(primary_key=True)
    plan_number: Mapped[int] = mapped_column(Integer)
    awards: Mapped[int]
    finished_at: Mapped[datetime]


class AwardMoney(BulkModel):
    """A deposit, a paid withdrawal or a chargeback as a run saw it first, at the rate of its own day."""

    __tablename__ = "award_money"

    source: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_currency: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    business_date: Mapped[date]
    at: Mapped[datetime]
    minor: Mapped[int]
    currency: Mapped[str]
    multiply: Mapped[Decimal]
    divide: Mapped[Decimal]
    rate_source: Mapped[str]
    rate_at: Mapped[datetime]
    amount: Mapped[Decimal]


class AwardVolume(BulkModel):
    """What a client's counted trades of one day come to; a correction of an earlier day counts on its own day."""

    __tablename__ = "award_volume"

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    trades: Mapped[int]
    lots: Mapped[Decimal]
    lots_total: Mapped[Decimal]
    revenue: Mapped[Decimal]
    last_at: Mapped[datetime]


class AwardCorrection(BulkModel):
    """A settled trade that counts no more: it was corrected, taken away or clawed back."""

    __tablename__ = "award_correction"

    trade_id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    business_date: Mapped[date]


class AwardStep(BulkModel):
    """What a rule owes for one client from one day on, before anybody is looked for who gets it."""

    __tablename__ = "award_step"

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    source_key: Mapped[str] = mapped_column(primary_key=True)
    business_date: Mapped[date]
    path_at: Mapped[datetime]
    window_to: Mapped[datetime | None]
    amount: Mapped[Decimal]
    gates: Mapped[list[str]] = mapped_column(ARRAY(Text))
    detail: Mapped[dict[str, Any]]


class AwardCost(BulkModel):
    """What staff say a partner's clients cost or brought in a period beside spread and commission."""

    __tablename__ = "award_cost"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    period_start: Mapped[date] = mapped_column(primary_key=True)
    swap_markup: Mapped[Decimal]
    bonus_cost: Mapped[Decimal]
    psp_cost: Mapped[Decimal]
    chargebacks: Mapped[Decimal]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime]


class AwardPeriod(BulkModel):
    """One partner's revenue of one period with its costs, and the loss that was carried in and on."""

    __tablename__ = "award_period"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    period_start: Mapped[date] = mapped_column(primary_key=True)
    business_date: Mapped[date]
    revenue: Mapped[Decimal]
    swap_markup: Mapped[Decimal]
    bonus_cost: Mapped[Decimal]
    psp_cost: Mapped[Decimal]
    chargebacks: Mapped[Decimal]
    carry_in: Mapped[Decimal]
    net: Mapped[Decimal]
    carry_out: Mapped[Decimal]


class ClawbackStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    APPLIED = "applied"

    @property
    def label(self) -> Message:
        return {
            "requested": _l("Waits for a second person"),
            "approved": _l("Taken back with the next settlement"),
            "declined": _lp("clawback", "Declined"),
            "applied": _l("Taken back"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"requested": "warning", "approved": "info", "declined": "neutral", "applied": "success"}[self.value]


class Clawback(TenantModel):
    """The decision to take back what a client's trades and deposits brought partners since a day."""

    __tablename__ = "clawback"
    __table_args__ = (
        UniqueConstraint("tenant_id", "once_key", name="clawback_once"),
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "deposit_id"], ["deposit.tenant_id", "deposit.id"]),
    )

    client_id: Mapped[UUID]
    trigger: Mapped[str]
    deposit_id: Mapped[UUID | None]
    since: Mapped[date]
    reason: Mapped[str]
    status: Mapped[ClawbackStatus] = status_column(ClawbackStatus)
    requested_by: Mapped[UUID]
    requested_by_name: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    applied_on: Mapped[date | None]
    lines: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal]
    once_key: Mapped[str]
