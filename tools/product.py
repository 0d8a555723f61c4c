"""The product on one machine: the environment of its processes, the simulators, and the set of processes.

Used by the demo, by tests that need the running whole, and by the benchmarks.
"""

import hashlib
import json
import os
import secrets
import socket
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.children import PROJECT
from tools.progress import StepFailed, run_in_steps, run_quietly
from tools.servers import Servers
from tools.supervisor import Supervisor

HOST = os.environ.get("KONTOR_HOST", "127.0.0.1")
PYTHON = sys.executable


class Ports:
    """Free loopback ports, each given out once."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def near(self, wanted: int) -> int:
        """The wanted port, or the next free one."""
        for port in range(wanted, wanted + 200):
            if port not in self._given and _is_free(port):
                self._given.add(port)
                return port
        raise StepFailed(f"No free port between {wanted} and {wanted + 199}.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def environment(servers: Servers, data: Path, port: int) -> dict[str, str]:
    """What every process of this instance is told. Its two keys are made once and kept beside the data."""
    kept = _kept_secrets(data, ["KONTOR_MASTER_KEY", "KONTOR_SECRET_KEY"])
    given = {name: os.environ.get(name) or value for name, value in kept.items() if name.startswith("KONTOR")}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        **servers.env,
        **given,
        "KONTOR_DEMO": "1",
        "KONTOR_PORT": str(port),
        "KONTOR_DATA_DIR": str(data),
        "KONTOR_FILES_DIR": str(data / "files"),
        "PYTHONUNBUFFERED": "1",
    }


def flask(env: Mapping[str, str], *words: str) -> str:
    """Run a command of the product and answer what it printed."""
    return run_quietly([PYTHON, "-m", "flask", "--app", "wsgi:app", *words], cwd=PROJECT, env=env)


def migrate(env: Mapping[str, str]) -> None:
    """Bring the database to the newest revision."""
    run_quietly([PYTHON, "-m", "alembic", "upgrade", "head"], cwd=PROJECT, env=env)


def prepare(env: Mapping[str, str], data: Path, folder: Path) -> dict[str, Any]:
    """Migrate, apply the bundles of `folder` and make the demo's sign-ins, which are answered.

    Nothing is done when the program, the migrations and the bundles are those of the last time on these data.
    """
    stamp, digest = data / "prepared.json", _digest(folder, env["DATABASE_URL"])
    if stamp.exists():
        known = json.loads(stamp.read_text())
        if known["digest"] == digest:
            sign_ins: dict[str, Any] = known["sign_ins"]
            return sign_ins
    sign_ins = json.loads(run_in_steps([PYTHON, "-m", "tools.prepare", folder], cwd=PROJECT, env=env))
    stamp.touch(mode=0o600)
    stamp.write_text(json.dumps({"digest": digest, "sign_ins": sign_ins}))
    return sign_ins


def _digest(folder: Path, address: str) -> str:
    found = hashlib.sha256(address.encode())
    for root, pattern in (
        (PROJECT / "app", "*.py"),
        (PROJECT / "app", "*.sql"),
        (PROJECT / "migrations", "*"),
        (folder, "*"),
    ):
        for path in sorted(root.rglob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                status = path.stat()
                found.update(f"{path}:{status.st_size}:{status.st_mtime_ns}".encode())
    return found.hexdigest()


@dataclass(frozen=True)
class Brand:
    """A tenant whose bundle lies in the project, and the secrets of its simulated platforms."""

    slug: str
    platform: Mapping[str, Any]
    password: str
    bridge_secret: str
    ctrader: Mapping[str, Any] | None = None
    ctrader_password: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The secrets that the bundle names, as the product finds them."""
        prefix = f"KONTOR_SECRET_{self.slug.upper().replace('-', '_')}"
        found = {
            f"{prefix}_{self.platform['password_secret']}": self.password,
            f"{prefix}_{self.platform['bridge_secret']}": self.bridge_secret,
        }
        if self.ctrader is not None:
            found[f"{prefix}_{self.ctrader['password_secret']}"] = self.ctrader_password
        return found


def bundles(data: Path, folder: Path = PROJECT / "tenants") -> list[Brand]:
    """The tenants of a folder. Their platforms' secrets are made once and kept beside the data."""
    found = []
    for path in sorted(folder.glob("*/tenant.toml")):
        bundle = tomllib.loads(path.read_text(encoding="utf-8"))
        slug, platforms = bundle["tenant"]["slug"], bundle["trading"]["platforms"]
        mt5 = next(platform for platform in platforms if platform.get("kind", "mt5") == "mt5")
        ctrader = next((platform for platform in platforms if platform.get("kind") == "ctrader"), None)
        kept = _kept_secrets(data, [f"{slug} manager", f"{slug} bridge", f"{slug} ctrader"])
        # The platform's rule for passwords asks for each kind of sign.
        password = f"Aa1!{kept[f'{slug} manager']}"[:16]
        found.append(Brand(slug, mt5, password, kept[f"{slug} bridge"], ctrader, kept[f"{slug} ctrader"]))
    return found


def _kept_secrets(data: Path, names: Sequence[str]) -> dict[str, str]:
    path = data / "demo-secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: secrets.token_urlsafe(32) for name in names if name not in known}
    if missing:
        path.touch(mode=0o600)
        path.write_text(json.dumps(known | missing))
    return known | missing


