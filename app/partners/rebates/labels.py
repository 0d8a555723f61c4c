"""What the kinds of shares are called on a page."""

from __future__ import annotations

from app.kit.text import Message, _l

KINDS: dict[str, Message] = {
    "rebate": _l("Rebate to clients"),
    "give": _l("Given to a sub-partner"),
    "take": _l("Taken from a sub-partner"),
}
SOURCES: dict[str, Message] = {
    "rebate": _l("From your partner"),
    "cashback": _l("From the broker"),
    "give": _l("Given by your sponsor"),
    "take": _l("Taken from a sub-partner"),
}
