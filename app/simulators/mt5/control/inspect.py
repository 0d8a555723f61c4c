"""Looking at everything the server knows, and correcting its books as a careless administrator might."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.simulators.mt5.control.answers import body_of, respond
from app.simulators.mt5.control.keys import simulator_of
from app.simulators.mt5.margin import account_state, refresh
from app.simulators.mt5.money import change_balance
from app.simulators.mt5.records import Deal, fixed, wire
from app.simulators.mt5.retcodes import Refusal, Retcode

routes = web.RouteTableDef()


@routes.get("/state")
async def state(request: web.Request) -> web.Response:
    """Counts, connections, and how far the bridge is."""
    simulator = simulator_of(request)
    server, gateway = simulator.server, simulator.gateway
    return respond(
        {
            "server": simulator.config.name,
            "seed": simulator.config.seed,
            "port": simulator.port,
            "ca_file": str(simulator.ca_file),
            "counts": {
                "users": len(server.users),
                "deals": len(server.deals),
                "trades": sum(1 for deal in server.deals if deal.action < 2),
                "positions": sum(len(own) for own in server.positions.values()),
                "orders": len(server.orders),
                "history": len(server.history),
            },
            "sessions": sum(1 for session in gateway.sessions if session.manager),
            "connections": len(gateway.sessions),
            "performed": gateway.performed,
            "retcodes": {str(number): times for number, times in gateway.retcodes.items()},
            "bridge": simulator.bridge.status(),
        }
    )


@routes.get("/users")
async def users(request: web.Request) -> web.Response:
    """All accounts; `?group=` limits them to one group."""
    server, group = simulator_of(request).server, request.query.get("group")
    found = [user for user in server.users.values() if not group or user.group == group]
    return respond([wire(user, server.currency_digits(user)) for user in found])


@routes.get("/users/{login}")
async def user(request: web.Request) -> web.Response:
    """One account with its trading state, positions, orders and passwords."""
    server = simulator_of(request).server
    user = server.user(int(request.match_info["login"]))
    return respond(
        {
            "user": wire(user, server.currency_digits(user)),
            "account": wire(account_state(server, user)),
            "positions": [wire(refresh(server, position)) for position in server.positions_of(user.login)],
            "orders": [wire(order) for order in server.orders_of(user.login)],
            "passwords": msgspec.to_builtins(server.passwords.get(user.login)),
        }
    )


@routes.get("/deals")
async def deals(request: web.Request) -> web.Response:
    """Deals in order of time; `?login=`, `?after=<ticket>`, `?limit=`."""
    server, query = simulator_of(request).server, request.query
    found = server.deals.of_login(int(query["login"])) if "login" in query else list(server.deals)
    after, limit = int(query.get("after", 0)), int(query.get("limit", 1_000_000))
    return respond([wire(deal) for deal in found if deal.deal > after][:limit])


@routes.get("/deals/summary")
async def summary(request: web.Request) -> web.Response:
    """Per account: how many deals of each action and their sums, for proofs that compare books."""
    server = simulator_of(request).server
    counts: dict[int, Counter[int]] = {}
    sums: dict[int, dict[int, Decimal]] = {}
    for deal in server.deals:
        counts.setdefault(deal.login, Counter())[deal.action] += 1
        own = sums.setdefault(deal.login, {})
        own[deal.action] = own.get(deal.action, Decimal(0)) + deal.money
    return respond(
        {
            str(login): {
                "count": sum(by_action.values()),
                "actions": {
                    str(action): {"count": count, "sum": str(sums[login][action])}
                    for action, count in sorted(by_action.items())
                },
            }
            for login, by_action in counts.items()
        }
    )


@routes.get("/deals/{ticket}")
async def deal(request: web.Request) -> web.Response:
    """One deal."""
    found = simulator_of(request).server.deals.by_ticket.get(int(request.match_info["ticket"]))
    if found is None:
        raise Refusal(Retcode.NOT_FOUND)
    return respond(wire(found))


@routes.post("/deals/{ticket}")
async def change_deal(request: web.Request) -> web.Response:
    """Change a deal as an administrator would: the body gives fields by their MT5 names. The balance follows."""
    server, body = simulator_of(request).server, await body_of(request)
    before = server.deals.by_ticket.get(int(request.match_info["ticket"]))
    if before is None:
        raise Refusal(Retcode.NOT_FOUND)
    merged = {**msgspec.to_builtins(before), **body, "ModifyFlags": before.modify_flags | 1}
    after = msgspec.convert(merged, Deal, strict=False)
    server.change_deal(after)
    if after.money != before.money:
        user = server.user(after.login)
        user.balance += after.money - before.money
        server.user_changed(user)
    return respond(wire(after))


@routes.delete("/deals/{ticket}")
async def delete_deal(request: web.Request) -> web.Response:
    """Delete a deal and take its money back from the balance."""
    server = simulator_of(request).server
    gone = server.delete_deal(int(request.match_info["ticket"]))
    user = server.user(gone.login)
    user.balance -= gone.money
    server.user_changed(user)
    return respond(wire(gone))


@routes.post("/balance")
async def balance(request: web.Request) -> web.Response:
    """A balance operation that the CRM did not send: `{"login", "amount", "comment", "type": 2}`."""
    server, body = simulator_of(request).server, await body_of(request)
    user = server.user(int(body["login"]))
    amount = Decimal(str(body["amount"]))
    made = change_balance(server, user, int(body.get("type", 2)), amount, str(body.get("comment", "")), dealer=1)
    return respond(wire(made))


@routes.get("/prices")
async def prices(request: web.Request) -> web.Response:
    """Present quotes, or those at `?at=<ISO instant>`; `?symbols=EURUSD,GBPUSD`."""
    server = simulator_of(request).server
    at = datetime.fromisoformat(request.query["at"]) if "at" in request.query else server.clock.now()
    names = request.query["symbols"].split(",") if "symbols" in request.query else list(server.symbols)
    quotes: dict[str, Any] = {}
    for name in names:
        quote, digits = server.quote(name, at=at), server.symbols[name].digits
        quotes[name] = {"bid": fixed(quote.bid, digits), "ask": fixed(quote.ask, digits), "at": quote.at.isoformat()}
    return respond(quotes)
