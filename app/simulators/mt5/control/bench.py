"""/inject, /late, /written: many deals at once, and deals with times in the past."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic

from aiohttp import web

from app.simulators.mt5.control.answers import BadInput, body_of, respond, volume_ext
from app.simulators.mt5.control.keys import simulator_of
from app.simulators.mt5.enums import Action
from app.simulators.mt5.records import LOT
from app.simulators.mt5.roundtrip import book_round_trip
from app.simulators.mt5.written import WrittenDeals

routes = web.RouteTableDef()
_BREATH = 100


@routes.post("/inject")
async def inject(request: web.Request) -> web.Response:
    """Book many closed round trips of two deals each, quickly and without positions, margin or orders.

    `{"count": 1000, "logins": [..] or "group": mask, "symbols": [..], "volume": "0.10", "window_seconds": 3600,
    "hold_seconds": [60, 1800], "seed": 1}`. They close evenly inside the last `window_seconds`.
    """
    server, body = simulator_of(request).server, await body_of(request)
    logins = [int(login) for login in body.get("logins", [])] or server.logins_in(str(body.get("group", "*")))
    if not logins:
        raise BadInput("No account to trade on.")
    for login in logins:
        server.user(login)
    total, random = int(body.get("count", 1)), Random(int(body.get("seed", 1)))
    symbols = body.get("symbols") or list(server.symbols)[:4]
    shortest, longest = body.get("hold_seconds", (60, 1800))
    window = float(body.get("window_seconds", 3600))
    started, ends = monotonic(), server.clock.now()
    tickets: list[int] = []
    for number in range(total):
        closed_at = ends - timedelta(seconds=window * (1 - (number + 1) / total))
        opened_at = closed_at - timedelta(seconds=random.uniform(float(shortest), float(longest)))
        volume = volume_ext(body["volume"]) if "volume" in body else random.randint(1, 100) * LOT // 100
        pair = book_round_trip(
            server,
            server.users[logins[number % len(logins)]],
            random.choice(symbols),
            random.choice((Action.BUY, Action.SELL)),
            volume,
            opened_at,
            closed_at,
        )
        tickets += [deal.deal for deal in pair]
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return respond(
        {"deals": len(tickets), "first": tickets[0], "last": tickets[-1], "seconds": round(monotonic() - started, 4)}
    )


@routes.post("/late")
async def late(request: web.Request) -> web.Response:
    """Add one round trip of the past: `{"login", "symbol", "side", "volume", "opened_at", "closed_at"}`."""
    server, body = simulator_of(request).server, await body_of(request)
    pair = book_round_trip(
        server,
        server.user(int(body["login"])),
        str(body.get("symbol", "EURUSD")),
        Action[str(body.get("side", "buy")).upper()],
        volume_ext(body.get("volume", "0.10")),
        datetime.fromisoformat(body["opened_at"]),
        datetime.fromisoformat(body["closed_at"]),
    )
    return respond({"deals": [deal.deal for deal in pair], "position_id": pair[0].position_id})


@routes.post("/written")
async def written(request: web.Request) -> web.Response:
    """Answer readings of deals by group from a file of records, one a line, oldest first: `{"path": "..."}`. Without a
    path, from the books again."""
    server, body = simulator_of(request).server, await body_of(request)
    path = body.get("path")
    server.written_deals = await asyncio.to_thread(WrittenDeals, Path(path)) if path else None
    return respond({"deals": len(server.written_deals or ())})
