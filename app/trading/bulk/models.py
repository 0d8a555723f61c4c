"""Runs over many accounts and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l, _lp
from app.trading import permissions


class BulkKind(StrEnum):
    LEVERAGE = "leverage"
    GROUP = "group"
    TYPE = "type"
    RIGHTS = "rights"
    CREDIT = "credit"

    @property
    def label(self) -> Message:
        return {
            "leverage": _l("Change leverage"),
            "group": _l("Move to another group"),
            "type": _l("Change account type"),
            "rights": _l("Change trading rights"),
            "credit": _l("Move credit"),
        }[self.value]

    @property
    def permission(self) -> str:
        """What whoever changes one such account needs, and whoever changes many as well."""
        return {
            "leverage": permissions.LEVERAGE_CHANGE,
            "group": permissions.ACCOUNT_MANAGE,
            "type": permissions.ACCOUNT_MANAGE,
            "rights": permissions.ACCOUNT_MANAGE,
            "credit": permissions.CREDIT,
        }[self.value]


class BulkState(StrEnum):
    """`checking` looks at every account; `draft` waits to be confirmed, `waiting` for a second person."""

    CHECKING = "checking"
    DRAFT = "draft"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def label(self) -> Message:
        return {
            "checking": _l("Accounts are being checked"),
            "draft": _l("Not confirmed yet"),
            "waiting": _l("Waits for a second person"),
            "running": _lp("bulk change", "Running"),
            "paused": _lp("bulk change", "Paused"),
            "cancelled": _lp("bulk change", "Cancelled"),
            "done": _lp("bulk change", "Done"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "checking": "info",
            "draft": "warning",
            "waiting": "warning",
            "running": "info",
            "paused": "warning",
            "cancelled": "neutral",
            "done": "success",
        }[self.value]


class RowState(StrEnum):
    """`requested` has an operation, whose own state tells the outcome; `settled` had nothing left to ask for."""

    NEW = "new"
    READY = "ready"
    SKIPPED = "skipped"
    REQUESTED = "requested"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class BulkRun(TenantModel):
    """One change for many accounts."""

    __tablename__ = "bulk_run"

    kind: Mapped[BulkKind] = status_column(BulkKind)
    target: Mapped[dict[str, Any]]  # What each account is to become.
    chosen: Mapped[dict[str, Any]]  # How the accounts were chosen: the filters of the list, or that it was a sheet.
    state: Mapped[BulkState] = status_column(BulkState)
    reason: Mapped[str]
    needs_second_person: Mapped[bool]
    made_by: Mapped[UUID | None]
    made_by_name: Mapped[str]
    made_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None]
    approved_by_name: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BulkRow(BulkModel):
    """One account of a run, or a line of its sheet that names none."""

    __tablename__ = "bulk_row"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "run_id"], ["bulk_run.tenant_id", "bulk_run.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        ForeignKeyConstraint(["tenant_id", "operation_id"], ["platform_operation.tenant_id", "platform_operation.id"]),
    )

    run_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    login_text: Mapped[str]  # As written; for an account its login.
    account_id: Mapped[UUID | None]
    state: Mapped[RowState] = status_column(RowState)
    problem: Mapped[dict[str, Any] | None]  # Why it is left out or was refused: a sentence with its values.
    warning: Mapped[dict[str, Any] | None]
    operation_id: Mapped[UUID | None]


def as_stored(message: Message) -> dict[str, Any]:
    """A sentence that is to be shown later, in the language of whoever reads it then."""
    return {"text": message.text, "params": {name: str(value) for name, value in message.params.items()}}


def as_message(stored: Mapping[str, Any] | None) -> Message | None:
    """The sentence again."""
    return None if stored is None else Message(str(stored["text"]), dict(stored["params"]))
