"""/faults, /restart, /push, /switches: trouble on demand."""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.simulators.mt5.config import PushConfig, Switches
from app.simulators.mt5.control.answers import body_of, respond
from app.simulators.mt5.control.keys import simulator_of
from app.simulators.mt5.faults import Fault

routes = web.RouteTableDef()


@routes.get("/faults")
async def listed(request: web.Request) -> web.Response:
    """The faults that are still armed."""
    return respond(simulator_of(request).faults.listed())


@routes.post("/faults")
async def arm(request: web.Request) -> web.Response:
    """Arm a fault: `{"kind": "drop_after", "command": "trade/balance", "count": 1, "login": 100001}`.

    `seconds` belongs to delays and anti-flood, `retcode` to refusals; a `count` of null lasts until it is disarmed.
    """
    fault = msgspec.convert(await body_of(request), Fault)
    return respond(msgspec.to_builtins(simulator_of(request).faults.add(fault)), status=201)


@routes.delete("/faults")
async def disarm_all(request: web.Request) -> web.Response:
    """Disarm everything."""
    simulator_of(request).faults.clear()
    return respond([])


@routes.delete("/faults/{id}")
async def disarm(request: web.Request) -> web.Response:
    """Disarm one fault."""
    simulator_of(request).faults.clear(int(request.match_info["id"]))
    return respond(simulator_of(request).faults.listed())


@routes.post("/drop")
async def drop(request: web.Request) -> web.Response:
    """Break every connection to the platform's port."""
    simulator_of(request).gateway.drop_all()
    return respond({})


@routes.post("/restart")
async def restart(request: web.Request) -> web.Response:
    """Restart the platform: `{"seconds": 1}` of silence, then trading states of idle accounts are gone."""
    body = await body_of(request)
    await simulator_of(request).restart(float(body.get("seconds", 0)))
    return respond({})


@routes.get("/push")
async def push_status(request: web.Request) -> web.Response:
    """Where the bridge posts and how far the receiver is."""
    return respond(simulator_of(request).bridge.status())


@routes.put("/push")
async def push_to(request: web.Request) -> web.Response:
    """Set the bridge's address: `{"url", "secret", "bridge", "headers"}`."""
    simulator = simulator_of(request)
    simulator.push_to(msgspec.convert(await body_of(request), PushConfig))
    return respond(simulator.bridge.status())


@routes.post("/push")
async def push_trouble(request: web.Request) -> web.Response:
    """`{"paused": true}` holds events back, `{"disconnected": true}` loses them until it is false again.

    `{"lose": n}` leaves a hole of the next n events, `{"repeat": n}` sends the next n batches twice.
    """
    bridge, body = simulator_of(request).bridge, await body_of(request)
    if "paused" in body:
        bridge.pause(bool(body["paused"]))
    if "disconnected" in body:
        bridge.disconnect(bool(body["disconnected"]))
    bridge.events_to_lose = int(body.get("lose", bridge.events_to_lose))
    bridge.batches_to_repeat = int(body.get("repeat", bridge.batches_to_repeat))
    return respond(bridge.status())


@routes.get("/switches")
async def switches(request: web.Request) -> web.Response:
    """The answers to the open questions that are in force."""
    return respond(msgspec.to_builtins(simulator_of(request).server.switches))


@routes.post("/switches")
async def set_switches(request: web.Request) -> web.Response:
    """Change some of them."""
    server = simulator_of(request).server
    merged = {**msgspec.to_builtins(server.switches), **await body_of(request)}
    server.switches = msgspec.convert(merged, Switches)
    return respond(msgspec.to_builtins(server.switches))
