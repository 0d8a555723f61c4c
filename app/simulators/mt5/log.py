"""Log lines of the simulator: one JSON object each, without passwords."""

from __future__ import annotations

import json
import sys
from typing import Any

from app.kit import clock


def log(event: str, **values: Any) -> None:
    """Write one line to the standard error stream."""
    line = {"at": clock.now().isoformat(timespec="milliseconds"), "process": "simulator.mt5", "event": event, **values}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()
