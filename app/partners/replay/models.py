"""Replays and what they came to."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp
from app.partners.plan import Plan


class ReplayState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_final(self) -> bool:
        return self in (ReplayState.DONE, ReplayState.FAILED, ReplayState.STOPPED)

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waits for its turn"),
            "running": _lp("replay", "Running"),
            "done": _lp("replay", "Done"),
            "failed": _lp("replay", "Failed"),
            "stopped": _lp("replay", "Stopped"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "waiting": "secondary", "running": "info", "done": "success", "failed": "danger", "stopped": "secondary"
        }[self.value]  # fmt: skip


class Replay(TenantModel):
    """A plan as it was when somebody asked, and the days to run it over. Amounts are in the plan's currency."""

    __tablename__ = "plan_replay"

    draft_id: Mapped[UUID | None]
    body: Mapped[dict[str, Any]]
    day_from: Mapped[date]
    day_to: Mapped[date]
    state: Mapped[ReplayState] = status_column(ReplayState)
    trades: Mapped[int]
    trades_done: Mapped[int]
    seconds: Mapped[Decimal | None]
    failure: Mapped[str]
    asked_by: Mapped[UUID | None]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    done_until: Mapped[date | None]  # The last day whose figures are kept; whoever goes on begins after it.

    @property
    def plan(self) -> Plan:
        return msgspec.convert(self.body, Plan, strict=False)


class ReplayTotal(BulkModel):
    """What was paid and what would have been, by one view of the trades: in all, by partner, symbol, day or client."""

    __tablename__ = "plan_replay_total"

    replay_id: Mapped[UUID] = mapped_column(primary_key=True)
    view: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    trades: Mapped[int]
    paid: Mapped[Decimal]
    would_pay: Mapped[Decimal]

    @property
    def difference(self) -> Decimal:
        return self.would_pay - self.paid
