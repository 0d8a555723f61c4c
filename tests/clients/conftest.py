from tests.support.brands import app, brands, north, south

__all__ = ["app", "brands", "north", "south"]
