"""/manager/*: the feed itself, its link, and what only an administrator's terminal can do."""

from __future__ import annotations

import contextlib

import msgspec
from aiohttp import web

from app.simulators.mt5.accounts import find_group
from app.simulators.mt5.control.answers import body_of, respond
from app.simulators.mt5.control.keys import simulator_of
from app.simulators.mt5.state import TradeServer

routes = web.RouteTableDef()


@routes.post("/manager/feed")
async def feed(request: web.Request) -> web.StreamResponse:
    """Connect with pumping: `{"login", "password"}`. Answers one JSON value a line, for as long as the link lasts.

    First the manager, then everything loaded, `{"loaded": true}`, then events as they happen.
    """
    hub, body = simulator_of(request).feed, await body_of(request)
    listening = hub.open(int(body["login"]), str(body["password"]))
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    try:
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # Whoever listened has gone.
            while (line := await listening.lines.get()) is not None:
                lines = [line]
                while not listening.lines.empty() and len(lines) < 500:
                    following = listening.lines.get_nowait()
                    if following is None:
                        listening.put(None)
                        break
                    lines.append(following)
                await response.write(b"".join(msgspec.json.encode(each) + b"\n" for each in lines))
            await response.write_eof()
    finally:
        hub.close(listening)
    return response


@routes.get("/manager/time")
async def time(request: web.Request) -> web.Response:
    """The platform's trading time in milliseconds."""
    return respond({"time_msc": simulator_of(request).server.time.msc()})


@routes.get("/manager")
async def status(request: web.Request) -> web.Response:
    """How many pumping connections there are."""
    hub = simulator_of(request).feed
    return respond({"connections": len(hub), "is_cut": hub.is_cut})


@routes.post("/manager/link")
async def link(request: web.Request) -> web.Response:
    """`{"cut": true}` breaks every pumping connection and refuses new ones until it is false again."""
    hub, body = simulator_of(request).feed, await body_of(request)
    hub.cut(bool(body["cut"]))
    return respond({"is_cut": hub.is_cut})


@routes.post("/manager/move")
async def move(request: web.Request) -> web.Response:
    """Move an account to another group with its positions open: `{"login", "group"}`.

    Each position is deleted and added again; the account is told of before and after.
    """
    server, body = simulator_of(request).server, await body_of(request)
    user = server.user(int(body["login"]))
    group = find_group(server, str(body["group"]), next(iter(server.managers.values())))
    user.group = group.name
    server.user_changed(user)
    for position in server.positions_of(user.login):
        server.drop_position(position)
        server.put_position(position, "position.add")
    server.user_changed(user)
    return respond({"moved": user.login})


@routes.post("/manager/clean")
async def clean(request: web.Request) -> web.Response:
    """Remove an old account as the server's own cleaning does: no single deletion is told. `{"login"}`."""
    server, body = simulator_of(request).server, await body_of(request)
    login = int(body["login"])
    server.user(login)
    _remove(server, login)
    for kind in ("order.clean", "position.clean", "deal.clean", "user.clean"):
        server.emit(kind, {"Login": str(login)})
    return respond({"cleaned": login})


def _remove(server: TradeServer, login: int) -> None:
    for order in server.orders_of(login):
        del server.orders[order.order]
        server.touch("order", order.order)
    for position in server.positions.pop(login, {}).values():
        server.touch("position", position.position)
    for deal in list(server.deals.of_login(login)):
        server.deals.remove(deal.deal)
        server.touch("deal", deal.deal)
    del server.users[login]
    server.passwords.pop(login, None)
    server.active_logins.discard(login)
    server.touch("user", login)
    server.touch("passwords", login)
