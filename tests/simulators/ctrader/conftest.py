"""One running cTrader environment per module of tests, and clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.simulators.ctrader import SimServer, running_simulator
from tests.simulators.ctrader.support import Books, Control, Manager, Web


@pytest.fixture(scope="module")
def sim() -> Iterator[SimServer]:
    with running_simulator(seed=7, list_chunk=5, brokers=("white",)) as running:
        yield running


@pytest.fixture
def control(sim: SimServer) -> Iterator[Control]:
    client = Control(sim)
    yield client
    client.delete("/faults")
    client.close()


@pytest.fixture
def manager(sim: SimServer) -> Iterator[Manager]:
    client = Manager(sim)
    yield client
    client.close()


@pytest.fixture
def services(sim: SimServer) -> Iterator[Web]:
    client = Web(sim)
    yield client
    client.close()


@pytest.fixture
def books() -> Books:
    return Books()
