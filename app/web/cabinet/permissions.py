"""Who has a dashboard in the cabinet."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

DASHBOARD = "cabinet.dashboard"

ALL = (Permission(DASHBOARD, _l("See one's own dashboard"), frozenset({"trader"})),)
