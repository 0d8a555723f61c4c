"""The control port: what robots, tests and the demo use beside the platform's own port. Loopback only."""

from app.simulators.mt5.control.app import control_app

__all__ = ["control_app"]
