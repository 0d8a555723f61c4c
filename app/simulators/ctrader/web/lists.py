"""Groups, symbols, deposit assets, and the lists of positions."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

from aiohttp import web

from app.simulators.ctrader.catalogue import CATEGORIES, CLASSES
from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import Permission, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.records import CloseDetail, Deal, Position
from app.simulators.ctrader.state import Plant
from app.simulators.ctrader.web.desk import answer, desk_of, manager_of, number, trader_of, window_of, written

routes = web.RouteTableDef()
_TIMES = ("openTimestamp", "closeTimestamp")
_WINDOW_MS_MAX = 2 * 86_400_000
_OPEN = [
    "login",
    "positionId",
    "openTimestamp",
    "entryPrice",
    "direction",
    "volume",
    "symbol",
    "commission",
    "swap",
    "bookType",
    "stake",
    "spreadBetting",
    "usedMargin",
]
_CLOSED = [
    "login",
    "positionId",
    "dealId",
    "openTimestamp",
    "closeTimestamp",
    "entryPrice",
    "closePrice",
    "direction",
    "volume",
    "symbol",
    "commission",
    "swap",
    "pnl",
    "depositConversionRate",
    "usdConversionRate",
    "bookType",
    "stake",
    "spreadBetting",
]


@routes.get("/webserv/tradergroups")
async def groups(request: web.Request) -> web.Response:
    plant, manager = desk_of(request).plant, manager_of(request, Permission.GROUP_READ)
    seen = [group for group in plant.groups.values() if plant.sees_group(manager, group.id)]
    shapes = [{"id": group.id, "name": group.name, "description": group.description} for group in seen]
    return answer(request, {"traderGroup": shapes})


@routes.get("/webserv/symbols")
async def symbols(request: web.Request) -> web.Response:
    plant = desk_of(request).plant
    manager_of(request)
    classes, categories = dict(CLASSES), {key: (parent, name) for key, parent, name in CATEGORIES}
    shapes = [
        {
            "id": symbol.id,
            "name": symbol.name,
            "description": symbol.description,
            "assetClass": classes[categories[symbol.category][0]],
            "category": categories[symbol.category][1],
            "quotesEnabled": True,
            "showInCtrader": True,
        }
        for symbol in plant.symbols.values()
    ]
    return answer(request, {"symbol": shapes})


@routes.get("/webserv/depositAssets")
async def deposit_assets(request: web.Request) -> web.Response:
    plant = desk_of(request).plant
    manager_of(request)
    return answer(request, {"depositAsset": [asset.name for asset in plant.assets.values() if asset.is_deposit]})


@routes.get("/webserv/openPositions")
async def open_positions(request: web.Request) -> web.Response:
    """What is open now, of all accounts or of one."""
    plant, manager = desk_of(request).plant, manager_of(request, Permission.POSITION_READ)
    owners = _owners(request, manager)
    with plant.clock.hold():
        rows = [_open_row(plant, own) for own in plant.positions.values() if own.trader_id in owners]
    return _grid(request, _OPEN, rows)


@routes.get("/webserv/closedPositions")
async def closed_positions(request: web.Request) -> web.Response:
    """One row per closing deal, by the time of closing; the window has at most two days."""
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADING_HISTORY_READ)
    start, end = window_of(request)
    if not 0 <= end - start <= _WINDOW_MS_MAX:
        raise Refusal("INVALID_REQUEST", "The window is longer than two days")
    deals = plant.deals.window(start, end, _owners(request, manager))
    rows = [_closed_row(plant, deal, deal.detail) for deal in deals if deal.detail is not None]
    return _grid(request, _CLOSED, rows)


def _owners(request: web.Request, manager: ManagerConfig) -> set[int]:
    plant = desk_of(request).plant
    login = number(request.query.get("login", "0"))
    if login:
        return {trader_of(request, manager, login).trader_id}
    return {number for number, trader in plant.traders.items() if plant.sees(manager, trader)}


def _open_row(plant: Plant, position: Position) -> dict[str, Any]:
    trader, symbol = plant.traders[position.trader_id], plant.symbols[position.symbol_id]
    dollars = plant.prices.conversion(plant.asset_of(trader), plant.assets[1], plant.now())
    return {
        "login": trader.login,
        "positionId": position.position_id,
        "openTimestamp": position.opened_at,
        "entryPrice": position.price,
        "direction": TradeSide(position.side).name,
        "volume": position.volume / 100,
        "symbol": symbol.name,
        "commission": _money(-position.commission, trader.money_digits, dollars),
        "swap": _money(position.swap, trader.money_digits, dollars),
        "bookType": "BOOK_B",
        "stake": None,
        "spreadBetting": False,
        "usedMargin": _money(position.used_margin, trader.money_digits, Decimal(1)),
    }


def _closed_row(plant: Plant, deal: Deal, detail: CloseDetail) -> dict[str, Any]:
    trader, symbol = plant.traders[deal.trader_id], plant.symbols[deal.symbol_id]
    dollars = plant.prices.conversion(plant.asset_of(trader), plant.assets[1], plant.now())
    return {
        "login": trader.login,
        "positionId": deal.position_id,
        "dealId": deal.deal_id,
        "openTimestamp": detail.opened_at,
        "closeTimestamp": deal.executed_at,
        "entryPrice": detail.entry_price,
        "closePrice": deal.price,
        "direction": TradeSide(deal.side).opposite.name,
        "volume": detail.closed_volume / 100,
        "symbol": symbol.name,
        "commission": _money(-detail.commission, deal.money_digits, dollars),
        "swap": _money(detail.swap, deal.money_digits, dollars),
        "pnl": _money(detail.net_profit, deal.money_digits, Decimal(1)),
        "depositConversionRate": detail.quote_rate,
        "usdConversionRate": float(dollars),
        "bookType": "BOOK_B",
        "stake": None,
        "spreadBetting": False,
    }


def _money(minor: int, digits: int, rate: Decimal) -> float:
    return float(round(Decimal(minor).scaleb(-digits) * rate, digits))


def _grid(request: web.Request, columns: list[str], rows: list[dict[str, Any]]) -> web.Response:
    """Rows as JSON for who asks exactly for that, else with commas; a switch forces either."""
    form = desk_of(request).plant.switches.position_lists
    if form == "accept":
        form = "json" if request.headers.get("Accept") == "application/json" else "csv"
    if form == "json":
        return web.json_response(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        times: dict[str, Any] = {name: written(row[name]) for name in _TIMES if name in row}
        writer.writerow({**row, **times, "volume": f"{row['volume']:.2f}", "spreadBetting": "false"})
    return web.Response(text=text.getvalue(), content_type="text/csv")
