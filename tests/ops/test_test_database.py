"""The ground that tests stand on."""

import psycopg
import pytest
import redis

from tests.support.baseline import Baseline
from tests.support.loopback import OutsideConnection
from tests.support.servers import TestServers
from tools import roles


def test_the_database_is_migrated_and_the_app_owns_nothing(database: roles.Addresses) -> None:
    with psycopg.connect(roles.libpq(database.app)) as connection:
        (revision,) = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relname = 'alembic_version'"
        ).fetchone() or (0,)
        (owned,) = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        ).fetchone() or (9,)
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert (revision, owned, rights) == (1, 0, (False, False, False))


def test_a_change_is_undone_and_the_kept_rows_stay(servers: TestServers, database: roles.Addresses) -> None:
    with psycopg.connect(roles.libpq(database.owner), autocommit=True) as owner:
        owner.execute("CREATE TABLE ground_kept (id int PRIMARY KEY, double int GENERATED ALWAYS AS (id * 2) STORED)")
        owner.execute("CREATE TABLE ground_child (id int PRIMARY KEY REFERENCES ground_kept)")
        owner.execute("INSERT INTO ground_kept VALUES (1)")
        kept = Baseline(roles.libpq(roles.address_for(servers.admin, database=servers.database)))
        try:
            owner.execute("INSERT INTO ground_kept VALUES (2)")
            owner.execute("INSERT INTO ground_child VALUES (2)")

            assert kept.restore() == ["ground_child", "ground_kept"]
            assert owner.execute("SELECT id, double FROM ground_kept").fetchall() == [(1, 2)]
            assert owner.execute("SELECT count(*) FROM ground_child").fetchone() == (0,)
            assert kept.restore() == []
        finally:
            kept.close()
            owner.execute("DROP TABLE ground_child, ground_kept")


def test_redis_answers_and_is_this_workers_own(servers: TestServers) -> None:
    with redis.Redis.from_url(servers.redis) as client:
        client.set("ground", "yes")
        assert client.get("ground") == b"yes"
        client.delete("ground")


def test_another_machine_cannot_be_reached() -> None:
    import socket

    with pytest.raises(OutsideConnection), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
