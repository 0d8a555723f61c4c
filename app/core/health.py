"""Health: each process answers /health and /metrics on a small address of its own and beats in the database."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import redis
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.core import redis as core_redis
from app.kit import clock

log = structlog.get_logger()
Facts = Callable[[], Mapping[str, Any]]


def process_name(role: str) -> str:
    """The name of this process in leases and heartbeats."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}"


def report(role: str, facts: Facts | None = None) -> tuple[bool, dict[str, Any]]:
    """Whether this process can do its work, and what it knows of itself: nothing that a stranger may not see."""
    found: dict[str, Any] = {"role": role, "pid": os.getpid(), "at": clock.now().isoformat()}
    try:
        with db.directory_scope():
            db.session().execute(text("SELECT 1"))
        found["database"] = "ok"
    except SQLAlchemyError as error:
        found["database"] = type(error).__name__
    try:
        core_redis.client().ping()
        found["redis"] = "ok"
    except redis.RedisError as error:
        found["redis"] = type(error).__name__
    if facts is not None:
        found |= facts()
    is_well = found["database"] == "ok" and found["redis"] == "ok" and found.get("ok", True) is True
    found["ok"] = is_well
    return is_well, found


def metrics() -> bytes:
    """The counters and histograms of this process in Prometheus' text form."""
    return generate_latest()


class HealthServer:
    """Answers /health and /metrics on loopback from a thread of its own, and writes a heartbeat every few seconds."""

    def __init__(self, role: str, *, port: int, facts: Facts | None = None, host: str = "127.0.0.1") -> None:
        self.role, self.facts = role, facts
        self._server = ThreadingHTTPServer((host, port), _handler(role, facts))
        self._server.daemon_threads = True
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="health", daemon=True),
            threading.Thread(target=self._beat, name="heartbeat", daemon=True),
        ]

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> HealthServer:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

    def _beat(self) -> None:
        while True:
            beat(self.role, self.facts() if self.facts else {})
            if self._stop.wait(5):
                return


def beat(role: str, facts: Mapping[str, Any]) -> None:
    """Tell the instance that this process lives. Silence for a minute forgets it."""
    try:
        with db.directory_scope(), db.transaction():
            now = clock.now()
            db.execute_sql(
                "INSERT INTO process_heartbeat (process, role, beat_at, facts) VALUES (:process, :role, :now, :facts)"
                " ON CONFLICT (process) DO UPDATE SET beat_at = :now, facts = :facts",
                process=process_name(role),
                role=role,
                now=now,
                facts=json.dumps(dict(facts), default=str),
            )
            db.execute_sql("DELETE FROM process_heartbeat WHERE beat_at < :now - interval '1 minute'", now=now)
    except SQLAlchemyError as error:
        log.warning("health.no_beat", error=type(error).__name__)


def _handler(role: str, facts: Facts | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health":
                is_well, found = report(role, facts)
                self._answer(200 if is_well else 503, "application/json", json.dumps(found, default=str).encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, metrics())
            else:
                self._answer(404, "text/plain", b"Not found\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Health questions come every few seconds and are not worth a line each."""

    return Handler
