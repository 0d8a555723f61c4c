"""The pages' figures for Prometheus: for this machine and for whoever knows the token, and for nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import config
from app.web import asgi
from tests.support.loops import in_thread

TOKEN = "a long token that nobody guesses"


@pytest.fixture
def with_token(monkeypatch: pytest.MonkeyPatch) -> None:
    told = replace(config.settings(), metrics_token=TOKEN)
    monkeypatch.setattr(asgi, "settings", lambda: told)


def ask(app: Flask, peer: str, **headers: str) -> tuple[int, bytes]:
    """GET /metrics as somebody at this address."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/metrics",
        "raw_path": b"/metrics",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": (peer, 40000),
        "server": ("127.0.0.1", 8000),
    }
    in_thread(asgi.build_asgi(app)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.mark.usefixtures("database")
def test_this_machine_reads_the_figures(app: Flask) -> None:
    status, body = ask(app, "127.0.0.1")

    assert status == 200
    assert b"python_info" in body
    assert b"kontor_platform_latency_seconds" in body


@pytest.mark.usefixtures("database")
def test_nobody_else_learns_that_there_are_any(app: Flask) -> None:
    assert ask(app, "203.0.113.7")[0] == 404
    assert ask(app, "203.0.113.7", authorization="Bearer ")[0] == 404
    assert ask(app, "127.0.0.1", x_forwarded_for="203.0.113.7")[0] == 404  # A proxy on this machine passed it on.


@pytest.mark.usefixtures("database", "with_token")
def test_who_knows_the_token_reads_them_from_anywhere(app: Flask) -> None:
    assert ask(app, "203.0.113.7", authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(app, "127.0.0.1", x_forwarded_for="10.0.0.9", authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(app, "203.0.113.7", authorization=f"Bearer {TOKEN}x")[0] == 404
