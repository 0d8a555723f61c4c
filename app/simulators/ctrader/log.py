"""Log lines of the simulator: one JSON object each, without passwords, hashes and tokens."""

from __future__ import annotations

import json
import sys
from typing import Any

from app.kit import clock


def log(event: str, **values: Any) -> None:
    """Write one line to the standard error stream."""
    at = clock.now().isoformat(timespec="milliseconds")
    line = {"at": at, "process": "simulator.ctrader", "event": event, **values}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()
