from tests.support.brands import app, brands, hash_once, north, south

__all__ = ["app", "brands", "hash_once", "north", "south"]
