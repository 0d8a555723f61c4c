"""Matching what an adoption has read, after the reading."""

from __future__ import annotations

from uuid import UUID

from app.core.db import in_transaction
from app.core.jobs import tenant_job
from app.trading.adoption.service import logins


@tenant_job("trading.adoption_match", queue="platform", retry=(10, 60, 300))
def match(run_id: str) -> None:
    """Match a run's logins by e-mail, making clients of newcomers where the run says so. Run again, it goes on."""
    run = UUID(run_id)
    in_transaction(logins.match, run)
    while in_transaction(logins.create_newcomers, run):
        in_transaction(logins.match, run)
    in_transaction(logins.finish_matching, run)
