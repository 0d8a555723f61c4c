"""What happened to an operation, and what people did about it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.kit.text import Message, _l, _lp
from app.trading.models import PlatformOperation

_ACTS: Mapping[str, Message] = {
    "request": _lp("operation", "Requested"),
    "done": _lp("operation", "Done"),
    "refused": _lp("operation", "Refused"),
    "trading.operation.state": _l("Said what they saw on the platform"),
    "trading.operation.look_again": _l("Had the platform searched again"),
    "trading.deal.unmatched": _l("Put into suspense"),
    "trading.deal.resolved": _l("Taken off the list"),
    "trading.suspense.propose": _l("Proposed a booking"),
    "trading.suspense.carry_out": _l("Carried a booking out"),
    "trading.suspense.reject": _l("Turned a booking down"),
    "trading.suspense.take_back": _l("Took a booking back"),
    "trading.difference.explain": _l("Explained the difference"),
    "trading.matter.take_on": _l("Took it on"),
    "trading.matter.give_up": _l("Gave it up"),
}


def act(action: str) -> Message:
    """What somebody did, for the list of those who touched a matter."""
    found = _ACTS.get(action) or _ACTS.get(action.rpartition(".")[2])
    return found or _l("%(action)s", action=action)


_ENTRIES: Mapping[str, Message] = {
    "hold.place": _l("Money of the client was set aside"),
    "hold.capture": _l("The money set aside went to the platform"),
    "hold.void": _l("The money set aside was returned"),
    "trading.withdraw": _l("From the platform to the client's wallet"),
    "trading.unmatched": _l("Between the platform and suspense"),
    "trading.correct": _l("Moved back on the platform"),
    "trading.suspense": _l("Booked out of suspense"),
    "trading.correction": _l("Between suspense and the client's wallet"),
    "reversal": _l("A booking was taken back"),
}


def entry(kind: str) -> Message:
    """What a journal entry about money on a platform is."""
    return _ENTRIES.get(kind) or _lp("journal entry", "Booking")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an operation, when and with what result."""

    title: Message
    at: datetime | None
    text: str
    tone: str
    by: str = ""


def steps(operation: PlatformOperation) -> list[Step]:
    """The life of an operation, newest first."""
    found = [Step(_lp("operation", "Requested"), operation.created_at, "", "neutral", operation.actor_name)]
    if operation.sent_at is not None:
        found.append(Step(_l("Sent to the platform"), operation.sent_at, "", "info"))
    told = operation.result
    if "unknown" in told:
        found.append(Step(_l("No usable answer came"), None, str(told["unknown"]), "warning"))
    if operation.looks or "look" in told:
        found.append(Step(_l("Searched on the platform"), None, str(told.get("look", "")), "info"))
    if operation.next_look_at is not None:
        found.append(Step(_l("Will be searched again"), operation.next_look_at, "", "info"))
    if operation.finished_at is not None:
        text = f"{operation.refusal_reason or ''} {operation.refusal_code or ''}".strip()
        found.append(Step(operation.state.label, operation.finished_at, text, operation.state.tone))
    return found[::-1]
