"""The control port: what robots, tests and the demo use beside the platform's own ports. Loopback only."""

from app.simulators.ctrader.control.app import control_app

__all__ = ["control_app"]
