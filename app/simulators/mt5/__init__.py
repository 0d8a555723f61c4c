"""A MetaTrader 5 trade server: Web API in both variants, trading, prices, and a bridge that pushes its events."""

from app.simulators.mt5.config import GroupConfig, ManagerConfig, PushConfig, SimConfig, Switches
from app.simulators.mt5.running import SimServer, running_simulator

__all__ = ["GroupConfig", "ManagerConfig", "PushConfig", "SimConfig", "SimServer", "Switches", "running_simulator"]
