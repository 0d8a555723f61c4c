"""The operator's console: the tenants of this instance, and whether everything works."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.web.operator import queries
from app.web.operator.permissions import HEALTH_READ, JOBS_RETRY, TENANTS_READ

bp = Blueprint("operator", __name__)


@bp.get("/")
@requires(TENANTS_READ)
def tenants() -> ResponseReturnValue:
    return render("operator/tenants.html", block="list", tenants=queries.tenants())


@bp.get("/instance")  # Not /health, where the process itself answers on every host.
@requires(HEALTH_READ)
def health() -> ResponseReturnValue:
    return render(
        "operator/health.html",
        block="health",
        processes=queries.processes(),
        queues=queries.queues(),
        platforms=queries.platforms(),
        failed=queries.failed_jobs(),
        may_retry=current_actor().may(JOBS_RETRY),
    )


@bp.post("/jobs/<int:tenant_id>/<uuid:row_id>/retry")
@requires(JOBS_RETRY)
@unrestricted("Operators act here, not clients.")
def retry(tenant_id: int, row_id: UUID) -> ResponseReturnValue:
    if not queries.try_again(tenant_id, row_id):
        raise NotFound
    audit.record("operator.job.retry", ("outbox", f"{tenant_id}/{row_id}"), by=current_actor())
    toast(_l("The job is tried again."))
    return redirect_to(url_for(".health"))
