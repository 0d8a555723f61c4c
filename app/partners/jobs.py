"""The nightly settlement and the release of what has come through its audit, per tenant."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from app.core.actor import system_actor
from app.core.jobs import every, tenant_job
from app.partners.replay import service as replays
from app.partners.settlement import run as settlement

BY = system_actor("settlement")


@every("partners.settle", seconds=60, queue="settlement")
def settle() -> None:
    """Settle every day that has ended by the business clock. A day whose deals are not complete is tried again."""
    settlement.settle_due(BY)


@every("partners.release", seconds=60, queue="settlement")
def release() -> None:
    """Release money whose audit period has ended. Run early or twice, it does nothing more."""
    settlement.release(BY)


@tenant_job("partners.replay", queue="reports", retry=())
def run_replay(replay_id: str) -> None:
    """Run a draft over days of the past. One that is over is left alone."""
    replays.run(UUID(replay_id))


@tenant_job("partners.settle_day", queue="settlement", retry=(30, 300))
def settle_day(day: str) -> None:
    """Take a day's run as far as it goes: what somebody asked for in the office."""
    settlement.settle_day(date.fromisoformat(day), by=BY)
    settlement.release(BY)
