"""Published strategies, the daily equity behind their figures, and the figures."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _lp


class StrategyStatus(StrEnum):
    """`hidden` was taken off the list by staff, `withdrawn` by its owner."""

    PUBLISHED = "published"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> Message:
        return {
            "published": _lp("strategy", "Published"),
            "hidden": _lp("strategy", "Hidden by staff"),
            "withdrawn": _lp("strategy", "Withdrawn"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"published": "success", "hidden": "danger", "withdrawn": "secondary"}[self.value]


class Strategy(TenantModel):
    """A live trading account that its owner lets everybody see under a name of its own."""

    __tablename__ = "strategy"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
    )

    client_id: Mapped[UUID]
    account_id: Mapped[UUID]
    name: Mapped[str]
    about: Mapped[str]
    status: Mapped[StrategyStatus] = status_column(StrategyStatus)
    terms_version: Mapped[str]  # A digest of the terms that the owner accepted.
    published_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    hidden_reason: Mapped[str] = mapped_column(default="")
    provider: Mapped[str] = mapped_column(default="")  # By what name the platform's copiers follow it; staff say so.

    @property
    def is_published(self) -> bool:
        return self.status is StrategyStatus.PUBLISHED


class EquityDay(BulkModel):
    """What was read of an account's equity on a business day of the tenant: the last reading, and the extremes."""

    __tablename__ = "equity_day"

    account_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    equity: Mapped[Decimal]
    floating: Mapped[Decimal]
    lowest: Mapped[Decimal]
    highest: Mapped[Decimal]
    read_at: Mapped[datetime]


class StrategyFigures(BulkModel):
    """What the list shows of a strategy, as last computed. Returns and drawdown are shares; money is the account's."""

    __tablename__ = "strategy_figures"

    strategy_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    age_days: Mapped[int]
    return_1m: Mapped[Decimal | None]
    return_3m: Mapped[Decimal | None]
    return_6m: Mapped[Decimal | None]
    return_12m: Mapped[Decimal | None]
    return_all: Mapped[Decimal | None]
    drawdown: Mapped[Decimal]
    trades: Mapped[int]
    lots: Mapped[Decimal]
    won: Mapped[int]
    gross_profit: Mapped[Decimal]
    gross_loss: Mapped[Decimal]
    holding_ms: Mapped[int | None]
    equity: Mapped[Decimal]
    currency: Mapped[str]
    copiers: Mapped[int | None]  # None where the platform does not say.
    copied_equity: Mapped[Decimal | None]  # What follows it, in the brand's base currency.
    score: Mapped[Decimal]
    rank: Mapped[int | None]  # None: too young or too small to be ranked; listed as new.
    curve: Mapped[list[Any]]  # [ISO day, index] pairs.
    computed_at: Mapped[datetime]

    @property
    def win_rate(self) -> Decimal | None:
        return Decimal(self.won) / self.trades if self.trades else None

    @property
    def profit_factor(self) -> Decimal | None:
        return self.gross_profit / self.gross_loss if self.gross_loss else None
