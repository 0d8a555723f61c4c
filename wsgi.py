"""Entry points of the pages: `app` for any WSGI server and for `flask`, `asgi` for pages and streams on one port."""

from __future__ import annotations

from typing import Any

from app.factory import create_app, create_asgi

app = create_app()


def __getattr__(name: str) -> Any:
    """Build the ASGI module at its first use, so that `flask` commands need no running services for it."""
    if name == "asgi":
        globals()["asgi"] = built = create_asgi(app)
        return built
    raise AttributeError(name)
