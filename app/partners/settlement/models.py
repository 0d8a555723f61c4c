"""In which currency a partner is paid, and days that were tried before they are settled."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _lp


class PartnerCurrency(BulkModel):
    """The currency in which a partner is paid, where it is not the plan's."""

    __tablename__ = "commission_currency"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str]
    chosen_at: Mapped[datetime]
    chosen_by: Mapped[UUID | None]
    chosen_by_name: Mapped[str]


class RunWallet(BulkModel):
    """One partner's currency in one run and what the plan's was worth in it, frozen with the run's other facts."""

    __tablename__ = "run_wallet"

    business_date: Mapped[date] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str]
    places: Mapped[int]
    multiply: Mapped[Decimal]
    divide: Mapped[Decimal]
    source: Mapped[str]
    quoted_at: Mapped[datetime]


class PoolShare(BulkModel):
    """What of the brand's pool is one partner's. Together the shares are what the pool's account holds."""

    __tablename__ = "commission_pool"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),)

    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    balance_minor: Mapped[int]


class TrialState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"

    @property
    def label(self) -> Message:
        return {
            "waiting": _lp("trial", "Being computed"),
            "done": _lp("trial", "Done"),
            "failed": _lp("trial", "Failed"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "info", "done": "success", "failed": "danger"}[self.value]


class Trial(TenantModel):
    """What a day's run would have paid when somebody asked. Nothing else is left of it."""

    __tablename__ = "settlement_trial"

    business_date: Mapped[date]
    state: Mapped[TrialState] = status_column(TrialState)
    result: Mapped[dict[str, Any]]
    failure: Mapped[str]
    asked_by: Mapped[UUID | None]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
