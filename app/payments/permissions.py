"""Who may see and decide payments, and which functions of a client a lock can take away."""

from __future__ import annotations

from typing import Final

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

OWN: Final = "payments.own"
DEPOSIT_READ: Final = "payments.deposit.read"
DEPOSIT_APPROVE: Final = "payments.deposit.approve"
WITHDRAWAL_READ: Final = "payments.withdrawal.read"
WITHDRAWAL_APPROVE: Final = "payments.withdrawal.approve"
WITHDRAWAL_CONFIRM: Final = "payments.withdrawal.confirm"

DEPOSIT: Final = "deposit"
WITHDRAW: Final = "withdraw"
EXCHANGE: Final = "exchange"

_MONEY_READERS = frozenset({"admin", "finance", "compliance", "support", "sales"})
_FINANCE = frozenset({"admin", "finance"})

PERMISSIONS = (
    Permission(OWN, _l("Use own wallets"), frozenset({"trader"})),
    Permission(DEPOSIT_READ, _l("See deposits"), _MONEY_READERS),
    Permission(DEPOSIT_APPROVE, _l("Approve and reject deposits"), _FINANCE),
    Permission(WITHDRAWAL_READ, _l("See withdrawals"), _MONEY_READERS),
    Permission(WITHDRAWAL_APPROVE, _l("Approve and reject withdrawals"), _FINANCE),
    Permission(WITHDRAWAL_CONFIRM, _l("Confirm that a withdrawal was paid"), _FINANCE),
)

FUNCTIONS = (
    RestrictedFunction(DEPOSIT, _l("Deposits")),
    RestrictedFunction(WITHDRAW, _l("Withdrawals")),
    RestrictedFunction(EXCHANGE, _l("Conversion between currencies")),
)
