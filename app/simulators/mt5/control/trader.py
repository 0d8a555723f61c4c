"""/trader/*: what a client's terminal does. Every request carries the account's login and main password."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from app.simulators.mt5 import accounts
from app.simulators.mt5.control.answers import body_of, respond, volume_ext
from app.simulators.mt5.control.keys import simulator_of
from app.simulators.mt5.enums import Action, OrderType, Reason, Rights
from app.simulators.mt5.execution import Execution, Terms, close_by, close_position, market_order
from app.simulators.mt5.margin import account_state, refresh
from app.simulators.mt5.pending import cancel_order, place_order
from app.simulators.mt5.records import User, fixed, wire
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

routes = web.RouteTableDef()
_REASONS = {"client": Reason.CLIENT, "expert": Reason.EXPERT, "mobile": Reason.MOBILE, "web": Reason.WEB}


def _trader(server: TradeServer, body: dict[str, Any]) -> User:
    """The account, once its password is right and it may connect."""
    login = int(body["login"])
    user = server.users.get(login)
    if user is None or not accounts.is_password(server, login, "main", str(body.get("password", ""))):
        raise Refusal(Retcode.INVALID_ACCOUNT)
    if not user.rights & Rights.ENABLED:
        raise Refusal(Retcode.ACCOUNT_DISABLED)
    return user


def _terms(body: dict[str, Any]) -> Terms:
    return Terms(
        reason=_REASONS[body.get("reason", "client")],
        comment=str(body.get("comment", ""))[:31],
        sl=Decimal(str(body.get("sl", 0))),
        tp=Decimal(str(body.get("tp", 0))),
        expert=int(body.get("expert", 0)),
    )


def _executed(execution: Execution) -> dict[str, Any]:
    first = execution.deals[0]
    return {
        "retcode": int(Retcode.REQUEST_DONE),
        "text": Retcode.REQUEST_DONE.text,
        "order": execution.order.order,
        "deal": first.deal,
        "deals": [deal.deal for deal in execution.deals],
        "position": execution.position,
        "position_id": first.position_id,
        "price": fixed(first.price, first.digits),
        "profit": fixed(first.profit, first.digits_currency),
        "time_msc": first.time_msc,
    }


@routes.post("/trader/sign_in")
async def sign_in(request: web.Request) -> web.Response:
    """Connect a terminal from an address: `{"login", "password", "ip", "type": 0}`."""
    server, body = simulator_of(request).server, await body_of(request)
    user = _trader(server, body)
    accounts.sign_in(server, user, str(body.get("ip", "127.0.0.1")), int(body.get("type", 0)))
    return respond({"retcode": 0, "text": Retcode.DONE.text})


@routes.post("/trader/order")
async def order(request: web.Request) -> web.Response:
    """Trade: `{"symbol", "side": "buy"|"sell", "volume": "0.10"}`; with `position`, to close that one.

    With `type` (`limit` or `stop`) and `price` the order waits; `sl`, `tp`, `comment`, `reason`, `expert` are optional.
    """
    server, body = simulator_of(request).server, await body_of(request)
    side, volume = Action[str(body["side"]).upper()], volume_ext(body["volume"])
    with server.clock.hold():
        user, terms, symbol = _trader(server, body), _terms(body), str(body["symbol"])
        if "type" in body:
            kind = OrderType[f"{side.name}_{str(body['type']).upper()}"]
            placed = place_order(server, user, symbol, kind, volume, Decimal(str(body["price"])), terms)
            done = Retcode.REQUEST_DONE
            return respond({"retcode": int(done), "text": done.text, "order": placed.order})
        ticket = int(body.get("position", 0))
        return respond(_executed(market_order(server, user, symbol, side, volume, terms, position_ticket=ticket)))


@routes.post("/trader/close")
async def close(request: web.Request) -> web.Response:
    """Close a position: `{"position", "volume"}`; all of it without a volume."""
    server, body = simulator_of(request).server, await body_of(request)
    with server.clock.hold():
        user = _trader(server, body)
        position = server.positions.get(user.login, {}).get(int(body["position"]))
        if position is None:
            raise Refusal(Retcode.POSITION_CLOSED)
        volume = volume_ext(body["volume"]) if "volume" in body else None
        return respond(_executed(close_position(server, user, position, _terms(body), volume)))


@routes.post("/trader/close_all")
async def close_all(request: web.Request) -> web.Response:
    """Close every position of the account."""
    server, body = simulator_of(request).server, await body_of(request)
    with server.clock.hold():
        user, terms = _trader(server, body), _terms(body)
        done = [
            _executed(close_position(server, user, position, terms)) for position in server.positions_of(user.login)
        ]
    return respond({"retcode": int(Retcode.REQUEST_DONE), "closed": done})


@routes.post("/trader/close_by")
async def close_against(request: web.Request) -> web.Response:
    """Close two opposite positions against each other: `{"position", "by"}`."""
    server, body = simulator_of(request).server, await body_of(request)
    with server.clock.hold():
        user = _trader(server, body)
        return respond(_executed(close_by(server, user, int(body["position"]), int(body["by"]), _terms(body))))


@routes.post("/trader/modify")
async def modify(request: web.Request) -> web.Response:
    """Set the stops of a position: `{"position", "sl", "tp"}`."""
    server, body = simulator_of(request).server, await body_of(request)
    user, terms = _trader(server, body), _terms(body)
    position = server.positions.get(user.login, {}).get(int(body["position"]))
    if position is None:
        raise Refusal(Retcode.POSITION_CLOSED)
    position.sl, position.tp = terms.sl, terms.tp
    server.put_position(position, "position.update")
    return respond({"retcode": int(Retcode.REQUEST_DONE), "text": Retcode.REQUEST_DONE.text})


@routes.post("/trader/cancel")
async def cancel(request: web.Request) -> web.Response:
    """Cancel a pending order: `{"order"}`."""
    server, body = simulator_of(request).server, await body_of(request)
    user, ticket = _trader(server, body), int(body["order"])
    if ticket not in server.orders or server.orders[ticket].login != user.login:
        raise Refusal(Retcode.NOT_FOUND)
    cancel_order(server, ticket)
    return respond({"retcode": int(Retcode.REQUEST_DONE), "text": Retcode.REQUEST_DONE.text})


@routes.post("/trader/account")
async def account(request: web.Request) -> web.Response:
    """The account as its terminal shows it."""
    server, body = simulator_of(request).server, await body_of(request)
    user = _trader(server, body)
    with server.clock.hold():
        return respond(
            {
                "retcode": 0,
                "account": wire(account_state(server, user)),
                "positions": [wire(refresh(server, position)) for position in server.positions_of(user.login)],
                "orders": [wire(pending) for pending in server.orders_of(user.login)],
            }
        )
