"""How often a connector does what nobody asked it for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses between rounds, in seconds."""

    due: float = 1.0
    link: float = 5.0
    reconnect: float = 5.0  # After the first failure; it doubles up to two minutes.
    catch_up: float = 15.0
    catch_up_without_bridge: float = 5.0
    figures: float = 1.0
    refresh: float = 0.3
    settings: float = 600.0
    comparison: float = 3600.0
    settles: float = 5.0  # What differs in a comparison is looked at again so much later.
    locks: float = 20.0
    groups: float = 600.0  # Whether the groups in use exist; oftener while one is missing.
    groups_in_trouble: float = 30.0
    notes: float = 10.0  # Latencies and metrics are written down so often.
    reconfigure: float = 15.0  # Whether the platform's settings or secrets have changed.
