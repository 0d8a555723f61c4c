from tests.support.brands import app

__all__ = ["app"]
