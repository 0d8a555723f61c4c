"""What operators may see and do in their console."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

TENANTS_READ = "operator.tenants.read"
HEALTH_READ = "operator.health.read"
JOBS_RETRY = "operator.jobs.retry"

ALL = (
    Permission(TENANTS_READ, _l("See the tenants of this instance"), frozenset({"operator"})),
    Permission(HEALTH_READ, _l("See the health of this instance"), frozenset({"operator"})),
    Permission(JOBS_RETRY, _l("Try failed jobs again"), frozenset({"operator"})),
)
