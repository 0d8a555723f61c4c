"""One port, one origin: streams and the platforms' bridge are native, every page goes to Flask in a pool of threads."""

from __future__ import annotations

import asyncio
import gc
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from a2wsgi import WSGIMiddleware
from flask import Flask
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from app.config import settings
from app.core import db
from app.core import health as core_health
from app.identity import service as identity
from app.kit.addresses import is_loopback
from app.trading.bridge import bridge_endpoint
from app.web.live import LiveEndpoint

THREADS = 8
BEAT_SECONDS = 5


def build_asgi(app: Flask) -> Starlette:
    """The ASGI module that a server runs. Refuses to be built as a database role that passes row security."""
    db.refuse_strong_role()
    pages = WSGIMiddleware(app, workers=THREADS)  # type: ignore[arg-type]  # A Flask app is a WSGI app.
    whole = Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/events", LiveEndpoint(identity.is_session_alive).answer),
            Route("/bridge/{key}", bridge_endpoint, methods=["POST"]),
            Mount("/", app=pages),  # type: ignore[arg-type]  # a2wsgi has its own names for the ASGI types.
        ],
        lifespan=_alive,
    )
    gc.freeze()  # What is loaded lives as long as the process: no page waits while the collector looks through it.
    return whole


@asynccontextmanager
async def _alive(_app: Starlette) -> AsyncIterator[None]:
    """Tell the instance that this process lives, as long as it does: the operator's console shows it."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat() -> None:
    while True:
        await asyncio.to_thread(core_health.beat, "web", {})
        await asyncio.sleep(BEAT_SECONDS)


def health(request: Request) -> Response:
    """Whether this process reaches its database. For loopback and the load balancer; it tells nothing else."""
    with db.directory_scope():
        db.execute_sql("SELECT 1")
    return JSONResponse({"status": "ok", "role": "web"})


def metrics(request: Request) -> Response:
    """This process's figures for Prometheus: for this machine itself, and for whoever knows the token. Nobody else
    learns that they exist."""
    if not (_is_from_this_machine(request) or _knows_token(request)):
        return Response("Not found\n", status_code=404, media_type="text/plain")
    return Response(core_health.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_from_this_machine(request: Request) -> bool:
    """Whether somebody on this machine asks directly. What a proxy passes on comes from anywhere."""
    if request.client is None or {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers):
        return False
    return is_loopback(request.client.host)


def _knows_token(request: Request) -> bool:
    wanted = settings().metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(wanted) and hmac.compare_digest(wanted.encode(), given.encode())
