"""A real Chromium before the running pages: one server per worker, on this worker's database and Redis."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import TestServers
from tools.browser import NoBrowser, driver_environment, launch_arguments
from tools.product import Ports
from tools.supervisor import Supervisor

os.environ.update(driver_environment())  # Before Playwright's driver starts.


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the browser that `make test` found or brought. Without one these tests fail; they are never skipped."""
    try:
        return {**browser_type_launch_args, **launch_arguments()}
    except NoBrowser as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="session")
def site_port(servers: TestServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the running pages and streams; `http://<host>:<port>` opens a tenant's page."""
    port = Ports().near(18_500 + 20 * (int(servers.worker.removeprefix("gw")) if servers.worker != "main" else 0))
    logs: Path = tmp_path_factory.mktemp("site")
    env = {**os.environ, "KONTOR_PORT": str(port), "KONTOR_DEMO": "1"}
    supervisor = Supervisor(env, logs, say=print)
    command = [sys.executable, "-m", "uvicorn", "wsgi:asgi", "--host", "127.0.0.1", "--port", str(port)]
    supervisor.add("pages", [*command, "--timeout-graceful-shutdown", "1"], f"http://127.0.0.1:{port}/health")
    try:
        supervisor.wait_until_ready(60)
        yield port
    finally:
        supervisor.stop()
