import pytest

from tests.support.brands import Brand, app, brands, hash_once, north, south
from tests.support.paper_desk import Desk, make_desk

__all__ = ["app", "brands", "hash_once", "north", "south"]


@pytest.fixture
def desk(north: Brand) -> Desk:  # The fixture above is asked for by its name.
    """A trader's account without a connection."""
    return make_desk(north, "mona@example.com", 5001)
