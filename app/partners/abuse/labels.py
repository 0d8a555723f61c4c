"""What the numbers and signs of a finding are called, for staff."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app.kit.text import Message, _l
from app.partners.abuse.models import Finding

ACTIONS: dict[str, tuple[Message, str]] = {
    "shadow": (_l("Only reported"), "neutral"),
    "hold": (_l("Holds money"), "warning"),
}
DETECTOR_ACTIONS: dict[str, Message] = {
    "off": _l("Not looked for"),
    "shadow": ACTIONS["shadow"][0],
    "hold": ACTIONS["hold"][0],
}
HOLD_POLICIES: dict[str, Message] = {
    "reject": _l("Pay nothing"),
    "hold": _l("Hold for a person"),
    "bands": _l("Pay the share of their band"),
}
SIGNS: dict[str, Message] = {
    "no_sign_in": _l("The sub-partner does not sign in."),
    "shared_device": _l("They use the same browser as the master."),
    "clients_of_master": _l("All their clients came from the master."),
    "shared_account": _l("They are paid to the same bank account as the master."),
}
SHARED: dict[str, Message] = {
    "device": _l("The same browser"),
    "instrument": _l("The same bank account"),
    "document": _l("The same document"),
    "cluster": _l("Through other people of their cluster"),
    "person": _l("Said by a person"),
}
NUMBERS: dict[str, Message] = {
    "trades": _l("Closed trades"),
    "short_trades": _l("Of these below the minimum holding time"),
    "lots": _l("Lots"),
    "short_lots": _l("Lots below the minimum holding time"),
    "near_lots": _l("Lots just above the minimum holding time"),
    "empty_lots": _l("Lots that ended where they began"),
    "share_of_trades": _l("Share of the trades"),
    "share_of_lots": _l("Share of the lots"),
    "share_above": _l("Reported above"),
    "clients": _l("Clients"),
    "commission": _l("Commission"),
    "paid": _l("Spread and commission that they paid"),
    "payback": _l("Commission against what they paid"),
    "review_at": _l("Shown from"),
    "hold_at": _l("Held from"),
    "paid_in": _l("Paid into trading accounts"),
    "share_of_paid_in": _l("Commission against what was paid in"),
    "confidence": _l("How sure the link is"),
    "link_at": _l("Held from"),
    "min_hold_seconds": _l("Minimum holding time in seconds"),
    "window_days": _l("Days looked at"),
}


def numbers(evidence: dict[str, Any]) -> Iterator[tuple[Message, Decimal]]:
    """The numbers of a finding in the order in which one reads them."""
    for name, label in NUMBERS.items():
        if name in evidence:
            yield label, Decimal(str(evidence[name]))


def signs(row: Finding) -> list[Message]:
    """The signs of a sub-partner, or what two people share, in words."""
    found = [SIGNS[one] for one in row.evidence.get("signs", ()) if one in SIGNS]
    return found + [SHARED[one] for one in row.evidence.get("shared", ()) if one in SHARED]
