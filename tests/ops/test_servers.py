"""Embedded servers: they keep data, are attached to when they live, die with their owner, and give four roles."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from tests.support.servers import TestServers
from tools import roles
from tools.children import PROJECT, can_reach, server_account
from tools.postgres import find_binaries, version_of
from tools.servers import kept_servers

OWNER_PROCESS = """
import json, sys, time
from pathlib import Path
from tools.servers import kept_servers
with kept_servers(Path(sys.argv[1]), logs=Path(sys.argv[1])) as servers:
    print(json.dumps([servers.postgres.pid, servers.valkey.pid, servers.database.app, servers.redis]), flush=True)
    time.sleep(120)
"""


@pytest.fixture
def without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BATCH_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place() -> Path:
    """A short path, for sockets allow few bytes, which the servers' account can enter."""
    import tempfile

    directory = Path(tempfile.mkdtemp(prefix="kontor-kept-", dir="/tmp"))
    directory.chmod(0o755)
    return directory


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(seconds: float, *pids: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def start_owner(place: Path) -> tuple[subprocess.Popen[str], list[object]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER_PROCESS, str(place)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, json.loads(owner.stdout.readline())


def test_a_second_user_attaches_and_a_killed_owner_takes_its_servers_along(
    without_addresses: None, place: Path
) -> None:
    owner, (postgres, valkey, app, cache) = start_owner(place)
    assert isinstance(postgres, int)
    assert isinstance(valkey, int)
    with kept_servers(place, logs=place) as attached:
        assert (attached.database.app, attached.redis) == (app, cache)
        with psycopg.connect(roles.libpq(attached.database.owner), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('here')")
        with redis.Redis.from_url(attached.redis) as client:
            client.set("kept", "here")
            client.wait(0, 0)
            time.sleep(1.1)  # Valkey writes its log to disk once a second.
    assert is_alive(postgres)
    assert is_alive(valkey)

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert owner.stdout is not None
    owner.stdout.close()
    assert gone_within(20, postgres, valkey)

    with kept_servers(place, logs=place) as again:
        with psycopg.connect(roles.libpq(again.database.owner)) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("here",)
        with redis.Redis.from_url(again.redis) as client:
            assert client.get("kept") == b"here"
        assert again.postgres is not None
        assert again.postgres.pid not in (None, postgres)


def test_sockets_have_short_names_and_belong_to_one_account(servers: TestServers) -> None:
    directory = Path(servers.admin.partition("host=")[2])
    if not directory.is_dir():
        pytest.skip("The database was given from outside.")

    assert len(os.fsencode(directory / ".s.PGSQL.5432")) < 100
    assert directory.stat().st_mode & 0o077 == 0


def test_the_server_is_new_enough() -> None:
    account = server_account()
    assert (version_of(find_binaries(account) / "postgres", account) or 0) >= 17


def test_an_account_is_stopped_by_a_closed_directory(tmp_path: Path) -> None:
    account = server_account()
    if account is None:
        pytest.skip("Only root starts servers as another account.")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert not can_reach(closed, account)
    assert can_reach(Path("/tmp"), account)


def test_one_address_gives_the_three_when_its_login_may_create_roles(
    servers: TestServers, database: roles.Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_OWNER_URL", "DATABASE_BATCH_URL"):
        monkeypatch.delenv(name, raising=False)
    given = roles.address_for(servers.admin, database=servers.database)
    monkeypatch.setenv("DATABASE_URL", given.replace("postgresql+psycopg", "postgresql"))

    derived = roles.addresses_from_environment(tmp_path / "passwords.json")

    assert derived is not None
    for address, role in ((derived.app, roles.APP), (derived.owner, roles.OWNER), (derived.batch, roles.BATCH)):
        with psycopg.connect(roles.libpq(address)) as connection:
            assert connection.execute("SELECT session_user, current_database()").fetchone() == (role, servers.database)
    assert (tmp_path / "passwords.json").stat().st_mode & 0o077 == 0


def test_a_login_that_may_not_create_roles_is_told_so(
    database: roles.Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_OWNER_URL", "DATABASE_BATCH_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database.app)

    with pytest.raises(roles.RolesMissing, match="DATABASE_OWNER_URL"):
        roles.addresses_from_environment(tmp_path / "passwords.json")


def test_an_address_changes_role_and_database_and_keeps_the_rest() -> None:
    address = "postgresql+psycopg://somebody:old@db.internal:6432/first?sslmode=require"

    changed = roles.address_for(address, role="kontor_app", password="p@ss/word", database="second")

    assert changed == "postgresql+psycopg://kontor_app:p%40ss%2Fword@db.internal:6432/second?sslmode=require"
