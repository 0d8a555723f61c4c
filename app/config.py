"""Typed settings from the environment. Nothing else reads the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


def _pg(address: str) -> str:
    """SQLAlchemy's name of the driver; a plain address means psycopg 3 here whatever the library's default is."""
    for plain in ("postgresql://", "postgres://"):
        if address.startswith(plain):
            return "postgresql+psycopg://" + address.removeprefix(plain)
    return address


@cache
def _environment() -> Mapping[str, str]:
    """The environment; in a terminal that names no database, that of the demo which runs on this machine, if one does.

    So `flask` commands work beside `make demo` without anything to set.
    """
    env = os.environ
    kept = Path(env.get("KONTOR_DATA_DIR", "var")) / "instance.json"
    if "DATABASE_URL" in env or not kept.exists():
        return env
    found: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    return {**found, **env}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instance is told by its environment. Addresses hold passwords and are never logged."""

    database_url: str = field(repr=False)
    database_batch_url: str = field(repr=False)
    database_owner_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    master_keys: tuple[str, ...] = field(repr=False)
    secret_key: str = field(repr=False)
    port: int = 8000
    files_dir: Path = Path("var/files")
    data_dir: Path = Path("var")
    mail: str = field(default="mailbox", repr=False)
    is_demo: bool = False
    simulators: str = "{}"
    operator_hosts: tuple[str, ...] = ("operator.localhost",)
    redis_prefix: str = ""
    pool_size: int = 8
    metrics_token: str = field(default="", repr=False)

    @property
    def public_port(self) -> str:
        """The port as it stands in an address: empty for the usual ones."""
        return "" if self.port in (80, 443) else f":{self.port}"

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment. Raises KeyError naming the variable that is missing."""
        env = _environment()
        database = _pg(env["DATABASE_URL"])
        data_dir = Path(env.get("KONTOR_DATA_DIR", "var"))
        return cls(
            database_url=database,
            database_batch_url=_pg(env.get("DATABASE_BATCH_URL", database)),
            database_owner_url=_pg(env.get("DATABASE_OWNER_URL", database)),
            redis_url=env["REDIS_URL"],
            master_keys=tuple(key for key in env["KONTOR_MASTER_KEY"].split(",") if key),
            secret_key=env["KONTOR_SECRET_KEY"],
            port=int(env.get("KONTOR_PORT", "8000")),
            files_dir=Path(env.get("KONTOR_FILES_DIR", str(data_dir / "files"))),
            data_dir=data_dir,
            mail=env.get("KONTOR_MAIL", "mailbox"),
            is_demo=env.get("KONTOR_DEMO", "") == "1",
            simulators=env.get("KONTOR_SIM_MT5", "{}"),
            operator_hosts=tuple(env.get("KONTOR_OPERATOR_HOSTS", "operator.localhost").split(",")),
            redis_prefix=env.get("KONTOR_REDIS_PREFIX", ""),
            pool_size=int(env.get("KONTOR_POOL_SIZE", "8")),
            metrics_token=env.get("KONTOR_METRICS_TOKEN", ""),
        )


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings.from_env()


def environment_secret(slug: str, name: str) -> str | None:
    """A tenant's secret that the environment gives for its bundle: KONTOR_SECRET_<SLUG>_<NAME>."""
    return _environment().get(f"KONTOR_SECRET_{slug.upper().replace('-', '_')}_{name}")
