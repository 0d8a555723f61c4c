"""One port, one origin: streams and the platforms' bridge are native, every page goes to Flask in a pool of threads."""

from __future__ import annotations

from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from app.core import db
from app.identity import service as identity
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
            Route("/events", LiveEndpoint(identity.is_session_alive).answer),
            Route("/bridge/{key}", bridge_endpoint, methods=["POST"]),
            Mount("/", app=pages),  # type: ignore[arg-type]  # a2wsgi has its own names for the ASGI types.
        ]
    )


def health(request: Request) -> Response:
    """Whether this process reaches its database. For loopback and the load balancer; it tells nothing else."""
    with db.directory_scope():
        db.execute_sql("SELECT 1")
    return JSONResponse({"status": "ok", "role": "web"})
