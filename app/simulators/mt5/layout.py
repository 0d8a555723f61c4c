"""JSON as the platform lays it out: a blank on both sides of each colon, and CRLF between lines."""

from __future__ import annotations

import json
from typing import Any

_NEWLINE = "\r\n"
_encode = json.JSONEncoder(ensure_ascii=False, separators=("," + _NEWLINE, " : ")).encode


class Written(str):
    """JSON that was written beforehand."""


def dump(value: Any) -> str:
    """Render records, lists and texts. Numbers stay bare only where a handler leaves them as numbers on purpose."""
    if isinstance(value, Written):
        return value
    if isinstance(value, dict) and value:
        if any(isinstance(member, (dict, list, Written)) and member for member in value.values()):
            members = ("," + _NEWLINE).join(f"{_encode(key)} : {dump(member)}" for key, member in value.items())
        else:
            members = _encode(value)[1:-1]  # A flat record, most of what is ever sent: all in compiled code.
        return f"{{{_NEWLINE}{members}{_NEWLINE}}}"
    if isinstance(value, list) and value:
        items = ("," + _NEWLINE).join(dump(item) for item in value)
        return f"[{_NEWLINE}{items}{_NEWLINE}]"
    return _encode(value)
