"""Reading JSON bodies and writing JSON answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant


class BadInput(Exception):
    """The request makes no sense."""


def respond(value: Any, status: int = 200) -> web.Response:
    """A JSON answer. Decimals become texts."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def body_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object."""
    raw = await request.read()
    value = msgspec.json.decode(raw) if raw else {}
    if not isinstance(value, dict):
        raise BadInput("The body is not a JSON object.")
    return value


def symbol_named(plant: Plant, name: object) -> Symbol:
    """A symbol by its name."""
    number = plant.symbol_ids.get(str(name))
    if number is None:
        raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {name} is not found")
    return plant.symbols[number]


def volume_of(symbol: Symbol, lots: object) -> int:
    """Lots, as text or number, as the platform counts volume."""
    return int(Decimal(str(lots)) * symbol.lot_size)


def amount_text(trader: Trader, minor: int) -> str:
    """An amount of the account as a decimal text."""
    return f"{Decimal(minor).scaleb(-trader.money_digits):f}"
