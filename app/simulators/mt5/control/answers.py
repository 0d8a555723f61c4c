"""Reading JSON bodies and writing JSON answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.simulators.mt5.records import LOT


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


def volume_ext(lots: object) -> int:
    """Lots, as text or number, in the platform's finest unit."""
    return int(Decimal(str(lots)) * LOT)
