"""Every movement of money meets every trouble on the wire: nothing is lost, nothing happens twice.

For each trouble all movements are asked for at once, each on an account of its own; then each is looked at by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from app.core import redis as core_redis
from app.trading.models import OperationState
from tests.faults.grounds import Ground, Trouble
from tests.faults.world import ACTS, Act, Aftermath, World, disturbed
from tests.trading.conftest import wait_until

SLOWER_THAN_WE_WAIT = 2.5
DONE, ABSENT = True, False


def _armed(trouble: Trouble, seconds: float = 0) -> Callable[[World], Aftermath]:
    def play(world: World) -> Aftermath:
        breaks_others = trouble is Trouble.CUT and world.ground.has_one_link
        return disturbed(
            world, ACTS, lambda place: world.ground.arm(trouble, place.login, seconds), in_turn=breaks_others
        )

    return play


def _restarted(world: World) -> Aftermath:
    """The platform has carried everything out, and restarts before it has answered."""

    def restart() -> None:
        wait_until(world.all_acted)
        world.ground.restart(1.0)

    return disturbed(world, ACTS, lambda place: world.ground.arm(Trouble.HELD_BACK, place.login, 20), restart)


def _restarting(world: World) -> Aftermath:
    """The platform is away for a moment just when everything is asked for."""
    away = threading.Thread(target=world.ground.restart, args=(1.5,))

    def begin_restart(_place: object) -> None:
        if not away.ident:
            away.start()
            time.sleep(0.3)

    left = disturbed(world, ACTS, begin_restart)
    away.join()
    return left


def _flushed(world: World) -> Aftermath:
    """Redis forgets the messages of some and the answers of others."""

    def flush() -> None:
        core_redis.client().flushdb()
        wait_until(world.all_acted)
        core_redis.client().flushdb()

    return disturbed(world, ACTS, lambda place: world.ground.arm(Trouble.HELD_BACK, place.login, 0.7), flush)


TROUBLES: dict[str, tuple[Callable[[World], Aftermath], bool | None]] = {
    "none": (_armed(Trouble.NONE), DONE),
    "answer lost after acting": (_armed(Trouble.LOST_AFTER), DONE),
    "answer lost before acting": (_armed(Trouble.LOST_BEFORE), ABSENT),
    "duplicate answer": (_armed(Trouble.TWICE), DONE),
    "disconnect in mid-frame": (_armed(Trouble.CUT), DONE),
    "slow answer": (_armed(Trouble.HELD_BACK, SLOWER_THAN_WE_WAIT), DONE),
    "server restarted after acting": (_restarted, DONE),
    "server away when asked": (_restarting, None),
    "Redis flushed": (_flushed, DONE),
}


@pytest.fixture(scope="module", params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def aftermath(ground: Ground, trouble: str) -> Aftermath:
    """What is left when all movements have met this trouble."""
    ground.calm()
    play, _ = TROUBLES[trouble]
    return play(World(ground))


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_a_movement_ends_once_and_is_booked_as_it_ended(aftermath: Aftermath, trouble: str, act: Act) -> None:
    aftermath.require(act, is_done=TROUBLES[trouble][1])


def test_the_books_and_the_platform_agree_to_the_cent(aftermath: Aftermath) -> None:
    aftermath.require_agreement()


def test_an_absent_movement_was_looked_for_and_a_lost_one_found(aftermath: Aftermath, trouble: str) -> None:
    states = {trace.state for trace in aftermath.traces.values()}
    if TROUBLES[trouble][1] is ABSENT:
        assert states == {OperationState.REFUSED}
    elif trouble == "none":
        assert states == {OperationState.CONFIRMED}
