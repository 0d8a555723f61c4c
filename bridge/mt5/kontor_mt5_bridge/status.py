"""How the bridge is, as a small file that it rewrites every second and that monitoring may read."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

WELL, NOT_WELL, NOT_RUNNING = 0, 1, 2
STALE_S = 15.0
SILENT_S = 30.0


def write(path: Path, facts: dict[str, Any]) -> None:
    """Replace the file at once, so that no reader sees half of it. A reader that holds it open delays the next one."""
    passing = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        passing.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        os.replace(passing, path)


def read(path: Path) -> tuple[int, str]:
    """(0 well, 1 not well, 2 not running) and what to print."""
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        age = time.time() - float(facts["written_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOT_RUNNING, "The bridge has never run with this data directory, or its status file cannot be read."
    lines = [f"{name}: {value}" for name, value in facts.items()]
    if not facts.get("is_running") or age > STALE_S:
        return NOT_RUNNING, "\n".join(["The bridge is not running.", *lines])
    problems = problems_of(facts)
    return (NOT_WELL if problems else WELL), "\n".join([*(problems or ["All is well."]), *lines])


def problems_of(facts: dict[str, Any]) -> list[str]:
    """What a person should look at."""
    found = []
    if not facts.get("is_connected"):
        found.append(f"No connection to the trade server: {facts.get('link_error') or 'connecting'}.")
    if time.time() - float(facts.get("acknowledged_at") or 0) > SILENT_S:
        found.append(
            f"Kontor has acknowledged nothing for {SILENT_S:.0f} seconds: {facts.get('send_error') or 'no answer yet'}."
        )
    if facts.get("events_put_aside"):
        found.append(f"{facts['events_put_aside']} events could not be read by Kontor and were put aside.")
    return found
