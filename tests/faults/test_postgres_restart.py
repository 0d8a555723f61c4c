"""PostgreSQL goes away with every movement of money under way, and comes back."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.config import settings
from app.core import db
from tests.faults.grounds import Ground, Trouble
from tests.faults.world import ACTS, Act, Aftermath, World, disturbed
from tests.support.servers import migrate
from tests.trading.conftest import wait_until
from tools import roles
from tools.children import server_account
from tools.postgres import Postgres

AWAY = 2.0
DATABASE = "kontor_faults"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of this module's own, that may be stopped while other tests run."""
    directory = Path(tempfile.mkdtemp(prefix="kontor-faults-", dir="/tmp"))
    directory.chmod(0o755 if server_account() else 0o700)
    server = Postgres(directory / "pg", socket_directory=directory / "run", log=directory / "postgres.log", fsync=False)
    server.start()
    try:
        roles.ensure_roles(server.address)
        roles.ensure_database(server.address, DATABASE)
        migrate(roles.addresses(server.address, DATABASE).owner)
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def living_on(postgres: Postgres) -> Iterator[None]:
    """The product of this process on another database server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, address in roles.addresses(postgres.address, DATABASE).env.items():
            patch.setenv(name, address)
        _forget_addresses()
        yield
        _forget_addresses()
    _forget_addresses()


def _forget_addresses() -> None:
    db.dispose_engines()
    for known in (settings, db.app_engine, db.batch_engine):
        known.cache_clear()


def _restarted(world: World, postgres: Postgres) -> Aftermath:
    """The database is away when the platform answers what it has carried out."""

    def restart() -> None:
        wait_until(world.all_acted)
        postgres.stop()
        time.sleep(AWAY)
        postgres.start()

    return disturbed(world, ACTS, lambda place: world.ground.arm(Trouble.HELD_BACK, place.login, AWAY / 2), restart)


@pytest.fixture(scope="module")
def aftermath(ground: Ground, postgres: Postgres) -> Aftermath:
    """What is left when the database was restarted."""
    ground.calm()
    with living_on(postgres):
        return _restarted(World(ground), postgres)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_a_movement_ends_once_and_is_booked_as_it_ended(aftermath: Aftermath, act: Act) -> None:
    aftermath.require(act, is_done=True)


def test_the_books_and_the_platform_agree_to_the_cent(aftermath: Aftermath) -> None:
    aftermath.require_agreement()


def test_the_other_tests_have_their_own_database_again(aftermath: Aftermath) -> None:
    assert DATABASE not in settings().database_url
    assert os.environ["DATABASE_URL"] == settings().database_url
    with db.directory_scope():
        assert db.execute_sql("SELECT current_database()").scalar_one() != DATABASE