def start_simulators(supervisor: Supervisor, ports: Ports, data: Path, brands: Sequence[Brand]) -> dict[str, str]:
    """One process that plays an MT5 trade server for each brand, and one that plays a cTrader plant for each brand that
    has one. Answers what the product must be told of them."""
    directory = data / "simulators"
    directory.mkdir(parents=True, exist_ok=True)
    health = ports.near(8020)
    servers, addresses = [], {}
    for number, brand in enumerate(brands, start=1):
        port, control = ports.near(8030 + number), ports.near(8040 + number)
        place = directory / brand.slug
        place.mkdir(exist_ok=True)
        login, password, secret = brand.platform["login"], brand.password, brand.bridge_secret
        page = f"http://127.0.0.1:{supervisor.env['KONTOR_PORT']}/bridge/{brand.platform['bridge_key']}"
        servers.append(
            {
                "name": brand.slug,
                "port": port,
                "control_port": control,
                "data_dir": str(place),
                "seed": number,
                "managers": [{"login": login, "password": password}],
                "push": {"url": page, "secret": secret, "bridge": brand.platform["bridge_key"]},
            }
        )
        addresses[brand.slug] = {
            "host": "127.0.0.1",
            "port": port,
            "control_port": control,
            "login": login,
            "ca_file": str(place / "tls" / "ca.pem"),
            "tls_name": "localhost",
        }
    config = directory / "mt5.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps({"servers": servers, "health_port": health}, indent=1))
    command: list[str | Path] = [PYTHON, "-m", "app.simulators.mt5", "--config", config]
    supervisor.add("simulators", command, f"http://127.0.0.1:{health}/health")
    for slug, address in _start_plants(supervisor, ports, directory, brands).items():
        addresses[slug]["ctrader"] = address
    return {"KONTOR_SIM_MT5": json.dumps(addresses)}


def _start_plants(
    supervisor: Supervisor, ports: Ports, directory: Path, brands: Sequence[Brand]
) -> dict[str, dict[str, Any]]:
    """The cTrader plants of the brands that have one, by slug: where each of their interfaces answers."""
    plants, addresses = [], {}
    for number, brand in enumerate(brands, start=1):
        if brand.ctrader is None:
            continue
        manager, web, control = (ports.near(start + number) for start in (8050, 8060, 8070))
        place = directory / f"{brand.slug}-ctrader"
        place.mkdir(exist_ok=True)
        login, plant, environment = brand.ctrader["login"], brand.ctrader["plant"], brand.ctrader["environment"]
        plants.append(
            {
                "name": f"{brand.slug}-ctrader",
                "manager_port": manager,
                "web_port": web,
                "control_port": control,
                "data_dir": str(place),
                "seed": number,
                "plant": plant,
                "environment": environment,
                "managers": [{"login": login, "password": brand.ctrader_password}],
            }
        )
        addresses[brand.slug] = {
            "host": "127.0.0.1",
            "port": manager,
            "control_port": control,
            "web_services": f"https://127.0.0.1:{web}",
            "copy_page": f"http://127.0.0.1:{control}/copy-widget/",
            "login": login,
            "plant": plant,
            "environment": environment,
            "ca_file": str(place / "tls" / "ca.pem"),
            "tls_name": "localhost",
        }
    if plants:
        health = ports.near(8025)
        config = directory / "ctrader.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps({"servers": plants, "health_port": health}, indent=1))
        command: list[str | Path] = [PYTHON, "-m", "app.simulators.ctrader", "--config", config]
        supervisor.add("plants", command, f"http://127.0.0.1:{health}/health")
    return addresses


def start_product(supervisor: Supervisor, ports: Ports, port: int) -> None:
    """Pages and streams on `port`, then connector, jobs and scheduler."""
    workers = os.environ.get("KONTOR_WEB_WORKERS", "2")
    pages: list[str | Path] = [PYTHON, "-m", "uvicorn", "wsgi:asgi", "--host", HOST, "--port", str(port)]
    pages += ["--http", "app.web.protocol:PromptProtocol", "--workers", workers]
    pages += ["--timeout-graceful-shutdown", "3", "--limit-concurrency", "2000"]
    pages += ["--no-server-header", "--no-access-log", "--log-level", "warning"]
    supervisor.add("pages", pages, f"http://127.0.0.1:{port}/health")
    for number, role in enumerate(("connector", "jobs", "scheduler"), start=1):
        health = ports.near(8010 + number)
        command = [PYTHON, "worker.py", role, "--health-port", str(health)]
        supervisor.add(role, command, f"http://127.0.0.1:{health}/health")


@dataclass(frozen=True)
class Product:
    """The running whole."""

    env: Mapping[str, str]
    port: int
    data: Path
    supervisor: Supervisor
    brands: Sequence[Brand]
    sign_ins: Mapping[str, Any]

    def pid(self, name: str) -> int:
        """The process id of one of the set: pages, connector, jobs, scheduler or simulators."""
        child = next(process.child for process in self.supervisor.processes if process.name == name)
        assert child is not None
        return child.pid


@contextmanager
def running_product(
    servers: Servers, data: Path, *, folder: Path = PROJECT / "tenants", port: int = 8100
) -> Iterator[Product]:
    """Migrate, start everything, apply the bundles of `folder`, and stop it all after the block.

    What dies inside the block is started again, as in the demo.
    """
    ports = Ports()
    port = ports.near(port)
    env = environment(servers, data, port)
    supervisor = Supervisor(env, data / "log", say=lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    try:
        brands = bundles(data, folder)
        for brand in brands:
            env |= brand.env
        env |= start_simulators(supervisor, ports, data, brands)
        sign_ins = prepare(env, data, folder)
        start_product(supervisor, ports, port)
        supervisor.wait_until_ready()
        with supervisor.watched():
            yield Product(env, port, data, supervisor, brands, sign_ins)
    finally:
        supervisor.stop()
