"""What was found on a platform, and the runs that read it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp


class RunState(StrEnum):
    READING = "reading"
    MATCHING = "matching"
    DONE = "done"
    STOPPED = "stopped"

    @property
    def is_under_way(self) -> bool:
        return self in (RunState.READING, RunState.MATCHING)

    @property
    def label(self) -> Message:
        return {
            "reading": _l("Accounts are being read"),
            "matching": _l("Accounts are being matched"),
            "done": _lp("adoption", "Read and matched"),
            "stopped": _lp("adoption", "Stopped"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"reading": "info", "matching": "info", "done": "success", "stopped": "neutral"}[self.value]


class History(StrEnum):
    """Whether and when the deals of the past are read."""

    NONE = "none"
    NOW = "now"
    NIGHT = "night"


class HistoryState(StrEnum):
    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"

    @property
    def is_under_way(self) -> bool:
        return self in (HistoryState.WAITING, HistoryState.RUNNING)

    @property
    def label(self) -> Message:
        return {
            "none": _l("Not read"),
            "waiting": _l("Waits for its turn"),
            "running": _l("Being read"),
            "paused": _lp("history", "Paused"),
            "done": _lp("history", "Read"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"none": "neutral", "waiting": "info", "running": "info", "paused": "warning", "done": "success"}[
            self.value
        ]


class LoginState(StrEnum):
    """`matched` has its client and is taken over within seconds; `adopted` is an account of ours."""

    WAITING = "waiting"
    MATCHED = "matched"
    ADOPTED = "adopted"
    IGNORED = "ignored"

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waits for a client"),
            "matched": _l("Being taken over"),
            "adopted": _l("Taken over"),
            "ignored": _lp("login", "Ignored"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "matched": "info", "adopted": "success", "ignored": "neutral"}[self.value]


OBSTACLES: dict[str, Message] = {
    "": _l("Not matched yet."),
    "no_email": _l("The platform has no usable e-mail for it."),
    "shared_email": _l("Accounts of several people carry this e-mail."),
    "no_client": _l("No client has this e-mail."),
    "no_type": _l("No account type names its group."),
    "gone": _l("The platform no longer has it."),
}


class AdoptionRun(TenantModel):
    """One reading of a platform's accounts, and of their past. Taken up again where it stopped."""

    __tablename__ = "adoption_run"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
        ForeignKeyConstraint(["tenant_id", "default_type_id"], ["account_type.tenant_id", "account_type.id"]),
    )

    platform_id: Mapped[UUID]
    state: Mapped[RunState] = status_column(RunState)
    masks: Mapped[list[Any]]  # The groups as somebody wrote them, with `*`; one that begins with `!` leaves out.
    groups: Mapped[list[Any]]  # Those that the platform has of them; empty until it was asked.
    groups_done: Mapped[list[Any]]
    default_type_id: Mapped[UUID | None]  # The account type where none names the group.
    creates_clients: Mapped[bool]
    history: Mapped[History] = status_column(History)
    history_from: Mapped[date | None]  # None: from the registration of the oldest account.
    history_state: Mapped[HistoryState] = status_column(HistoryState)
    history_begin_msc: Mapped[int | None]  # All three in the platform's own time.
    history_cursor_msc: Mapped[int | None]
    history_end_msc: Mapped[int | None]
    deals_read: Mapped[int]
    last_error: Mapped[str]
    started_by: Mapped[UUID | None]
    started_by_name: Mapped[str]
    started_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    matched_at: Mapped[datetime | None]
    history_done_at: Mapped[datetime | None]

    @property
    def is_at_work(self) -> bool:
        """Whether accounts or deals are being read or matched."""
        return self.state.is_under_way or self.history_state.is_under_way


class AdoptedLogin(BulkModel):
    """A login as the platform describes it, and what became of it here."""

    __tablename__ = "adopted_login"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
        ForeignKeyConstraint(["tenant_id", "run_id"], ["adoption_run.tenant_id", "adoption_run.id"]),
        ForeignKeyConstraint(["tenant_id", "type_id"], ["account_type.tenant_id", "account_type.id"]),
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
    )

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    login: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]  # The run that read it last.
    state: Mapped[LoginState] = status_column(LoginState)
    obstacle: Mapped[str]  # Why it waits: a key of OBSTACLES.
    name: Mapped[str]
    name_sort: Mapped[str]  # Equal for two spellings of one person's name.
    email: Mapped[str]
    email_norm: Mapped[str]  # Empty where the e-mail is no address.
    group_name: Mapped[str]
    currency: Mapped[str]
    is_hedging: Mapped[bool]
    leverage: Mapped[int]
    rights: Mapped[int]
    balance: Mapped[Decimal]
    credit: Mapped[Decimal]
    registered_msc: Mapped[int]
    read_at: Mapped[datetime]
    type_id: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    matched_by: Mapped[str]  # "email", "sheet", or the name of the person who did it.
    note: Mapped[str]  # Why it is ignored.
    decided_at: Mapped[datetime | None]

    @property
    def obstacle_text(self) -> Message:
        return OBSTACLES[self.obstacle]


class AdoptionImport(TenantModel):
    """A sheet that says whose logins are: checked and shown first, applied as a whole or not at all."""

    __tablename__ = "adoption_import"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID]
    rows: Mapped[list[Any]]  # [line, login as written, client as written]
    made_by: Mapped[UUID | None]
    made_by_name: Mapped[str]
    made_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
