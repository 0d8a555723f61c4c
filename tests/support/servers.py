"""One PostgreSQL for a test session, one migrated database and one Valkey per worker.

The process that starts the session (pytest itself, or the controller when there are workers) owns PostgreSQL and
the migrated template. Each worker clones it and runs a Valkey of its own, because Redis channels know no database.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.baseline import Baseline
from tools import roles
from tools.children import PROJECT, server_account
from tools.postgres import Postgres
from tools.valkey import Valkey

_HANDED_DOWN = "KONTOR_TEST_SESSION"
TEMPLATE = "kontor_template"


class TestServers:
    """The servers of this test process. Addresses are known from the beginning, servers start when first needed."""

    __test__ = False

    def __init__(self, config: pytest.Config) -> None:
        self.worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.is_controller = bool(getattr(config.option, "numprocesses", None)) and self.worker == "main"
        self.account = server_account()
        self._database_made = False
        self.baseline: Baseline | None = None
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self._failure: str | None = None
        self.template = TEMPLATE
        if self.worker != "main":
            handed = json.loads(os.environ[_HANDED_DOWN])
            self.directory, self._owns_directory = Path(handed["directory"]) / self.worker, False
            self.admin, self.template = handed["admin"], handed["template"]
            self._failure = handed["failure"]
            self.passwords = Path(handed["passwords"]) if handed["passwords"] else None
            self._external_redis = handed["redis"]
        else:
            self.directory, self._owns_directory = Path(tempfile.mkdtemp(prefix="kontor-test-", dir="/tmp")), True
            self.directory.chmod(0o755 if self.account else 0o700)
            self._external_redis = os.environ.get("REDIS_URL")
            self.passwords = None
            external = os.environ.get("DATABASE_URL")
            if external:
                self.admin = roles.address_for(external)
                self.template = f"kontor_template_{secrets.token_hex(4)}"
                self.passwords = self.directory / "role-passwords.json"
            else:
                log = self.directory / "postgres.log"
                self._postgres = Postgres(
                    self.directory / "pg", socket_directory=self.directory / "run", log=log, fsync=False
                )
                self.admin = self._postgres.address
        self.directory.mkdir(mode=0o755, exist_ok=True)
        suffix = "" if self.template == TEMPLATE else self.template.removeprefix("kontor_template")
        self.database = f"kontor_test_{self.worker}{suffix}"
        self.addresses: roles.Addresses | None = None
        if self._external_redis:
            number = 1 + int(self.worker.removeprefix("gw")) if self.worker != "main" else 0
            self.redis = f"{self._external_redis.partition('?')[0].rstrip('/')}" + (
                f"?db={number}" if self._external_redis.startswith("unix") else f"/{number}"
            )
        else:
            self._valkey = Valkey(
                self.directory / "vk",
                socket_directory=self.directory / "vr",
                log=self.directory / "valkey.log",
                durable=False,
            )
            self.redis = self._valkey.address

    def begin(self) -> None:
        """Set the environment that the product reads, and start what the workers will share."""
        if self.is_controller:
            try:
                self._start_postgres()
            except Exception as failure:  # Told by every test that needs the database; the others still run.
                self._failure = f"{type(failure).__name__}: {failure}"
            os.environ[_HANDED_DOWN] = json.dumps(
                {
                    "directory": str(self.directory),
                    "admin": self.admin,
                    "template": self.template,
                    "failure": self._failure,
                    "passwords": str(self.passwords) if self.passwords else None,
                    "redis": self._external_redis,
                }
            )
            return
        if self.passwords is not None and self.worker == "main":
            roles.ensure_roles(self.admin, passwords=self.passwords)
        self.addresses = roles.addresses(self.admin, self.database, passwords=self.passwords)
        os.environ.update(self.addresses.env)
        os.environ["REDIS_URL"] = self.redis

    def start(self) -> None:
        """Have a migrated, empty database and a Redis behind the addresses in the environment."""
        if self._failure:
            pytest.fail(f"The test database could not be made.\n{self._failure}", pytrace=False)
        if self._database_made:
            return
        try:
            if self.worker == "main":
                self._start_postgres()
            self._clone()
            self.baseline = Baseline(roles.libpq(roles.address_for(self.admin, database=self.database)))
            if self._valkey is not None:
                self._valkey.start()
        except Exception as failure:
            self._failure = f"{type(failure).__name__}: {failure}"
            raise
        self._database_made = True

    def end(self) -> None:
        """Stop what this process started and remove what it made."""
        if self.baseline is not None:
            self.baseline.close()
        if self._valkey is not None:
            self._valkey.stop()
        if self._database_made:
            self._drop(self.database)
        if self._postgres is not None:
            self._postgres.stop()
        elif self._owns_directory:
            self._drop(self.template)
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _start_postgres(self) -> None:
        if self._postgres is not None:
            self._postgres.start()
        roles.ensure_roles(self.admin, passwords=self.passwords)
        roles.ensure_database(self.admin, self.template)
        owner = roles.addresses(self.admin, self.template, passwords=self.passwords).owner
        migrate(owner)

    def _clone(self) -> None:
        with psycopg.connect(roles.libpq(self.admin), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(self.database), sql.Identifier(roles.OWNER), sql.Identifier(self.template)
                )
            )
        roles.prepare_database(roles.address_for(self.admin, database=self.database))

    def _drop(self, database: str) -> None:
        try:
            with psycopg.connect(roles.libpq(self.admin), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
        except psycopg.OperationalError:
            pass  # The server has gone before us, and its data with it.


def migrate(owner: str) -> None:
    """Bring a database to the newest revision."""
    outcome = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_OWNER_URL": owner},
        capture_output=True,
        text=True,
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"alembic upgrade head failed:\n{outcome.stderr[-4000:]}")
