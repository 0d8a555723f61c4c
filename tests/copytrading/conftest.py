import pytest

from tests.support.brands import Brand, app, brands, hash_once, north, south
from tests.support.paper_desk import Desk, make_desk, offer_copy_trading

__all__ = ["app", "brands", "hash_once", "north", "south"]


@pytest.fixture
def desk(north: Brand) -> Desk:  # The fixture above is asked for by its name.
    """A brand with copy trading and one trader's account."""
    offer_copy_trading(north, min_age_days=10, min_equity=100)
    return make_desk(north, "mona@example.com", 5001)
