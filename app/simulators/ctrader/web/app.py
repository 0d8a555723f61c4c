"""The WebServices application: paths, tokens, faults and errors."""

from __future__ import annotations

import asyncio
from hmac import compare_digest

from aiohttp import web
from aiohttp.typedefs import Handler

from app.simulators.ctrader.accounts import password_digest
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.faults import FaultKind
from app.simulators.ctrader.log import log
from app.simulators.ctrader.web import ctid, lists, traders
from app.simulators.ctrader.web.desk import DESK, Desk, Unauthorized, answer, body_of, desk_of, number

_FACE = "web"
_FORBIDDEN = ("NOT_ENOUGH_RIGHTS",)
_token_routes = web.RouteTableDef()


@_token_routes.post("/webserv/managers/token")
async def token(request: web.Request) -> web.Response:
    """Sign a manager in."""
    desk, body = desk_of(request), await body_of(request)
    manager = desk.plant.managers.get(number(body.get("login")))
    given = str(body.get("hashedPassword"))
    if manager is None or not compare_digest(password_digest(manager.password), given):
        raise Refusal("WRONG_PASSWORD", "Login or password is wrong")
    return answer(request, {"webservToken": desk.give_token(manager)}, root="managerToken")


def web_app(desk: Desk) -> web.Application:
    """The application of one environment."""
    app = web.Application(middlewares=[_faults, _errors], client_max_size=8 * 1024 * 1024)
    app[DESK] = desk
    broker, identity = web.Application(), web.Application()
    for routes in (_token_routes, traders.routes, lists.routes):
        broker.add_routes(routes)
    identity.add_routes(ctid.routes)
    app.add_subapp("/v2", broker)
    app.add_subapp("/cid", identity)
    return app


def _error(request: web.Request, code: str, description: str, status: int, end_ms: int = 0) -> web.Response:
    error: dict[str, object] = {"errorCode": code, "description": description}
    if end_ms:
        error["maintenanceEndTimestamp"] = end_ms
    return answer(request, {"error": error}, status)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.method != "GET" and not request.path.endswith("/token"):
            desk_of(request).count_write()
        return await handler(request)
    except Unauthorized:
        return _error(request, "NOT_ENOUGH_RIGHTS", "Token is not valid", 401)
    except Refusal as refusal:
        status = 403 if refusal.code in _FORBIDDEN else 400
        return _error(request, refusal.code, refusal.description, status)
    except web.HTTPException as error:
        return _error(request, "INVALID_REQUEST", error.reason, error.status)
    except Exception as error:
        log("request_failed", face=_FACE, path=request.path, error=repr(error))
        return _error(request, "UNKNOWN_ERROR", "Something went wrong", 500)


@web.middleware
async def _faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Trouble on demand. A command is `PATCH /v2/webserv/traders/*`, or a path's last word such as `changebalance`."""
    desk = desk_of(request)
    desk.requests += 1
    if desk.is_down:
        return _broken(request)
    names = (f"{request.method} {request.path}", request.path.rstrip("/").rsplit("/", 1)[-1])
    login = request.match_info.get("login") or ""
    trader_id = desk.plant.trader_ids.get(int(login)) if login.isdigit() else None

    def seconds(kind: FaultKind) -> float | None:
        fault = desk.faults.take(kind, _FACE, names, trader_id)
        return None if fault is None else fault.seconds

    delay = seconds(FaultKind.DELAY)
    if delay is not None:
        await asyncio.sleep(delay)
    if seconds(FaultKind.DROP_BEFORE) is not None:
        return _broken(request)
    refused = desk.faults.take(FaultKind.REFUSE, _FACE, names, trader_id)
    if refused is not None:
        status = 503 if refused.maintenance_end_ms else 400
        return _error(request, refused.code, "Refused on command", status, refused.maintenance_end_ms)
    response = await handler(request)
    spoiled = desk.faults.take(FaultKind.REFUSE_AFTER, _FACE, names, trader_id)
    if spoiled is not None:
        return _error(request, spoiled.code, "Refused on command", 500)
    delay = seconds(FaultKind.DELAY_AFTER)
    if delay is not None:
        await asyncio.sleep(delay)
    if seconds(FaultKind.DROP_AFTER) is not None:
        return _broken(request)
    return response


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
