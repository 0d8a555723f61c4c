"""Where handlers find the simulator they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from app.simulators.ctrader.records import Trader

if TYPE_CHECKING:
    from app.simulators.ctrader.simulator import Simulator

SIMULATOR: web.AppKey[Simulator] = web.AppKey("simulator")


def simulator_of(request: web.Request) -> Simulator:
    """The simulator that this port controls."""
    return request.app[SIMULATOR]


def trader_of(request: web.Request, body: dict[str, object] | None = None) -> Trader:
    """The account whose login stands in the path or in the body."""
    login = request.match_info["login"] if body is None else body["login"]
    return simulator_of(request).plant.by_login(int(str(login)))
