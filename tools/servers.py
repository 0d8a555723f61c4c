"""PostgreSQL and Valkey for the demo, the tests and the benchmarks, started from wheels or taken from the environment.

`temporary_servers` lives as long as its block and forgets everything; `kept_servers` keeps its data in a directory.
Both honour DATABASE_URL and REDIS_URL: what is set there is used and not started.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import roles
from tools.children import can_reach, server_account
from tools.postgres import Postgres, place, socket_place
from tools.valkey import Valkey

DATABASE = "kontor"


@dataclass(frozen=True)
class Servers:
    """Where the servers answer."""

    database: roles.Addresses
    redis: str
    admin: str | None
    """The administrator's address of the database server, when we may make databases there."""
    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def env(self) -> dict[str, str]:
        """The environment that the product reads the addresses from."""
        return {**self.database.env, "REDIS_URL": self.redis}


@contextmanager
def temporary_servers(*, fsync: bool = False, database: str = DATABASE) -> Iterator[Servers]:
    """Servers with empty data that are gone after the block. With `fsync=False` nothing is made durable: for tests."""
    account = server_account()
    directory = Path(tempfile.mkdtemp(prefix="kontor-", dir=_short_temporary_directory()))
    directory.chmod(0o755 if account else 0o700)
    try:
        with _servers(directory, directory / "run", durable=fsync, database=database) as servers:
            yield servers
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def kept_servers(directory: Path, *, logs: Path, database: str = DATABASE) -> Iterator[Servers]:
    """Servers that keep their data under `directory` and answer as durably as in production."""
    account = server_account()
    logs.mkdir(parents=True, exist_ok=True)
    data = place(directory, account)
    with _servers(data, socket_place(data / "run", account), durable=True, database=database, logs=logs) as servers:
        yield servers


def forget(directory: Path) -> None:
    """Remove what `kept_servers` keeps for this directory."""
    data = place(directory, server_account())
    for name in ("postgres", "valkey", "run"):
        shutil.rmtree(data / name, ignore_errors=True)


@contextmanager
def _servers(data: Path, sockets: Path, *, durable: bool, database: str, logs: Path | None = None) -> Iterator[Servers]:
    logs = logs or data
    with ExitStack() as stack:
        postgres, admin = None, None
        found = roles.addresses_from_environment(data / "role-passwords.json")
        if found is None:
            postgres = Postgres(data / "postgres", socket_directory=sockets, log=logs / "postgres.log", fsync=durable)
            stack.callback(postgres.stop)
            postgres.start()
            admin = postgres.address
            roles.ensure_roles(admin)
            roles.ensure_database(admin, database)
            found = roles.addresses(admin, database)
        elif not os.environ.get("DATABASE_OWNER_URL"):
            admin = roles.address_for(os.environ["DATABASE_URL"])
        valkey, cache = None, os.environ.get("REDIS_URL")
        if not cache:
            valkey = Valkey(data / "valkey", socket_directory=sockets, log=logs / "valkey.log", durable=durable)
            stack.callback(valkey.stop)
            valkey.start()
            cache = valkey.address
        yield Servers(database=found, redis=cache, admin=admin, postgres=postgres, valkey=valkey)


def _short_temporary_directory() -> str:
    preferred = tempfile.gettempdir()
    if len(os.fsencode(preferred)) < 50 and can_reach(Path(preferred), server_account()):
        return preferred
    return "/tmp"
