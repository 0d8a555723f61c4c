"""Where handlers find the simulator they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from app.simulators.mt5.simulator import Simulator

SIMULATOR: web.AppKey[Simulator] = web.AppKey("simulator")


def simulator_of(request: web.Request) -> Simulator:
    """The simulator that this port controls."""
    return request.app[SIMULATOR]
