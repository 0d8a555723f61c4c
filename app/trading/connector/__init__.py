"""The process that owns platform connections. Its event loop speaks to platforms and Redis and never touches the
database."""

from app.trading.connector.process import run_connector

__all__ = ["run_connector"]
