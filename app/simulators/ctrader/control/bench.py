"""/inject, /late, /rejected, /written: many deals at once, deals of the past, and deals that never filled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from time import monotonic

from aiohttp import web

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.control.answers import BadInput, body_of, respond, symbol_named, volume_of
from app.simulators.ctrader.control.keys import simulator_of, trader_of
from app.simulators.ctrader.enums import DealStatus, ExecutionType, TradeSide
from app.simulators.ctrader.execution import Terms, close_position, market_order
from app.simulators.ctrader.records import Deal, Trader
from app.simulators.ctrader.state import Event, Plant
from app.simulators.ctrader.written import WrittenDeals

routes = web.RouteTableDef()
_BREATH = 50


def book_round_trip(
    plant: Plant, trader: Trader, symbol: Symbol, side: TradeSide, volume: int, span: Sequence[datetime], terms: Terms
) -> list[Deal]:
    """Open at one instant and close at another, at the prices of both. Margin is not asked for."""
    opened_at, closed_at = span
    with plant.standing_at(opened_at):
        opened = market_order(plant, trader, symbol, side, volume, terms)
    with plant.standing_at(closed_at):
        closed = close_position(plant, trader, opened.position, None, terms)
    return [*opened.deals, *closed.deals]


@routes.post("/inject")
async def inject(request: web.Request) -> web.Response:
    """Book many closed round trips of two deals each.

    `{"count": 1000, "logins": [..] or "group": name, "symbols": [..], "volume": "0.10", "window_seconds": 3600,
    "hold_seconds": [60, 1800], "seed": 1, "push": true}`. They close evenly inside the last `window_seconds`;
    without `push` nobody is told.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    traders = _chosen(plant, body)
    total, random = int(body.get("count", 1)), Random(int(body.get("seed", 1)))
    symbols = [symbol_named(plant, name) for name in body.get("symbols", ["EURUSD", "GBPUSD", "XAUUSD"])]
    shortest, longest = (float(part) for part in body.get("hold_seconds", (60, 1800)))
    window = float(body.get("window_seconds", 3600))
    terms = Terms(is_silent=not body.get("push", False), is_forced=True, is_margin_checked=False)
    started, ends, numbers = monotonic(), plant.now(), list[int]()
    for index in range(total):
        closed_at = ends - timedelta(seconds=window * (1 - (index + 1) / total))
        span = closed_at - timedelta(seconds=random.uniform(shortest, longest)), closed_at
        symbol = random.choice(symbols)
        lots = body.get("volume", Decimal(random.randint(1, 100)) / 100)
        side = random.choice((TradeSide.BUY, TradeSide.SELL))
        trader = traders[index % len(traders)]
        volume = max(symbol.volume_step, volume_of(symbol, lots) // symbol.volume_step * symbol.volume_step)
        numbers += [deal.deal_id for deal in book_round_trip(plant, trader, symbol, side, volume, span, terms)]
        if index % _BREATH == 0:
            await asyncio.sleep(0)
    seconds = round(monotonic() - started, 4)
    return respond({"deals": len(numbers), "first": numbers[0], "last": numbers[-1], "seconds": seconds})


@routes.post("/late")
async def late(request: web.Request) -> web.Response:
    """One round trip with past times.

    `{"login", "symbol", "side", "volume", "opened_at": "<ISO>", "closed_at", "push": false}`.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    symbol, trader = symbol_named(plant, body["symbol"]), trader_of(request, body)
    span = datetime.fromisoformat(body["opened_at"]), datetime.fromisoformat(body["closed_at"])
    terms = Terms(is_silent=not body.get("push", False), is_forced=True, is_margin_checked=False)
    side, volume = TradeSide[str(body["side"]).upper()], volume_of(symbol, body["volume"])
    deals = book_round_trip(plant, trader, symbol, side, volume, span, terms)
    return respond({"deals": [deal.deal_id for deal in deals], "position": deals[0].position_id})


@routes.post("/rejected")
async def rejected(request: web.Request) -> web.Response:
    """A deal that was rejected: `{"login", "symbol", "side", "volume"}`. It has no filled volume and moves nothing."""
    plant, body = simulator_of(request).plant, await body_of(request)
    symbol, trader = symbol_named(plant, body["symbol"]), trader_of(request, body)
    now = plant.now_ms()
    deal = Deal(
        deal_id=plant.take("deal"),
        order_id=plant.take("order"),
        position_id=plant.take("position"),
        trader_id=trader.trader_id,
        symbol_id=symbol.id,
        side=TradeSide[str(body["side"]).upper()],
        volume=volume_of(symbol, body["volume"]),
        filled_volume=0,
        created_at=now,
        executed_at=now,
        updated_at=now,
        status=DealStatus.REJECTED,
        price=0.0,
        lp_price=0.0,
        commission=0,
        markup=Decimal(0),
        lot_size=symbol.lot_size,
        money_digits=trader.money_digits,
        usd_rate=1.0,
    )
    plant.add_deal(deal)
    plant.emit(Event("execution", trader.trader_id, execution=ExecutionType.ORDER_REJECTED, deal=deal, error="ERROR"))
    return respond({"deal": deal.deal_id})


@routes.post("/repeat")
async def repeat(request: web.Request) -> web.Response:
    """Tell of something again: `{"deal": n}` or `{"cash": n}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    if "cash" in body:
        cash = plant.cash.by_id[int(body["cash"])]
        kind = ExecutionType.DEPOSIT_WITHDRAW
        plant.emit(Event("execution", cash.trader_id, execution=kind, cash=cash))
        return respond({})
    deal = plant.deals.by_id[int(body["deal"])]
    order = plant.done_orders.by_id.get(deal.order_id)
    position = plant.positions.get(deal.position_id) or plant.closed.by_id.get(deal.position_id)
    kind = ExecutionType.ORDER_FILLED
    plant.emit(Event("execution", deal.trader_id, execution=kind, deal=deal, order=order, position=position))
    return respond({})


@routes.post("/written")
async def written(request: web.Request) -> web.Response:
    """Answer readings of deals by group from a file of written deals with its index: `{"path": "..."}`. Without a path,
    from the books again."""
    plant, body = simulator_of(request).plant, await body_of(request)
    path = body.get("path")
    plant.written_deals = WrittenDeals(Path(str(path))) if path else None
    return respond({"deals": len(plant.written_deals or ())})


def _chosen(plant: Plant, body: dict[str, object]) -> list[Trader]:
    logins = body.get("logins")
    if isinstance(logins, list) and logins:
        return [plant.by_login(int(login)) for login in logins]
    name = body.get("group")
    found = [it for it in plant.traders.values() if not it.is_deleted]
    found = [it for it in found if not name or plant.groups[it.group_id].name == name]
    if not found:
        raise BadInput("No account to trade on.")
    return found
