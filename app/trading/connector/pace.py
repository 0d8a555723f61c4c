"""How often a connector does what nobody asked it for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses between rounds, in seconds."""

    due: float = 1.0
    link: float = 5.0
    reconnect: float = 2.0
    catch_up: float = 15.0
    catch_up_without_bridge: float = 5.0
    figures: float = 1.0
    refresh: float = 0.3
    settings: float = 600.0
    comparison: float = 3600.0
    locks: float = 20.0
