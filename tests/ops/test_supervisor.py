"""The demo's parent process: it waits, starts again what dies, says what it does, and stops everything."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.product import Ports
from tools.progress import StepFailed, run_quietly
from tools.supervisor import NotReady, Supervisor, answers

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *words): pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(dict(os.environ), tmp_path, say=said.append)
    yield made
    made.stop()


def add_server(supervisor: Supervisor, name: str = "server") -> str:
    port = Ports().near(18_100)
    health = f"http://127.0.0.1:{port}/health"
    supervisor.add(name, [sys.executable, "-c", SERVER, str(port)], health)
    return health


def wait_for(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_process_is_started_again_and_stopping_stops_it(supervisor: Supervisor, said: list[str]) -> None:
    health = add_server(supervisor)
    supervisor.wait_until_ready(20)
    first = supervisor.processes[0].child
    assert first is not None

    with supervisor.watched():
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        wait_for(lambda: (child := supervisor.processes[0].child) is not None and child.pid != first.pid)
        wait_for(lambda: answers(health))
        supervisor.stop()
        assert not answers(health)

    assert said[0] == "server ended (signal 9); it is started again."


def test_a_process_that_cannot_start_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('the settings are wrong')"]
    supervisor.add("pages", command, "http://127.0.0.1:9/health")

    with pytest.raises(NotReady, match=r"(?s)pages ended while starting.*the settings are wrong.*pages\.log"):
        supervisor.wait_until_ready(20)


def test_a_busy_port_is_stepped_around() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        busy = holder.getsockname()[1]
        ports = Ports()

        first, second = ports.near(busy), ports.near(busy)

    assert busy < first < second


def test_a_failed_command_says_what_it_said() -> None:
    with pytest.raises(StepFailed, match=r"(?s)ended with 3.*no such tenant"):
        run_quietly([sys.executable, "-c", "print('no such tenant'); raise SystemExit(3)"])
