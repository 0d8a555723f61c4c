"""The processes beside the pages: `python worker.py connector | jobs | scheduler | all`.

Each role answers /health and /metrics on its own loopback port, stops on SIGTERM or SIGINT after finishing what it has
in hand, and survives the database and Redis going away for a while.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from app.core import health, jobs, lease
from app.core.db import refuse_strong_role
from app.core.logs import configure_logging
from app.core.workers import Pool, release_abandoned

ROLES = ("connector", "jobs", "scheduler")
PORTS = {"connector": 8011, "jobs": 8012, "scheduler": 8013}
log = structlog.get_logger()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=[*ROLES, "all"])
    parser.add_argument("--health-port", type=int, help="loopback port of /health and /metrics (0 picks a free one)")
    parser.add_argument("--processes", type=int, default=int(os.environ.get("KONTOR_JOB_PROCESSES", "2")))
    options = parser.parse_args()
    configure_logging(options.role)
    if options.role == "all":
        sys.exit(run_all())
    port = PORTS[options.role] if options.health_port is None else options.health_port
    start(options.role, port, options.processes)


def start(role: str, port: int, processes: int) -> None:
    """Load the product and do one role's work until told to stop."""
    from app.factory import create_app

    app = create_app()
    gc.freeze()  # What is loaded lives as long as the process: the collector need not look through it time and again.
    refuse_strong_role()
    with app.app_context():
        {"connector": run_connector, "jobs": run_jobs, "scheduler": run_scheduler}[role](port, processes)


def run_jobs(port: int, processes: int) -> None:
    """Do jobs in a pool of processes."""
    pool = Pool(processes)
    on_stop(pool.stop)
    server = health.HealthServer("jobs", port=port, facts=pool.facts).start()
    log.info("jobs.ready", processes=processes, port=server.port)
    pool.run()
    server.stop()


def run_scheduler(port: int, _processes: int) -> None:
    """Start what comes round and sweep the outbox, while this process holds the lease."""
    stopping = threading.Event()
    on_stop(stopping.set)
    turns: dict[str, Any] = {"turns": 0, "last_seconds": 0.0}
    with lease.KeptLease("scheduler", health.process_name("scheduler")) as held:
        server = health.HealthServer("scheduler", port=port, facts=lambda: {"active": held.is_held, **turns}).start()
        log.info("scheduler.ready", port=server.port)
        released_at = 0.0
        while not stopping.is_set():
            began = time.monotonic()
            if held.is_held:
                survive(jobs.scheduler_tick)
                if began - released_at > 60:
                    survive(lambda: release_abandoned(jobs.queue_names()))
                    released_at = began
                turns["turns"] += 1
                turns["last_seconds"] = round(time.monotonic() - began, 3)
            stopping.wait(max(0.05, 1.0 - (time.monotonic() - began)))
        server.stop()


def run_connector(port: int, _processes: int) -> None:
    """Own the connections to trading platforms, as many as this process can lease."""
    from app.trading.connector import Process
    from app.trading.connector import run_connector as own_platforms

    stopping = threading.Event()
    on_stop(stopping.set)
    process = Process()
    server = health.HealthServer("connector", port=port, facts=process.facts).start()
    log.info("connector.ready", port=server.port)
    own_platforms(stopping, process=process)
    server.stop()


def survive(work: Callable[[], object]) -> None:
    """Do a turn of work; what goes wrong is logged and the next turn tries again."""
    try:
        work()
    except Exception:
        log.exception("worker.turn_failed")


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM and SIGINT."""

    def ask(_number: int, _frame: object) -> None:
        stop()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def run_all() -> int:
    """Run every role as a child of this process, for a small installation; a role that ends is started again."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    stopping = threading.Event()
    on_stop(stopping.set)
    while not stopping.is_set():
        for role in ROLES:
            child = children.get(role)
            if child is None or child.poll() is not None:
                if child is not None:
                    log.warning("worker.role_ended", role=role, status=child.returncode)
                children[role] = subprocess.Popen([sys.executable, __file__, role], start_new_session=True)
        stopping.wait(1)
    for child in children.values():
        child.terminate()
    return max(child.wait(30) for child in children.values())


if __name__ == "__main__":
    main()
