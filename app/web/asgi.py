"""One port, one origin: streams and the platforms' bridge are native, every page goes to Flask in a pool of threads."""

from __future__ import annotations

from uuid import UUID

from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from app.core import db
from app.identity.service.sessions import session_alive
from app.trading.bridge import bridge_endpoint
from app.web.live import LiveEndpoint

THREADS = 8


def build_asgi(app: Flask) -> Starlette:
    """The ASGI module that a server runs. Refuses to be built as a database role that passes row security."""
    db.refuse_strong_role()
    pages = WSGIMiddleware(app, workers=THREADS)  # type: ignore[arg-type]  # A Flask app is a WSGI app.
    return Starlette(
        routes=[
            Route("/health", health),
            Route("/events", LiveEndpoint(_is_alive)),
            Route("/bridge/{key}", bridge_endpoint, methods=["POST"]),
            Mount("/", app=pages),  # type: ignore[arg-type]  # a2wsgi has its own names for the ASGI types.
        ]
    )


def _is_alive(tenant: int, session_id: str) -> bool:
    """Whether the session that a page's channel list was signed for still works."""
    with db.tenant_scope(tenant):
        return bool(session_id) and session_alive(UUID(session_id))


def health(request: Request) -> Response:
    """Whether this process reaches its database. For loopback and the load balancer; it tells nothing else."""
    with db.directory_scope():
        db.execute_sql("SELECT 1")
    return JSONResponse({"status": "ok", "role": "web"})
