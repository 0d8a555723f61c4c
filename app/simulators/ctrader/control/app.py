"""HTTP with JSON: routes of the control port and how its refusals look."""

from __future__ import annotations

from decimal import InvalidOperation
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from app.simulators.ctrader.control import bench, clock, consent, copy_page, faults, inspect, office, trader
from app.simulators.ctrader.control.answers import BadInput, respond
from app.simulators.ctrader.control.keys import SIMULATOR
from app.simulators.ctrader.errors import Refusal

if TYPE_CHECKING:
    from app.simulators.ctrader.simulator import Simulator

_BODY_MAX = 16 * 1024 * 1024


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A refusal of the platform is an ordinary answer with its error; malformed input is status 400."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return respond({"error": refusal.code, "text": refusal.description})
    except (BadInput, msgspec.MsgspecError, InvalidOperation, ValueError, KeyError) as error:
        return respond({"error": f"{type(error).__name__}: {error}"}, status=400)


def control_app(simulator: Simulator) -> web.Application:
    """The control port's application for one simulator."""
    app = web.Application(middlewares=[_refusals], client_max_size=_BODY_MAX)
    app[SIMULATOR] = simulator
    for module in (inspect, clock, trader, office, faults, bench, consent, copy_page):
        app.add_routes(module.routes)
    return app
