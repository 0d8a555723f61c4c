"""The process that sends is killed without warning, with every movement of money under way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.grounds import Ground, Trouble
from tests.faults.world import ACTS, Act, Aftermath, World
from tests.trading.conftest import wait_until
from tools.children import PROJECT


@contextmanager
def connector_process(world: World) -> Iterator[subprocess.Popen[bytes]]:
    """The product's own connector, as a process that owns the world's connection."""
    process = subprocess.Popen(
        [sys.executable, "worker.py", "connector", "--health-port", "0"],
        cwd=PROJECT,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: process.poll() is not None or world.is_owned_by(process.pid), seconds=60)
        assert process.poll() is None, "The connector did not start."
        yield process
    finally:
        process.kill()
        process.wait()


def _killed(world: World) -> Aftermath:
    """Killed when the platform has carried everything out and answered nothing; the next one takes over."""
    with world.connector():
        places = world.settle_in(ACTS)
    with connector_process(world) as process:
        for place in places.values():
            world.ground.arm(Trouble.HELD_BACK, place.login, 30)
        asked = {act.name: world.ask(act, places[act.name]) for act in ACTS}
        wait_until(world.all_acted)
        process.kill()
    with world.connector():
        return world.aftermath(places, asked)


def _killed_before_sending(world: World) -> Aftermath:
    """Killed with everything written down and nothing sent."""
    with world.connector():
        places = world.settle_in(ACTS)
    with connector_process(world) as process:
        process.kill()
        asked = {act.name: world.ask(act, places[act.name]) for act in ACTS}
    with world.connector():
        return world.aftermath(places, asked)


@pytest.fixture(scope="module", params=[_killed, _killed_before_sending], ids=["under way", "before sending"])
def aftermath(request: pytest.FixtureRequest, ground: Ground) -> Aftermath:
    """What is left when the connector was killed."""
    ground.calm()
    left: Aftermath = request.param(World(ground))
    return left


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_a_movement_ends_once_and_is_booked_as_it_ended(aftermath: Aftermath, act: Act) -> None:
    aftermath.require(act, is_done=True)


def test_the_books_and_the_platform_agree_to_the_cent(aftermath: Aftermath) -> None:
    aftermath.require_agreement()
