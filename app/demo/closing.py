"""The end of a day: past the cut-off, settled, past the audit period, released, and some of it paid out."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.demo import money, office, proving
from app.demo.browsing import Browser, PageRefused
from app.demo.people import PASSWORD
from app.demo.world import LEAP_MIN, Client, World

WAIT_SECONDS = 240
PRESS_EVERY_SECONDS = 5
PAYOUTS_MAX = 5


def end_day(world: World) -> date:
    """Move both clocks past the cut-off, and have finance settle the day that ended. Answers the day."""
    day, ends = world.hooks.day(world.slug)
    _leap_past(world, ends)
    world.report.say(f"Both clocks stand after the cut-off of {day}")
    _settle(world, day)
    return day


def _settle(world: World, last: date) -> None:
    """Press the office's button for each day until the last is settled; the scheduler does the same by itself."""
    pressed_at, settled = 0.0, -1

    def is_settled() -> bool:
        nonlocal pressed_at, settled
        runs = world.hooks.settled_days(world.slug)
        proved = [run.business_date for run in runs if run.is_proved]
        if last in proved and len(proved) == len(runs):
            return True
        has_moved = len(proved) == len(runs) and len(proved) != settled
        if has_moved or time.monotonic() - pressed_at > PRESS_EVERY_SECONDS:
            pressed_at, settled = time.monotonic(), len(proved)
            _press(world, "/settlements/run")
        return False

    world.report.wait(
        f"Settlement up to {last}", is_settled, seconds=WAIT_SECONDS, missing=lambda: _where_runs_stand(world)
    )


def _press(world: World, action: str) -> None:
    """A button of the settlement page. Somebody, or the scheduler, may have done the same a moment before."""
    try:
        world.staff("finance").submit("/commission/settlements", {}, action=action)
    except PageRefused as refusal:
        world.report.say(f"Refused: {refusal}")


def release_commission(world: World) -> None:
    """Move both clocks past the audit period and wait until everything that is due is released."""
    due = world.hooks.release(world.slug).due_at
    if due is None:
        world.report.say("No commission waits for its release")
        return
    _leap_past(world, due)
    world.report.say(f"Both clocks stand after the audit period, {due:%Y-%m-%d}")

    today, _ = world.hooks.day(world.slug)
    _settle(world, today - timedelta(days=1))
    _press(world, "/settlements/release")

    def is_released() -> bool:
        left = world.hooks.release(world.slug).due_at
        return left is None or left > due

    world.report.wait(
        "Release of the commission", is_released, seconds=WAIT_SECONDS, missing=lambda: _what_waits(world)
    )


def pay_partners_out(world: World) -> None:
    """Some partners move what is redeemable to their wallet, and withdraw it."""
    partners = [client for client in world.clients if client.code]
    world.random.shuffle(partners)
    paid = 0
    for client in [world.root(), *partners]:
        if not _redeem(world, client):
            continue
        paid += 1
        if client.currency:  # The partner at the top deposited nothing and may hold less than can be withdrawn.
            money.withdraw(world, client, world.terms.withdrawal_min[client.currency] * 2)
        if paid == PAYOUTS_MAX:
            break
    world.report.say(f"Partners paid out: {paid}")


_MAX = re.compile(r'data-fill="amount" data-value="([\d.]+)"')  # The button that fills in all there is.


def _redeem(world: World, client: Client) -> Decimal:
    """Move all that is redeemable, in the partner portal, with the login of the cabinet. Answers how much it was."""
    page = f"/payout?currency={world.terms.plan_currency}"
    portal = Browser(world.port, f"partners.{world.slug}.localhost", client.browser.ip)
    with world.report.timed("sign in at the portal"):
        portal.sign_in(client.email, PASSWORD)
    found = _MAX.search(portal.get(page))
    amount = Decimal(found[1]) if found is not None else Decimal(0)
    if amount <= 0 or amount < world.terms.min_payout:
        return Decimal(0)
    office.verify(world, client, world.terms.payout_kyc_level)
    with world.report.timed("move commission to the wallet"):
        portal.submit(page, {"amount": f"{amount:f}"}, action="/payout")
    if portal.at != "/":
        raise PageRefused(f"The payout of {client.email} ended at {portal.at}.")
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
    runs = world.hooks.settled_days(world.slug)
    stopped = [f"{run.business_date}: {run.failure or 'under way'}" for run in runs if not run.is_proved]
    return "; ".join(stopped) or (f"settled up to {runs[-1].business_date}" if runs else "no run yet")


def _what_waits(world: World) -> str:
    found = world.hooks.release(world.slug)
    return f"{found.under_audit} batches under audit, {found.released} released"
