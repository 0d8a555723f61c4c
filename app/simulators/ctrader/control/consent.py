"""/oauth: consents of the Open API, given and taken back without a browser."""

from __future__ import annotations

from time import monotonic

from aiohttp import web

from app.simulators.ctrader.control.answers import BadInput, body_of, respond
from app.simulators.ctrader.control.keys import simulator_of
from app.simulators.ctrader.openapi.oauth import token_shape
from app.simulators.ctrader.openapi.tokens import SCOPES
from app.simulators.ctrader.records import CtidLink, CtidUser

routes = web.RouteTableDef()


@routes.post("/oauth/grant")
async def grant(request: web.Request) -> web.Response:
    """A token for an account's owner: `{"login", "scope": "trading"}`. An owner and a link are made where none is."""
    simulator, body = simulator_of(request), await body_of(request)
    plant = simulator.plant
    trader = plant.by_login(int(body["login"]))
    link = next((it for it in plant.links.values() if it.trader_id == trader.trader_id), None)
    if link is None:
        user = CtidUser(user_id=plant.take("user"), email=f"owner{trader.login}@example.com", created_at=plant.now_ms())
        plant.users[user.user_id] = user
        plant.touch("user", user.user_id)
        link = CtidLink(ctid_trader_account_id=plant.take("link"), user_id=user.user_id, trader_id=trader.trader_id)
        plant.links[link.ctid_trader_account_id] = link
        plant.touch("link", link.ctid_trader_account_id)
    app = plant.config.apps[0]
    token = simulator.tokens.grant(app.client_id, link.user_id, SCOPES[str(body.get("scope", "trading"))])
    shape = token_shape(token, plant.config.token_seconds)
    return respond({**shape, "ctidTraderAccountId": link.ctid_trader_account_id, "userId": link.user_id})


@routes.post("/oauth/expire")
async def expire(request: web.Request) -> web.Response:
    """Let a token expire now: `{"accessToken"}`."""
    body = await body_of(request)
    token = simulator_of(request).tokens.by_access.get(str(body["accessToken"]))
    if token is None:
        raise BadInput("There is no such token.")
    token.expires_at = monotonic()
    return respond({})


@routes.post("/oauth/revoke")
async def revoke(request: web.Request) -> web.Response:
    """Take a consent back: `{"accessToken"}`. Sessions are told."""
    simulator, body = simulator_of(request), await body_of(request)
    token = simulator.tokens.by_access.get(str(body["accessToken"]))
    if token is None:
        raise BadInput("There is no such token.")
    simulator.tokens.revoke(token, "Revoked by the user")
    return respond({})


@routes.post("/oauth/disconnect")
async def disconnect(request: web.Request) -> web.Response:
    """End every session of an application: `{"client_id", "reason"}`."""
    simulator, body = simulator_of(request), await body_of(request)
    simulator.openapi_face.disconnect_app(str(body["client_id"]), str(body.get("reason", "Disconnected")))
    return respond({})
