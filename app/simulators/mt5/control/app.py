"""HTTP with JSON: routes of the control port and how its refusals look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import InvalidOperation
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from app.simulators.mt5.control import bench, clock, faults, inspect, manager, trader
from app.simulators.mt5.control.answers import BadInput, respond
from app.simulators.mt5.control.keys import SIMULATOR
from app.simulators.mt5.retcodes import Refusal

if TYPE_CHECKING:
    from app.simulators.mt5.simulator import Simulator

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BODY_MAX = 16 * 1024 * 1024


@web.middleware
async def _refusals(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """A refusal of the platform is an ordinary answer with its return code; malformed input is status 400."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return respond({"retcode": int(refusal.retcode), "text": refusal.retcode.text})
    except (BadInput, msgspec.MsgspecError, InvalidOperation, ValueError, KeyError) as error:
        return respond({"error": f"{type(error).__name__}: {error}"}, status=400)


def control_app(simulator: Simulator) -> web.Application:
    """The control port's application for one simulator."""
    app = web.Application(middlewares=[_refusals], client_max_size=_BODY_MAX)
    app[SIMULATOR] = simulator
    for module in (inspect, clock, trader, faults, bench, manager):
        app.add_routes(module.routes)
    return app
