"""Plan versions, god-mode grants, settlement runs, batches and statements. Lines and reasons are read by SQL alone."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKeyConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.money import Money
from app.kit.text import Message, _l
from app.partners.plan import Plan


class PlanVersion(BulkModel):
    """A plan as it was published, in force from an instant on. Never changed, never deleted."""

    __tablename__ = "plan_version"

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str]
    currency: Mapped[str]
    effective_from: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    digest: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]

    @cached_property
    def plan(self) -> Plan:
        """The plan itself."""
        return msgspec.convert(self.body, Plan, strict=False)


class GodGrant(TenantModel):
    """A partner's own amount per lot over everybody below, from when to when."""

    __tablename__ = "god_grant"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID]
    rate_per_lot: Mapped[Decimal]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    request_id: Mapped[str]
    created_at: Mapped[datetime]


class RunStep(StrEnum):
    """How far a settlement run has come. Each step names what is finished, so that a run goes on where it stopped."""

    OPENED = "opened"
    COMPLETE = "complete"
    FROZEN = "frozen"
    COMPUTED = "computed"
    JUDGED = "judged"
    BATCHED = "batched"
    POSTED = "posted"
    STATED = "stated"
    PROVED = "proved"

    @property
    def label(self) -> Message:
        return {
            "opened": _l("Waiting for all deals"),
            "complete": _l("All deals are here"),
            "frozen": _l("Facts frozen"),
            "computed": _l("Lines computed"),
            "judged": _l("Holds decided"),
            "batched": _l("Day summed up"),
            "posted": _l("Money posted"),
            "stated": _l("Statements written"),
            "proved": _l("Proved"),
        }[self.value]


class SettlementRun(BulkModel):
    """One tenant's end-of-day batch for one business date. `failure` is a sentence; empty means nothing is wrong."""

    __tablename__ = "settlement_run"

    business_date: Mapped[date] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    step: Mapped[RunStep] = status_column(RunStep)
    day_start: Mapped[datetime]
    day_end: Mapped[datetime]
    plan_number: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str]
    batch_from: Mapped[int]
    batch_to: Mapped[int | None]
    opened_at: Mapped[datetime]
    computed_at: Mapped[datetime | None]
    posted_at: Mapped[datetime | None]
    proved_at: Mapped[datetime | None]
    trades: Mapped[int]
    late_trades: Mapped[int]
    waiting_trades: Mapped[int]
    lines: Mapped[int]
    reasons: Mapped[int]
    held: Mapped[int]
    failure: Mapped[str]
    proof: Mapped[dict[str, Any]]
    override_by: Mapped[str]
    override_reason: Mapped[str]
    override_by_id: Mapped[UUID | None]
    missing: Mapped[list[Any]] = mapped_column(default=list)  # What was not complete when the gate was overridden.
    step_times: Mapped[dict[str, Any]] = mapped_column(default=dict)
    signed_by: Mapped[UUID | None]
    signed_by_name: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    signed_note: Mapped[str] = mapped_column(default="")

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None

    @property
    def is_proved(self) -> bool:
        return self.step is RunStep.PROVED

    @property
    def tone(self) -> str:
        if self.failure:
            return "danger"
        return "success" if self.is_proved else "warning"


class BatchStatus(StrEnum):
    COMPUTED = "computed"
    POSTED = "posted"
    RELEASED = "released"

    @property
    def label(self) -> Message:
        return {
            "computed": _l("Not posted yet"),
            "posted": _l("Under audit"),
            "released": _l("Redeemable"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"computed": "secondary", "posted": "warning", "released": "success"}[self.value]


class CommissionBatch(BulkModel):
    """What one partner got in one track on one day: exact lines, the carry, and the money that was posted for them.

    `currency` is the partner's. Where the plan's is another one, `converted` is what `lines` come to in it, at the rate
    `multiply / divide`; the carry is always in the partner's currency.
    """

    __tablename__ = "commission_batch"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    track: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True)
    purpose: Mapped[str]
    source_on: Mapped[date | None]
    line_count: Mapped[int]
    lines: Mapped[Decimal]
    carry_in: Mapped[Decimal]
    carry_out: Mapped[Decimal]
    posted_minor: Mapped[int]
    taken_back_minor: Mapped[int]
    status: Mapped[BatchStatus] = status_column(BatchStatus)
    due_at: Mapped[datetime]
    entry_id: Mapped[UUID | None]
    release_entry_id: Mapped[UUID | None]
    released_at: Mapped[datetime | None]
    converted: Mapped[Decimal | None]
    multiply: Mapped[Decimal | None]
    divide: Mapped[Decimal | None]
    rate_source: Mapped[str | None]
    rate_at: Mapped[datetime | None]

    @property
    def settled(self) -> Decimal:
        """The lines in the partner's currency: `settled + carry_in - carry_out` is what was posted."""
        return self.lines if self.converted is None else self.converted

    @property
    def key(self) -> str:
        """The idempotency key of its journal entry."""
        return batch_key(self.business_date, self.partner_id, self.currency, self.track, self.purpose, self.sequence)

    @property
    def posted(self) -> Money:
        return Money.from_minor(self.posted_minor, self.currency)

    @property
    def remaining(self) -> Money:
        """What is left of it after clawbacks."""
        return Money.from_minor(self.posted_minor - self.taken_back_minor, self.currency)


def batch_key(day: date, partner_id: UUID, currency: str, track: str, purpose: str, sequence: int) -> str:
    """One journal per day, beneficiary, currency, track and purpose, however often the run is taken up again."""
    return f"commission:{day.isoformat()}:{partner_id}:{currency}:{track}:{purpose}:{sequence}"


class CommissionStatement(BulkModel):
    """What a partner is told about one day: every number follows from the lines that it lists."""

    __tablename__ = "commission_statement"

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    business_date: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    line_count: Mapped[int]
    reason_count: Mapped[int]
    lines: Mapped[Decimal]
    held: Mapped[Decimal]
    carry_in: Mapped[Decimal]
    carry_out: Mapped[Decimal]
    posted_minor: Mapped[int]
    converted: Mapped[Decimal | None]  # The lines in the statement's currency, where the plan's is another one.

    @property
    def settled(self) -> Decimal:
        """The lines in the statement's currency."""
        return self.lines if self.converted is None else self.converted

    @property
    def posted(self) -> Money:
        return Money.from_minor(self.posted_minor, self.currency)
