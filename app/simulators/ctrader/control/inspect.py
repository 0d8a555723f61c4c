"""Looking at everything the environment knows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.simulators.ctrader.control.answers import amount_text, body_of, respond, symbol_named
from app.simulators.ctrader.control.keys import simulator_of, trader_of
from app.simulators.ctrader.margin import figures_of
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant
from app.simulators.market import Quote

routes = web.RouteTableDef()
_END_OF_TIME = 1 << 61


@routes.get("/state")
async def state(request: web.Request) -> web.Response:
    """Addresses, counts and connections."""
    simulator = simulator_of(request)
    plant = simulator.plant
    return respond(
        {
            **simulator.address(),
            "counts": {
                "traders": len(plant.traders),
                "deals": len(plant.deals),
                "positions": len(plant.positions),
                "orders": len(plant.orders),
                "cash": len(plant.cash),
                "bonuses": len(plant.bonuses),
                "users": len(plant.users),
            },
            "sessions": len(simulator.manager_face.managers()),
            "requests": {server.face: server.requests for server in simulator.frame_servers}
            | {"web": simulator.desk.requests},
            "events": plant.last["event"],
        }
    )


@routes.get("/accounts")
async def accounts(request: web.Request) -> web.Response:
    """All accounts that are not deleted; `?group=` limits them to one group."""
    plant, name = simulator_of(request).plant, request.query.get("group")
    found = [it for it in plant.traders.values() if not it.is_deleted]
    return respond([_account(plant, it) for it in found if not name or plant.groups[it.group_id].name == name])


@routes.get("/accounts/{login}")
async def account(request: web.Request) -> web.Response:
    """One account with its figures, open positions and waiting orders."""
    plant, trader = simulator_of(request).plant, trader_of(request)
    with plant.clock.hold():
        figures = figures_of(plant, trader)
        return respond(
            {
                **_account(plant, trader),
                "equity": amount_text(trader, figures.equity),
                "used_margin": amount_text(trader, figures.used_margin),
                "free_margin": amount_text(trader, figures.free_margin),
                "positions": [msgspec.to_builtins(it) for it in plant.positions_of(trader.trader_id)],
                "orders": [msgspec.to_builtins(it) for it in plant.orders.values() if it.trader_id == trader.trader_id],
            }
        )


def _account(plant: Plant, trader: Trader) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(trader)
    return {
        **record,
        "group": plant.groups[trader.group_id].name,
        "currency": plant.asset_of(trader).name,
        "balance_text": amount_text(trader, trader.balance),
        "credit_text": amount_text(trader, trader.nonwithdrawable_bonus),
    }


@routes.get("/accounts/{login}/history")
async def history(request: web.Request) -> web.Response:
    """Everything that ever moved the account's money: balance operations, bonuses and closing deals, oldest first."""
    plant, trader = simulator_of(request).plant, trader_of(request)
    own = [trader.trader_id]
    cash = [
        {"kind": "cash", "external_id": it.external_id, "type": it.type, "delta": it.delta, "balance": it.balance}
        | {"id": it.balance_history_id, "balance_version": it.balance_version, "at": it.at, "comment": it.comment}
        for it in plant.cash.window(0, _END_OF_TIME, own)
    ]
    deals = [
        {"kind": "deal", "id": it.deal_id, "delta": it.detail.net_profit, "balance": it.detail.balance}
        | {"balance_version": it.detail.balance_version, "at": it.executed_at}
        for it in plant.deals.window(0, _END_OF_TIME, own)
        if it.detail is not None
    ]
    bonuses = [msgspec.to_builtins(it) for it in plant.bonuses.window(0, _END_OF_TIME, own)]
    return respond({"moves": sorted(cash + deals, key=_version), "bonuses": bonuses[::-1]})


def _version(move: dict[str, Any]) -> int:
    return int(move["balance_version"])


@routes.get("/deals")
async def deals(request: web.Request) -> web.Response:
    """Deals, newest first: `?login=&limit=`."""
    plant, login = simulator_of(request).plant, request.query.get("login")
    owners = [plant.by_login(int(login)).trader_id] if login else None
    rows = plant.deals.window(0, _END_OF_TIME, owners)
    return respond([msgspec.to_builtins(it) for it in rows[: int(request.query.get("limit", 1000))]])


@routes.get("/deals/summary")
async def summary(request: web.Request) -> web.Response:
    """Counts and sums per account, for proofs: what came in, what trading brought, and what is there."""
    plant = simulator_of(request).plant
    found: dict[str, Any] = {}
    for trader in plant.traders.values():
        cash = plant.cash.window(0, _END_OF_TIME, [trader.trader_id])
        closing = [it for it in plant.deals.window(0, _END_OF_TIME, [trader.trader_id]) if it.detail is not None]
        found[str(trader.login)] = {
            "deals": plant.deals.count(trader.trader_id),
            "closing_deals": len(closing),
            "cash": amount_text(trader, sum(it.delta for it in cash if it.type not in (19, 20))),
            "credit": amount_text(trader, sum(it.delta for it in cash if it.type in (19, 20))),
            "trading": amount_text(trader, sum(it.detail.net_profit for it in closing if it.detail)),
            "balance": amount_text(trader, trader.balance),
            "balance_version": trader.balance_version,
        }
    return respond(found)


@routes.get("/prices")
async def prices(request: web.Request) -> web.Response:
    """The provider's quotes, now or `?at=` an instant."""
    plant = simulator_of(request).plant
    at = datetime.fromisoformat(request.query["at"]) if "at" in request.query else plant.now()
    quotes = {symbol.name: plant.prices.quote(symbol, at) for symbol in plant.symbols.values()}
    return respond({name: {"bid": quote.bid, "ask": quote.ask} for name, quote in quotes.items()})


@routes.post("/prices")
async def fix(request: web.Request) -> web.Response:
    """Hold prices: `{"EURUSD": ["1.10000", "1.10010"], "XAUUSD": null}`; null lets the market go on."""
    simulator, body = simulator_of(request), await body_of(request)
    plant = simulator.plant
    for name, sides in body.items():
        symbol = symbol_named(plant, name)
        if sides is None:
            plant.prices.fixed.pop(symbol.name, None)
        else:
            bid, ask = (Decimal(str(side)) for side in sides)
            plant.prices.fixed[symbol.name] = Quote(bid, ask, plant.now())
    simulator.watch.look()
    return respond({name: [quote.bid, quote.ask] for name, quote in plant.prices.fixed.items()})
