"""The OAuth endpoint: the page where a user agrees, and tokens in the platform's own words."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from aiohttp import web

from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.openapi.tokens import Token, Tokens

TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)
LIFETIME: web.AppKey[int] = web.AppKey("lifetime", int)
routes = web.RouteTableDef()


@routes.get("/apps/auth")
async def agree(request: web.Request) -> web.Response:
    """Who agrees (`ctid`, a user's number) goes back to the application with a code; without it, a list to choose."""
    query = request.query
    if "ctid" in query:
        try:
            code = request.app[TOKENS].consent(
                query.get("client_id", ""),
                int(query["ctid"]),
                query.get("scope", "accounts"),
                query.get("redirect_uri", ""),
            )
        except (Refusal, ValueError) as error:
            return web.Response(status=400, text=str(error))
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code})}")
    rows = "".join(
        f'<li><a href="/apps/auth?{escape(urlencode({**query, "ctid": number}))}">{escape(email)}</a></li>'
        for number, email in request.app[TOKENS].users().items()
    )
    return web.Response(text=f"<!doctype html><title>cTrader ID</title><ul>{rows}</ul>", content_type="text/html")


@routes.get("/apps/token")
async def token(request: web.Request) -> web.Response:
    """A token for a code, or for a refresh token."""
    query, tokens = request.query, request.app[TOKENS]
    try:
        client = query.get("client_id", ""), query.get("client_secret", "")
        if query.get("grant_type") == "authorization_code":
            given = tokens.exchange(query.get("code", ""), *client, query.get("redirect_uri", ""))
        elif query.get("grant_type") == "refresh_token":
            tokens.require_app(*client)
            given = tokens.refresh(query.get("refresh_token", ""))
        else:
            raise Refusal("INVALID_REQUEST", "grant_type is unknown")
    except Refusal as refusal:
        return web.json_response({"errorCode": refusal.code, "description": refusal.description}, status=400)
    return web.json_response(token_shape(given, request.app[LIFETIME]))


def token_shape(token: Token, lifetime_seconds: int) -> dict[str, object]:
    """A token as the endpoint writes it."""
    return {
        "accessToken": token.access,
        "tokenType": "bearer",
        "expiresIn": lifetime_seconds,
        "refreshToken": token.refresh,
        "errorCode": None,
        "description": None,
    }


def oauth_app(tokens: Tokens, lifetime_seconds: int) -> web.Application:
    """The endpoint's application."""
    app = web.Application()
    app[TOKENS], app[LIFETIME] = tokens, lifetime_seconds
    app.add_routes(routes)
    return app
