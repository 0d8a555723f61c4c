"""/trader/*: what a client's terminal does."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from app.simulators.ctrader import accounts
from app.simulators.ctrader.control.answers import amount_text, body_of, respond, symbol_named, volume_of
from app.simulators.ctrader.control.keys import simulator_of, trader_of
from app.simulators.ctrader.enums import AccessRights, OrderStatus, OrderType, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Execution, Terms, close_position, market_order
from app.simulators.ctrader.pending import end_order, place_order
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant

routes = web.RouteTableDef()


def _owner(request: web.Request, body: dict[str, Any]) -> Trader:
    """The account, if its terminal may connect. A password is checked when one is given."""
    trader = trader_of(request, body)
    if body.get("password") is not None:
        accounts.check_password(trader, accounts.password_digest(str(body["password"])))
    if trader.access_rights == AccessRights.NO_LOGIN:
        raise Refusal("AUTHENTICATION_FAILED", "Login is forbidden")
    return trader


def _terms(body: dict[str, Any]) -> Terms:
    def level(name: str) -> float | None:
        return float(body[name]) if body.get(name) else None

    return Terms(
        channel=str(body.get("channel", "cTrader")),
        label=str(body.get("label", "")),
        comment=str(body.get("comment", "")),
        stop_loss=level("stop_loss"),
        take_profit=level("take_profit"),
        address=str(body.get("ip", "")),
    )


def _executed(plant: Plant, trader: Trader, execution: Execution) -> dict[str, Any]:
    last = execution.deals[-1]
    return {
        "error": "",
        "order": execution.order.order_id,
        "position": execution.position.position_id,
        "deal": last.deal_id,
        "deals": [deal.deal_id for deal in execution.deals],
        "price": last.price,
        "net_profit": amount_text(trader, last.detail.net_profit) if last.detail else "0",
        "balance": amount_text(trader, trader.balance),
        "balance_version": trader.balance_version,
        "time_ms": last.executed_at,
    }


@routes.post("/trader/order")
async def order(request: web.Request) -> web.Response:
    """Trade: `{"login", "symbol", "side": "buy"|"sell", "volume": "0.10"}` in lots; with `position`, close that one.

    `fills` (`["0.04", "0.06"]`) executes it in several deals. With `type` (`limit` or `stop`) and `price` the order
    waits. `password`, `stop_loss`, `take_profit`, `label`, `comment`, `channel`, `ip` are optional.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    with plant.clock.hold():
        trader, terms, symbol = _owner(request, body), _terms(body), symbol_named(plant, body["symbol"])
        side, volume = TradeSide[str(body["side"]).upper()], volume_of(symbol, body["volume"])
        if "type" in body:
            kind, price = OrderType[str(body["type"]).upper()], float(body["price"])
            placed = place_order(plant, trader, symbol, side, volume, kind, price, terms)
            return respond({"error": "", "order": placed.order_id})
        if "position" in body:
            done = close_position(plant, trader, plant.position(int(body["position"])), volume, terms)
        else:
            fills = [volume_of(symbol, part) for part in body.get("fills", [])]
            done = market_order(plant, trader, symbol, side, volume, terms, fills=fills)
        return respond(_executed(plant, trader, done))


@routes.post("/trader/close")
async def close(request: web.Request) -> web.Response:
    """Close a position: `{"login", "position", "volume"}`; all of it without a volume."""
    plant, body = simulator_of(request).plant, await body_of(request)
    with plant.clock.hold():
        trader, position = _owner(request, body), plant.position(int(body["position"]))
        symbol = plant.symbols[position.symbol_id]
        volume = volume_of(symbol, body["volume"]) if "volume" in body else None
        return respond(_executed(plant, trader, close_position(plant, trader, position, volume, _terms(body))))


@routes.post("/trader/close_all")
async def close_all(request: web.Request) -> web.Response:
    """Close every position of the account."""
    plant, body = simulator_of(request).plant, await body_of(request)
    with plant.clock.hold():
        trader, terms = _owner(request, body), _terms(body)
        done = [
            _executed(plant, trader, close_position(plant, trader, position, None, terms))
            for position in plant.positions_of(trader.trader_id)
        ]
    return respond({"error": "", "closed": done})


@routes.post("/trader/modify")
async def modify(request: web.Request) -> web.Response:
    """Set a position's `stop_loss` and `take_profit`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    trader, position, terms = _owner(request, body), plant.position(int(body["position"])), _terms(body)
    if position.trader_id != trader.trader_id:
        raise Refusal("POSITION_NOT_FOUND")
    position.stop_loss, position.take_profit = terms.stop_loss, terms.take_profit
    plant.protection_changed(position)
    return respond({"error": ""})


@routes.post("/trader/cancel")
async def cancel(request: web.Request) -> web.Response:
    """Cancel a waiting order: `{"login", "order"}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    trader, waiting = _owner(request, body), plant.orders.get(int(body["order"]))
    if waiting is None or waiting.trader_id != trader.trader_id:
        raise Refusal("ORDER_NOT_FOUND")
    end_order(plant, waiting, OrderStatus.CANCELLED)
    return respond({"error": ""})


@routes.post("/trader/sign_in")
async def sign_in(request: web.Request) -> web.Response:
    """A terminal connects: `{"login", "country", "city", "application"}`. The answer names its session."""
    plant, body = simulator_of(request).plant, await body_of(request)
    values: dict[str, Any] = {
        name: str(body[name]) for name in ("country", "city", "application", "proxy") if name in body
    }
    return respond({"error": "", "session": accounts.sign_in(plant, _owner(request, body), values)})


@routes.post("/trader/sign_out")
async def sign_out(request: web.Request) -> web.Response:
    """A terminal leaves: `{"session"}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    accounts.sign_out(plant, int(body["session"]))
    return respond({"error": ""})
