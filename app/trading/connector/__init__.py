"""The process that owns platform connections. Its event loop speaks to platforms and Redis and never touches the
database."""

from app.trading.connector.process import Process, run_connector

__all__ = ["Process", "run_connector"]
