"""What staff may do with the books."""

from __future__ import annotations

from typing import Final

from app.core.features import Permission
from app.kit.text import _l

LEDGER_READ: Final = "ledger.read"
ADJUSTMENT_PROPOSE: Final = "ledger.adjustment.propose"
ADJUSTMENT_APPROVE: Final = "ledger.adjustment.approve"

_FINANCE = frozenset({"admin", "finance"})

PERMISSIONS = (
    Permission(LEDGER_READ, _l("See adjustments"), frozenset({"admin", "finance", "compliance"})),
    Permission(ADJUSTMENT_PROPOSE, _l("Propose an adjustment of a wallet"), _FINANCE),
    Permission(ADJUSTMENT_APPROVE, _l("Approve and reject adjustments"), _FINANCE),
)
