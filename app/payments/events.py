"""What payments tell the features above, in the transaction in which it happened."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.kit.money import Money


@dataclass(frozen=True, slots=True)
class DepositSucceeded:
    """A deposit was credited."""

    deposit_id: UUID
    client_id: UUID
    money: Money


@dataclass(frozen=True, slots=True)
class WithdrawalPaid:
    """A withdrawal has left the books."""

    withdrawal_id: UUID
    client_id: UUID
    money: Money
