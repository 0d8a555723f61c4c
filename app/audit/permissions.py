"""Who may read the audit log."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

AUDIT_READ = "audit.read"

ALL = (Permission(AUDIT_READ, _l("Read the audit log"), frozenset({"admin", "compliance"})),)
