"""What trading tells the features above it, in the transaction in which it happened."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.kit.money import Money
from app.trading.models import OperationKind, OperationState


@dataclass(frozen=True, slots=True)
class OperationFinished:
    """An operation has its outcome: `state` is confirmed, reconciled (found by looking) or refused."""

    operation_id: UUID
    key: str
    kind: OperationKind
    state: OperationState
    account_id: UUID
    client_id: UUID
    money: Money | None
    reason: str | None  # Why it was refused.


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """A trading account has its login."""

    account_id: UUID
    client_id: UUID
    is_demo: bool
