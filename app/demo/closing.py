"""The end of a day: past the cut-off, settled, past the audit period, released, and some of it paid out."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.demo import money, proving
from app.demo.browsing import PageRefused
from app.demo.world import LEAP_MIN, Client, World

WAIT_SECONDS = 240
PAYOUTS_MAX = 5


def end_day(world: World) -> date:
    """Move both clocks past the cut-off and wait until the day that ended is settled and proved. Answers the day."""
    day, ends = world.hooks.day(world.slug)
    _leap_past(world, ends)
    world.report.say(f"Both clocks stand after the cut-off of {day}")

    def is_settled() -> bool:
        return any(run.business_date == day and run.is_proved for run in world.hooks.settled_days(world.slug))

    world.report.wait(
        f"Settlement of {day}", is_settled, seconds=WAIT_SECONDS, missing=lambda: _where_runs_stand(world)
    )
    return day


def release_commission(world: World) -> None:
    """Move both clocks past the audit period and wait until everything that is due is released."""
    due = world.hooks.release(world.slug).due_at
    if due is None:
        world.report.say("No commission waits for its release")
        return
    _leap_past(world, due)
    world.report.say(f"Both clocks stand after the audit period, {due:%Y-%m-%d}")

    def is_released() -> bool:
        left = world.hooks.release(world.slug).due_at
        return left is None or left > due

    world.report.wait(
        "Release of the commission", is_released, seconds=WAIT_SECONDS, missing=lambda: _what_waits(world)
    )
    _, ends = world.hooks.day(world.slug)
    today = ends - timedelta(days=1)

    def is_caught_up() -> bool:
        runs = world.hooks.settled_days(world.slug)
        return all(run.is_proved for run in runs) and runs[-1].business_date >= (today - timedelta(days=1)).date()

    world.report.wait(
        "Settlement of the days between", is_caught_up, seconds=WAIT_SECONDS, missing=lambda: _where_runs_stand(world)
    )


def pay_partners_out(world: World) -> None:
    """Some partners move what is redeemable to their wallet, and withdraw it."""
    partners = [client for client in world.clients if client.code]
    world.random.shuffle(partners)
    paid = 0
    for client in [world.root(), *partners]:
        amount = _redeem(world, client)
        if not amount:
            continue
        paid += 1
        least = world.terms.withdrawal_min.get(client.currency, Decimal(0))
        if client.currency:  # The partner at the top has no bank account in this story.
            money.withdraw(world, client, least * 2)
        if paid == PAYOUTS_MAX:
            break
    world.report.say(f"Partners paid out: {paid}")


_MAX = re.compile(r'name="amount"[^>]*?data-max="([\d.]+)"')


def _redeem(world: World, client: Client) -> Decimal:
    page = f"/partner/payout?currency={world.terms.plan_currency}"
    shown = client.browser.get(page)
    found = _MAX.search(shown)
    amount = Decimal(found[1]) if found is not None else Decimal(0)
    if amount <= 0 or amount < world.terms.min_payout:
        return Decimal(0)
    with world.report.timed("move commission to the wallet"):
        client.browser.submit(page, {"amount": f"{amount:f}"}, action="/payout")
    if not client.browser.at.startswith("/partner"):
        raise PageRefused(f"The payout of {client.email} ended at {client.browser.at}.")
    return amount


def _leap_past(world: World, instant: datetime) -> None:
    """Let both clocks go on until a little after an instant."""
    left = instant - world.hooks.business_now(world.slug) + timedelta(minutes=10)
    world.pass_time(max(left, LEAP_MIN))
    world.report.wait(
        "Deals of the night stored",
        lambda: proving.are_deals_stored(world),
        seconds=WAIT_SECONDS,
        missing=lambda: proving.missing_deals(world),
    )


def _where_runs_stand(world: World) -> str:
    runs = [run for run in world.hooks.settled_days(world.slug) if not run.is_proved]
    return "; ".join(f"{run.business_date}: {run.failure or 'under way'}" for run in runs) or "no run yet"


def _what_waits(world: World) -> str:
    found = world.hooks.release(world.slug)
    return f"{found.under_audit} batches under audit, {found.released} released"
