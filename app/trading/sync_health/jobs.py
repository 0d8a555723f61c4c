"""What comes round by itself: incidents are looked for, and old figures are dropped."""

from __future__ import annotations

from app.core import jobs
from app.core.db import in_transaction
from app.trading.sync_health import alerts, service


@jobs.every("trading.watch_platforms", seconds=30, queue="platform")
def watch_platforms() -> None:
    """Open and close incidents, and write to the staff who asked for it. Run twice, nobody is written to twice."""
    in_transaction(alerts.watch)


@jobs.every("trading.forget_latencies", seconds=86400, queue="reports")
def forget_latencies() -> None:
    """Drop durations that are older than the status page looks back."""
    in_transaction(service.forget_old)
