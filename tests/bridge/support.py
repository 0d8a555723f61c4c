"""The bridge as a process, the CRM as a server, and a network between them that can fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from flask import Flask
from starlette.types import Message, Receive, Scope, Send

from app.web.asgi import build_asgi
from tests.trading.conftest import wait_until

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "bridge" / "fake"
PROGRAM = ROOT / "bridge" / "mt5"


class CRM:
    """The product's own application on a port that stays the same, and what passed through its bridge address."""

    def __init__(self, app: Flask) -> None:
        self._app = build_asgi(app)
        self.batches: list[tuple[dict[str, Any], int, dict[str, Any]]] = []  # What was sent, status, answer.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        """Serve; again on the same port after a stop."""
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(
            self._remembering, interface="asgi3", log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        server, listener = uvicorn.Server(config), self._listener
        self._thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        self._thread.start()
        wait_until(lambda: server.started)
        self._server = server

    def stop(self) -> None:
        """End every connection and take no new one."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(20)
            self._server = None
        self._listener.close()

    async def _remembering(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, answered, status = bytearray(), bytearray(), [0]

        async def hearing() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def saying(message: Message) -> None:
            status[0] = message.get("status", status[0])
            answered.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                with contextlib.suppress(ValueError):
                    self.batches.append((json.loads(bytes(sent)), status[0], json.loads(bytes(answered))))
            await send(message)

        await self._app(scope, hearing, saying)

    def statuses(self) -> list[int]:
        return [status for _, status, _ in self.batches]

    def stored(self, *, heartbeats: bool = False) -> list[dict[str, Any]]:
        """Every event that was acknowledged, in the order of its first acknowledgement, each once."""
        seen: dict[tuple[str, int], dict[str, Any]] = {}
        for batch, status, answer in list(self.batches):
            for event in batch["events"] if status == 200 else ():
                if event["seq"] <= answer["ack"]:
                    seen.setdefault((batch["epoch"], event["seq"]), {**event, "epoch": batch["epoch"]})
        return [event for event in seen.values() if heartbeats or event["type"] != "bridge.heartbeat"]

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.stored()]

    def tickets(self) -> list[int]:
        """Deals, in the order in which they were stored."""
        return [int(event["record"]["Deal"]) for event in self.stored() if event["type"] == "deal.add"]


class Road:
    """A stretch of network: passes bytes on, and can lose answers, hold them back, or be closed."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.is_closed = False
        self.holds_answers = False
        self.answers_to_lose = 0
        self.answers_held = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take the road away."""
        self._ends.set()
        self._thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ends.is_set():
            with contextlib.suppress(TimeoutError):
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._to_port), 5) as far:
            while not self._ends.is_set() and not self.is_closed:
                for side in select.select([near, far], [], [], 0.05)[0]:
                    data = side.recv(65_536)
                    if not data:
                        return
                    if side is near:
                        far.sendall(data)
                    elif self.answers_to_lose:
                        self.answers_to_lose -= 1
                        return
                    else:
                        self.answers_held += self.holds_answers
                        while self.holds_answers and not self._ends.wait(0.01):
                            pass
                        near.sendall(data)


class BridgeProcess:
    """The program, started as an administrator would start it, with the stand-in for the vendor's package."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.config = write_config(folder, **settings)
        self.process = subprocess.Popen(
            command(self.config), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def kill(self) -> None:
        """End it as a crash would, in the middle of whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=20)

    def stop(self) -> int:
        """Ask it to end and wait; answers its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    @property
    def facts(self) -> dict[str, Any]:
        """The status file; empty while there is none."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.folder / "data" / "status.json").read_text())
            return found
        return {}

    @property
    def log(self) -> str:
        return (self.folder / "data" / "log" / "bridge.log").read_text()


def command(config: Path, *more: str) -> list[str]:
    return [sys.executable, "-X", "faulthandler", "-m", "kontor_mt5_bridge", "--config", str(config), *more]


def environment() -> dict[str, str]:
    """The bridge sees its own code and the stand-in, and nothing of the product."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{FAKE}{os.pathsep}{PROGRAM}"}


def ask(config: Path, *more: str) -> tuple[int, str]:
    """Run the program with an option; answers its exit code and what it printed."""
    done = subprocess.run(command(config, *more), env=environment(), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def write_config(folder: Path, **settings: Any) -> Path:
    """A settings file with its secrets beside it."""
    folder.mkdir(exist_ok=True)
    for name in ("secret", "password"):
        file = folder / f"{name}.txt"
        file.touch(mode=0o600)
        file.write_text(settings[name] + "\n")
    more = "".join(f"{name} = {value}\n" for name, value in settings.get("bridge", {}).items())
    trusted = f'ca_file = "{settings["ca_file"]}"' if "ca_file" in settings else ""
    text = f"""
[crm]
url = "{settings["url"]}"
secret_file = "{folder / "secret.txt"}"
{trusted}

[mt5]
server = "{settings["server"]}"
login = {settings["login"]}
password_file = "{folder / "password.txt"}"
timeout_ms = 10000

[bridge]
name = "test"
data_dir = "{folder / "data"}"
reconnect_s = 0.2
{more}
[log]
level = "DEBUG"
"""
    path = folder / "bridge.toml"
    path.write_text(text)
    return path
