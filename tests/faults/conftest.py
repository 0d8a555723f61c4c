"""A platform in trouble, and every movement of money on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.grounds import GROUNDS, Ground
from tests.support.brands import app, hash_once

__all__ = ["app", "hash_once"]


@pytest.fixture(scope="module", params=GROUNDS)
def ground(request: pytest.FixtureRequest, app: object, database: object) -> Iterator[Ground]:
    """A running platform of each kind."""
    with GROUNDS[request.param]() as running:
        yield running
