"""/faults, /drop, /restart, /switches, /certificate: trouble on demand."""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.simulators.ctrader.config import Switches
from app.simulators.ctrader.control.answers import body_of, respond
from app.simulators.ctrader.control.keys import simulator_of
from app.simulators.ctrader.faults import Fault

routes = web.RouteTableDef()


@routes.get("/faults")
async def listed(request: web.Request) -> web.Response:
    """The faults that are still armed."""
    return respond(simulator_of(request).faults.listed())


@routes.post("/faults")
async def arm(request: web.Request) -> web.Response:
    """Arm a fault: `{"kind": "lose_after", "face": "manager", "command": "ChangeBalance", "count": 1}`.

    `trader_id` limits it to one account, `seconds` belongs to delays, `code` and `maintenance_end_ms` to refusals; a
    `count` of null lasts until it is disarmed.
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
    """Break every connection to the Manager API and the Open API."""
    simulator_of(request).drop_all()
    return respond({})


@routes.post("/restart")
async def restart(request: web.Request) -> web.Response:
    """`{"seconds": 1}` of silence on every face. Accounts, versions and money stay; sign-ins and tokens do not."""
    body = await body_of(request)
    await simulator_of(request).restart(float(body.get("seconds", 0)))
    return respond({})


@routes.post("/certificate")
async def certificate(request: web.Request) -> web.Response:
    """Show another certificate to new connections: `{"kind": "valid"|"expired"|"other_name"|"untrusted"}`."""
    body = await body_of(request)
    simulator_of(request).show_certificate(str(body.get("kind", "valid")))
    return respond({})


@routes.get("/switches")
async def switches(request: web.Request) -> web.Response:
    """The answers to the open questions that are in force."""
    return respond(msgspec.to_builtins(simulator_of(request).plant.switches))


@routes.post("/switches")
async def set_switches(request: web.Request) -> web.Response:
    """Change some of them."""
    plant = simulator_of(request).plant
    merged = {**msgspec.to_builtins(plant.switches), **await body_of(request)}
    plant.switches = msgspec.convert(merged, Switches)
    return respond(msgspec.to_builtins(plant.switches))
