"""A cTrader plant on loopback: Manager API, WebServices and Open API over one state, with faults on command.

It shares no code with the adapters and knows nothing of our database.
"""

from app.simulators.ctrader.config import SimConfig
from app.simulators.ctrader.running import SimServer, running_simulator

__all__ = ["SimConfig", "SimServer", "running_simulator"]
