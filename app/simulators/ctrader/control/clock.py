"""/health, /clock: the simulated instant, and moving it."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiohttp import web

from app.simulators.ctrader.control.answers import body_of, respond
from app.simulators.ctrader.control.keys import simulator_of

routes = web.RouteTableDef()


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """200 while the environment works."""
    return respond({"status": "ok", **simulator_of(request).address()})


@routes.get("/clock")
async def read(request: web.Request) -> web.Response:
    """The simulated instant in UTC and its speed."""
    return _state(request)


@routes.post("/clock")
async def move(request: web.Request) -> web.Response:
    """`{"advance_seconds": n}` jumps with all that happens on the way, `{"set": "<ISO instant>"}` without it.

    `{"speed": x}` sets how many simulated seconds pass in a real one; 0 stops the clock.
    """
    simulator, body = simulator_of(request), await body_of(request)
    if "set" in body:
        simulator.clock.set(datetime.fromisoformat(body["set"]))
    if "advance_seconds" in body:
        await simulator.advance(timedelta(seconds=float(body["advance_seconds"])))
    if "speed" in body:
        simulator.clock.run_at(float(body["speed"]))
    simulator.watch.look()
    return _state(request)


def _state(request: web.Request) -> web.Response:
    clock = simulator_of(request).clock
    return respond({"now": clock.now().isoformat(), "speed": clock.speed})
