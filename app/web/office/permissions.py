"""Who may open the office at all. What they find there is decided by the permissions of each part."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

OFFICE_OPEN = "office.open"

ALL = (
    Permission(
        OFFICE_OPEN,
        _l("Open the back office"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"}),
    ),
)
