"""`make demo`: three broker brands on this machine, with everything they need, until Ctrl-C.

Data, logs and secrets of the demo lie under `var/` (or KONTOR_DATA_DIR). FRESH=1 starts over.
"""

import fcntl
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tools.children import PROJECT
from tools.postgres import PostgresUnusable
from tools.product import Ports, bundles, environment, prepare, start_product, start_simulators
from tools.progress import StepFailed, step, stop_with
from tools.roles import RolesMissing
from tools.servers import Servers, forget, kept_servers
from tools.supervisor import NotReady, Supervisor
from tools.valkey import ValkeyUnusable

DATA = Path(os.environ.get("KONTOR_DATA_DIR") or PROJECT / "var").resolve()
LOGS = DATA / "log"
PORT = int(os.environ.get("KONTOR_PORT", "8000"))


def main() -> None:
    started = time.monotonic()
    DATA.mkdir(parents=True, exist_ok=True)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    _raise_file_limit()
    print("Kontor demo")
    try:
        with ExitStack() as stack:
            stack.enter_context(_only_one())
            _run(stack, started, stopping)
    except KeyboardInterrupt:
        print("\nStopped before it was ready.")
        sys.exit(130)
    except (StepFailed, NotReady, PostgresUnusable, ValkeyUnusable, RolesMissing) as failure:
        stop_with(failure)


def _run(stack: ExitStack, started: float, stopping: threading.Event) -> None:
    if os.environ.get("FRESH") == "1":
        _start_over()
    with step("Starting PostgreSQL and Valkey"):
        servers = stack.enter_context(kept_servers(DATA, logs=LOGS))
    _say_servers(servers)
    ports = Ports()
    port = ports.near(PORT)
    if port != PORT:
        print(f"  Port {PORT} is busy: the pages answer on {port} instead.")
    env = environment(servers, DATA, port)
    supervisor = Supervisor(env, LOGS, say=lambda text: print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True))
    stack.callback(_stop, supervisor)
    brands = bundles(DATA)
    for brand in brands:
        env |= brand.env
    env |= start_simulators(supervisor, ports, DATA, brands)
    sign_ins = prepare(env, DATA, PROJECT / "tenants")
    with step("Starting simulators, pages, streams, connector, jobs and scheduler"):
        start_product(supervisor, ports, port)
        supervisor.wait_until_ready(120)
    stack.enter_context(_told_to_other_terminals(env))
    _print_table([brand.slug for brand in brands], port, sign_ins, supervisor, time.monotonic() - started)
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGHUP, lambda *_: stopping.set())
    supervisor.watch(stopping.wait)
    print("\nStopping ...", flush=True)


@contextmanager
def _told_to_other_terminals(env: Mapping[str, str]) -> Iterator[None]:
    """While the demo runs, its addresses and keys lie where a `flask` command in another terminal finds them."""
    path = DATA / "instance.json"
    told = {name: value for name, value in env.items() if name.startswith(("KONTOR_", "DATABASE_", "REDIS_"))}
    path.touch(mode=0o600)
    path.write_text(json.dumps(told), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _stop(supervisor: Supervisor) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # A second Ctrl-C must not leave half of it running.
    supervisor.stop()
    print("Stopped; the data is kept. `make demo` goes on where this ended.", flush=True)


class _only_one:
    """Two demos on one data directory would fight over it: the second says so and ends."""

    def __enter__(self) -> None:
        self._file = (DATA / "demo.lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            stop_with(f"The demo already runs here (process {self._file.read().strip() or 'unknown'}). Stop it first.")
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __exit__(self, *_failure: object) -> None:
        self._file.close()


def _start_over() -> None:
    if os.environ.get("DATABASE_URL"):
        stop_with("FRESH=1 empties only the demo's own servers. Drop and create the database of DATABASE_URL yourself.")
    with step("Forgetting everything (FRESH=1)"):
        forget(DATA)
        for name in ("simulators", "files", "log", "demo-secrets.json", "prepared.json"):
            path = DATA / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _say_servers(servers: Servers) -> None:
    if servers.postgres is None:
        print("  The database of DATABASE_URL is used.")
    if servers.valkey is None:
        print("  The Redis of REDIS_URL is used.")


def _print_table(
    brands: Iterable[str], port: int, sign_ins: dict[str, Any], supervisor: Supervisor, seconds: float
) -> None:
    rows: list[tuple[str, str, str, str]] = []
    for brand in brands:
        people = sign_ins.get(brand, {})
        for place, host in (
            ("cabinet", f"{brand}.localhost"),
            ("office", f"office.{brand}.localhost"),
            ("partner portal", f"partners.{brand}.localhost"),
        ):
            rows.append(_row(f"{brand} {place}", f"http://{host}:{port}", people.get(place.split()[0], {})))
    rows.append(_row("operator console", f"http://operator.localhost:{port}", sign_ins.get("operator", {})))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print(f"\nReady in {seconds:.1f} s.\n")
    header = ("where", "address", "e-mail", "password")
    widths = [max(width, len(name)) for width, name in zip(widths, header, strict=True)]
    for row in (header, tuple("-" * width for width in widths), *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\n  Health:", ", ".join(f"{process.name} {process.health}" for process in supervisor.processes))
    print(f"  Logs: {LOGS}\n  Ctrl-C stops everything and keeps the data.\n", flush=True)


def _row(where: str, address: str, person: dict[str, str]) -> tuple[str, str, str, str]:
    return where, address, person.get("email", ""), person.get("password", "")


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))  # Each open page is a stream, and each stream a file.


if __name__ == "__main__":
    main()
