"""JSON as the platform lays it out: a blank on both sides of each colon, and CRLF between lines."""

from __future__ import annotations

import json
from typing import Any

_NEWLINE = "\r\n"


def dump(value: Any, depth: int = 0) -> str:
    """Render records, lists and texts. Numbers stay bare only where a handler leaves them as numbers on purpose."""
    inner, outer = " " * (depth + 1), " " * depth
    if isinstance(value, dict):
        if not value:
            return "{}"
        members = ("," + _NEWLINE).join(
            f"{inner}{json.dumps(key, ensure_ascii=False)} : {dump(member, depth + 1)}" for key, member in value.items()
        )
        return f"{{{_NEWLINE}{members}{_NEWLINE}{outer}}}"
    if isinstance(value, list):
        if not value:
            return "[]"
        items = ("," + _NEWLINE).join(inner + dump(item, depth + 1) for item in value)
        return f"[{_NEWLINE}{items}{_NEWLINE}{outer}]"
    return json.dumps(value, ensure_ascii=False)
