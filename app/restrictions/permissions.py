"""Who may see, set and lift locks."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

RESTRICTION_READ = "restrictions.read"
RESTRICTION_SET = "restrictions.set"
RESTRICTION_LIFT = "restrictions.lift"

ALL = (
    Permission(
        RESTRICTION_READ,
        _l("See which functions are locked for a client"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"}),
    ),
    Permission(
        RESTRICTION_SET,
        _l("Lock functions for a client"),
        frozenset({"admin", "compliance", "finance", "dealing", "partner_desk", "support"}),
    ),
    Permission(RESTRICTION_LIFT, _l("Lift locks"), frozenset({"admin", "compliance"})),
)
