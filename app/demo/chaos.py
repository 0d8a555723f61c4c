"""Trouble in the middle of a day: a connector that dies, a Redis that forgets."""

from __future__ import annotations

import os
import signal

from app.demo.world import World


def kill_connector(world: World) -> None:
    """End every connector at once, as a power cut would, and wait until others have taken over."""
    killed = set(world.hooks.process_ids("connector"))
    for process in killed:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue  # It was dead already, and its heartbeat has not been forgotten yet.
    world.report.say(f"Connector killed (process {', '.join(map(str, sorted(killed)))})")


def flush_redis(world: World) -> None:
    """Empty Redis."""
    world.hooks.flush_redis()
    world.report.say("Redis emptied")


def has_new_connector(world: World, before: set[int]) -> bool:
    """Whether a connector beats that was not among those before."""
    return bool(set(world.hooks.process_ids("connector")) - before)
