"""Checking and carrying out a change of many accounts, in turns, so that no change holds a worker for long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import in_transaction
from app.core.jobs import enqueue_after_commit, tenant_job
from app.kit import clock
from app.trading.bulk import queries, service

TURN_S: Final = 20.0
PAUSE_S: Final = 0.2
LINK_DOWN_S: Final = 5


@tenant_job("trading.bulk_check", queue="platform", retry=(10, 60, 300))
def check(run_id: str) -> None:
    """Look at every account of a change. Run again, it goes on with those that nobody has looked at."""
    while in_transaction(service.check_some, UUID(run_id)):
        pass


@tenant_job("trading.bulk_run", queue="platform", retry=(5, 30, 60, 300))
def carry_out(run_id: str) -> None:
    """Ask for row after row until the change is done or rests. Run again, or twice at once, it asks nothing twice."""
    run = UUID(run_id)
    ends = time.monotonic() + TURN_S
    seen = None
    while in_transaction(service.advance, run):
        if in_transaction(queries.links_down, run):
            in_transaction(_again, run_id, LINK_DOWN_S)
            return
        if time.monotonic() > ends:
            in_transaction(_again, run_id, 0)
            return
        seen = in_transaction(service.tell, run, seen)
        time.sleep(PAUSE_S)


def _again(run_id: str, seconds: int) -> None:
    enqueue_after_commit("trading.bulk_run", due_at=clock.now() + timedelta(seconds=seconds), run_id=run_id)
