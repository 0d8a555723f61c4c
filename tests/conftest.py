"""Fixtures of every test: a migrated database and a Redis of this worker's own, and a clean state afterwards."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.baseline import Baseline
from tests.support.loopback import stay_on_this_machine
from tests.support.servers import TestServers
from tools import roles

_servers: TestServers | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _servers
    os.environ.setdefault("KONTOR_MASTER_KEY", "dGVzdHMtbWFzdGVyLWtleS1ub3QtYS1zZWNyZXQtMDE=")
    os.environ.setdefault("KONTOR_SECRET_KEY", "tests-secret-key-not-a-secret")
    _servers = TestServers(config)
    os.environ["KONTOR_DATA_DIR"] = str(_servers.directory / "data")
    os.environ["KONTOR_FILES_DIR"] = str(_servers.directory / "data" / "files")
    if not config.option.collectonly:
        _servers.begin()
    if not _servers.is_controller:
        stay_on_this_machine()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long stories begin first, so that the workers end together."""
    long = ("tests/scenarios/", "tests/ops/", "tests/browser/")
    items.sort(key=lambda item: not item.nodeid.startswith(long))


def pytest_unconfigure() -> None:
    if _servers is not None:
        _servers.end()


@pytest.fixture(scope="session")
def servers() -> Iterator[TestServers]:
    """The running servers of this worker, behind the addresses in the environment."""
    from app.identity import passwords

    assert _servers is not None
    _servers.start()
    with pytest.MonkeyPatch.context() as patch:
        # People of tests share a few passwords; hashing each anew would take longer than most tests.
        patch.setattr(passwords, "hash_password", cache(passwords.hash_password))
        yield _servers


@pytest.fixture(scope="session")
def database(servers: TestServers) -> roles.Addresses:
    """The addresses of this worker's migrated database, one per role."""
    assert servers.addresses is not None
    return servers.addresses


@pytest.fixture(scope="session")
def baseline(servers: TestServers) -> Baseline:
    """The state the database returns to after each test; `capture()` makes the present one that state."""
    assert servers.baseline is not None
    return servers.baseline


@pytest.fixture(autouse=True)
def clean_state() -> Iterator[None]:
    """What a test committed is gone before the next one begins."""
    yield
    assert _servers is not None
    if _servers.baseline is not None:
        _servers.baseline.restore()


@pytest.fixture
def files_directory() -> Path:
    """Where uploads of this worker go."""
    return Path(os.environ["KONTOR_FILES_DIR"])
