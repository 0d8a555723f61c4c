"""/copy-widget/: in place of the vendor's page for copying, in plain HTTP: any browser shows it."""

from __future__ import annotations

from html import escape
from time import monotonic

from aiohttp import web

from app.simulators.ctrader.control.keys import simulator_of
from app.simulators.ctrader.state import Plant

routes = web.RouteTableDef()
_GROUNDS = {"light": ("#ffffff", "#1a1a1a"), "dark": ("#15191f", "#e6e6e6")}


@routes.get("/copy-widget/")
async def shown(request: web.Request) -> web.Response:
    """The page of the person whom the code names. A code opens it once."""
    plant = simulator_of(request).plant
    user_id, expires_at = plant.copy_codes.pop(request.query.get("authCode", ""), (0, 0.0))
    user = plant.users.get(user_id)
    if user is None or expires_at < monotonic():
        return web.Response(status=403, content_type="text/html", text="<p>Code is not valid</p>")
    ground, ink = _GROUNDS.get(request.query.get("theme", ""), _GROUNDS["light"])
    text = (
        f"<!doctype html><html lang='{escape(request.query.get('lang', 'en'), quote=True)}'><meta charset='utf-8'>"
        "<title>cTrader Copy</title>"
        f"<body style='font:16px system-ui;background:{ground};color:{ink};margin:1rem'>"
        f"<h1 style='font-size:1.2rem'>cTrader Copy</h1><p>{escape(user.email)}</p><ul>{_providers(plant)}</ul>"
    )
    return web.Response(content_type="text/html", text=text)


def _providers(plant: Plant) -> str:
    rows = []
    for provider_id, copiers in sorted(plant.copiers.items()):
        provider = plant.traders[provider_id]
        name = f"{provider.name} {provider.last_name}".strip() or str(provider.login)
        rows.append(f"<li>{escape(name)}: {len(copiers)}</li>")
    return "".join(rows)
