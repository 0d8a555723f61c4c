"""Robots trade on the accounts: some too quickly to count, some in parts, some over night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from app.demo.accounts import MOVED_SHARE
from app.demo.terminal import OrderRefused
from app.demo.world import Client, World

SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "EURCHF", "AUDUSD", "USDCAD")
CONTRACT = Decimal(100_000)
MARGIN_SHARE = Decimal("0.04")  # Of an account's money, for each position.
LOTS_MAX = Decimal(2)
HASTY_SHARE, PARTLY_SHARE, OVERNIGHT_SHARE = 0.15, 0.3, 0.05


@dataclass
class Robot:
    """What a robot has open. `habit` says how it closes."""

    client: Client
    habit: str
    wishes: list[tuple[str, str, Decimal]]
    positions: list[tuple[int, Decimal]] = field(default_factory=list)


def trade(world: World, *, midway: Callable[[], None] | None = None) -> None:
    """A session: everybody opens, the hasty close at once, the patient after the holding time, some in two parts."""
    robots = [_robot(world, client) for client in world.clients]
    report, hold = world.report, timedelta(seconds=world.terms.min_hold_seconds)
    report.each("Robots open positions", robots, lambda robot: _open(world, robot))
    hasty = [robot for robot in robots if robot.habit == "hasty"]
    report.each("Hasty robots close", hasty, lambda robot: _close(world, robot))
    world.pass_time(hold + timedelta(minutes=2))
    patient = [robot for robot in robots if robot.habit in ("patient", "partly")]
    report.each("Robots close, some in part", patient, lambda robot: _close(world, robot), midway=midway)
    world.pass_time(timedelta(minutes=6))
    partly = [robot for robot in robots if robot.positions and robot.habit == "partly"]
    report.each("Robots close the rest", partly, lambda robot: _close(world, robot))


def _robot(world: World, client: Client) -> Robot:
    random = world.random
    dice = random.random()
    habit = "patient"
    for name, share in (("hasty", HASTY_SHARE), ("partly", PARTLY_SHARE), ("overnight", OVERNIGHT_SHARE)):
        if dice < share:
            habit = name
            break
        dice -= share
    leverage = max(world.terms.leverages)
    lots = client.deposited * MOVED_SHARE * leverage * MARGIN_SHARE / CONTRACT
    lots = max(Decimal("0.02"), min(LOTS_MAX, lots)).quantize(Decimal("0.01"))
    wishes = [
        (symbol, random.choice(("buy", "sell")), lots) for symbol in random.sample(SYMBOLS, random.randrange(1, 4))
    ]
    return Robot(client, habit, wishes)


def _open(world: World, robot: Robot) -> None:
    client = robot.client
    for symbol, side, lots in robot.wishes:
        try:
            with world.report.timed("order on the platform"):
                position = world.platform.open(client.login, client.terminal_password, symbol, side, lots)
        except OrderRefused:  # Not enough margin for one more.
            if not robot.positions:
                raise
            return
        robot.positions.append((position, lots))


def _close(world: World, robot: Robot) -> None:
    """Close everything; a robot that closes in parts closes half of each position first."""
    client, left = robot.client, []
    for position, lots in robot.positions:
        half = (lots / 2).quantize(Decimal("0.01"))
        is_first_half = robot.habit == "partly" and lots == robot.wishes[0][2] and half < lots
        world.platform.close(client.login, client.terminal_password, position, half if is_first_half else None)
        if is_first_half:
            left.append((position, lots - half))
    robot.positions = left
