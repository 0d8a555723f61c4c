"""/ctid: the identity service's users, and which accounts are theirs."""

from __future__ import annotations

import secrets
from time import monotonic

from aiohttp import web

from app.simulators.ctrader import accounts
from app.simulators.ctrader.enums import Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.records import CtidLink, CtidUser
from app.simulators.ctrader.web.desk import answer, body_of, desk_of, manager_of, needed, number, trader_of

COPY_CODE_SECONDS = 60
routes = web.RouteTableDef()


@routes.post("/ctid/create")
async def create(request: web.Request) -> web.Response:
    """Make a user, or find the one with this address."""
    plant, body = desk_of(request).plant, await body_of(request)
    manager_of(request, Permission.TRADER_CREATE)
    needed(body, "email")
    email = str(body["email"]).strip()
    if "@" not in email:
        raise Refusal("INVALID_REQUEST", "email is not an address")
    known = next((user for user in plant.users.values() if user.email.lower() == email.lower()), None)
    if known is not None:
        return answer(request, {"userId": known.user_id})
    user = CtidUser(
        user_id=plant.take("user"),
        email=email,
        broker_name=str(body.get("brokerName") or plant.config.plant),
        language=str(body.get("preferredLanguage") or "en"),
        created_at=plant.now_ms(),
    )
    plant.users[user.user_id] = user
    plant.touch("user", user.user_id)
    return answer(
        request,
        {
            "userId": user.user_id,
            "nickname": f"ctid{user.user_id}",
            "email": user.email,
            "preferredLanguage": user.language,
            "utcCreateTimestamp": user.created_at,
            "status": "CTID_NEW",
        },
    )


@routes.post("/ctid/copy/code")
async def copy_code(request: web.Request) -> web.Response:
    """A code that opens the page for copying once, within a minute. The words are this simulator's own: the vendor
    publishes none."""
    plant, body = desk_of(request).plant, await body_of(request)
    manager_of(request, Permission.TRADER_EDIT)
    needed(body, "userId")
    user = plant.users.get(number(body["userId"]))
    if user is None:
        raise Refusal("CH_CTID_USER_NOT_FOUND", "User is not found")
    code = secrets.token_urlsafe(24)
    plant.copy_codes[code] = (user.user_id, monotonic() + COPY_CODE_SECONDS)
    return answer(request, {"authCode": code})


@routes.post("/ctid/link")
async def link(request: web.Request) -> web.Response:
    """Give an account to a user. Needs the account's password; the same link twice is one link."""
    plant, body = desk_of(request).plant, await body_of(request)
    manager = manager_of(request, Permission.TRADER_EDIT)
    needed(body, "traderLogin", "traderPasswordHash", "userId", "brokerName", "environmentName")
    if body["environmentName"] != plant.config.environment:
        raise Refusal("INVALID_REQUEST", "Environment is not found")
    trader = trader_of(request, manager, number(body["traderLogin"]))
    if body["brokerName"] != trader.broker_name:
        raise Refusal("CH_BROKER_NOT_FOUND", "Broker is not the account's")
    accounts.check_password(trader, str(body["traderPasswordHash"]))
    user = plant.users.get(number(body["userId"]))
    if user is None:
        raise Refusal("CH_CTID_USER_NOT_FOUND", "User is not found")
    known = next((own for own in plant.links.values() if own.trader_id == trader.trader_id), None)
    if known is not None and known.user_id != user.user_id:
        raise Refusal("CH_CTID_TRADER_ACCOUNT_ALREADY_LINKED", "Account belongs to another user")
    if known is None:
        known = CtidLink(ctid_trader_account_id=plant.take("link"), user_id=user.user_id, trader_id=trader.trader_id)
        plant.links[known.ctid_trader_account_id] = known
        plant.touch("link", known.ctid_trader_account_id)
    wants_details = body.get("returnAccountDetails") is True
    return answer(request, {"ctidTraderAccountId": known.ctid_trader_account_id} if wants_details else {})
