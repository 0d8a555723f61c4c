from __future__ import annotations

import structlog

from app.audit import queries, service
from app.core.db import batch_scope, in_transaction, tenant_scope
from app.core.jobs import every

log = structlog.get_logger()


@every("audit.seal", seconds=1, scope="instance")
def seal_all() -> None:
    """Seal what every tenant has recorded since the last turn. A tenant that fails does not hold up the others."""
    with batch_scope("audit pending"):
        waiting = queries.tenants_with_pending()
    for tenant in waiting:
        try:
            with tenant_scope(tenant):
                while in_transaction(service.seal):
                    pass
        except Exception:
            log.exception("audit.seal_failed", tenant=tenant)
