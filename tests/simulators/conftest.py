"""One running simulator per module of tests, and clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.simulators.mt5 import SimServer, running_simulator
from tests.simulators.support import Books, Control, WebAPI


@pytest.fixture(scope="module")
def sim() -> Iterator[SimServer]:
    with running_simulator(seed=7) as running:
        yield running


@pytest.fixture
def control(sim: SimServer) -> Iterator[Control]:
    client = Control(sim)
    yield client
    client.delete("/faults")
    client.close()


@pytest.fixture
def api(sim: SimServer) -> Iterator[WebAPI]:
    with WebAPI(sim) as client:
        yield client.sign_in()


@pytest.fixture
def books() -> Books:
    return Books()
