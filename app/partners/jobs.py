"""The nightly settlement and the release of what has come through its audit, per tenant."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import structlog

from app.core.actor import system_actor
from app.core.db import in_transaction
from app.core.jobs import every, tenant_job
from app.partners.disputes import service as disputes
from app.partners.payouts import service as payouts
from app.partners.portal import clicks, so_far
from app.partners.ranks import service as ranks
from app.partners.replay import running as replays
from app.partners.settlement import overdue, trial
from app.partners.settlement import run as settlement

log = structlog.get_logger()

BY = system_actor("settlement")
BY_LIMITS = system_actor("disputes")


@every("partners.settle", seconds=60, queue="settlement")
def settle() -> None:
    """Settle every day that has ended by the business clock. A day whose deals are not complete is tried again."""
    try:
        settlement.settle_due(BY)
    except settlement.AlreadyRunning as busy:
        log.info("settlement.busy", reason=busy.message.in_english())


@every("partners.ranks", seconds=300, queue="settlement")
def measure_ranks() -> None:
    """Measure the ranks of a month as soon as the month before it is settled. Run early or twice, it does nothing."""
    in_transaction(ranks.assess_due)


@every("partners.release", seconds=60, queue="settlement")
def release() -> None:
    """Release money whose audit period has ended. Run early or twice, it does nothing more."""
    settlement.release(BY)


@every("partners.payouts", seconds=600, queue="settlement")
def pay_automatically() -> None:
    """Pay out what has reached the plan's amount for automatic payouts. Run twice on a day, it pays once."""
    payouts.pay_automatically(BY)


@every("partners.disputes", seconds=600, queue="mail")
def disputes_due() -> None:
    """Remind the desk of disputes that it has not answered in time, and end those that a partner left unanswered."""
    in_transaction(disputes.pass_time_limits, BY_LIMITS)


@tenant_job("partners.pay_correction", queue="settlement")
def pay_correction(dispute_id: str) -> None:
    """Add what an accepted dispute gives to the day that is settled next, once."""
    in_transaction(disputes.pay_correction, UUID(dispute_id))


@tenant_job("partners.replay", queue="reports", retry=())
def run_replay(replay_id: str) -> None:
    """Run a draft over days of the past. One that is over is left alone."""
    replays.run(UUID(replay_id))


@every("partners.holds", seconds=3600, queue="mail")
def holds_that_wait() -> None:
    """Tell staff of money that has been held for longer than the plan says. Run twice, it tells them once."""
    in_transaction(overdue.escalate, BY)


@tenant_job("partners.try_day", queue="reports", retry=())
def try_day(trial_id: str) -> None:
    """Compute what the next day would pay, and keep nothing but the figures. One that is over is left alone."""
    trial.run(UUID(trial_id))


@tenant_job("partners.settle_day", queue="settlement", retry=(30, 300))
def settle_day(day: str) -> None:
    """Take a day's run as far as it goes: what somebody asked for in the office."""
    try:
        settlement.settle_day(date.fromisoformat(day), by=BY)
    except settlement.AlreadyRunning as busy:  # Whoever is at it takes the day as far as it goes.
        log.info("settlement.busy", day=day, reason=busy.message.in_english())
        return
    settlement.release(BY)


@every("partners.day_so_far", seconds=10, queue="reports")
def day_so_far() -> None:
    """Show partners what the present day has brought until now. Where no deal has arrived since, it does nothing."""
    so_far.refresh()


@every("partners.forget_clicks", seconds=3600, queue="reports")
def forget_clicks() -> None:
    """Forget clicks on partners' links that are older than the brand keeps them."""
    while in_transaction(clicks.forget):
        pass
