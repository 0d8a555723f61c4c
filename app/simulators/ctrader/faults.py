"""Trouble on demand, per request or event and limited in number."""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

import msgspec


class FaultKind(StrEnum):
    """What goes wrong. The last three concern pushed events, all others requests."""

    DELAY = "delay"  # Before acting.
    DELAY_AFTER = "delay_after"  # Acted at once, answered late.
    DROP_BEFORE = "drop_before"  # The link breaks and nothing was done.
    DROP_AFTER = "drop_after"  # It was done, and the link breaks before the answer.
    LOSE_BEFORE = "lose_before"  # Nothing was done and nothing is answered; the link stays.
    LOSE_AFTER = "lose_after"  # It was done and nothing is answered; the link stays.
    REFUSE = "refuse"  # Refused with `code`, not done.
    REFUSE_AFTER = "refuse_after"  # Done, then answered with `code`.
    REPEAT_ANSWER = "repeat_answer"  # The answer comes twice.
    EVENT_FIRST = "event_first"  # What the request causes is pushed before it is answered.
    HALF_FRAME = "half_frame"  # Half of the answer comes, then the link breaks.
    LONG_FRAME = "long_frame"  # In place of the answer comes a frame longer than the protocol allows.
    EMPTY_FRAME = "empty_frame"  # In place of the answer comes a frame of length nothing.
    REPEAT_EVENT = "repeat_event"  # An event comes twice.
    LOSE_EVENT = "lose_event"  # An event never comes.
    HOLD_EVENT = "hold_event"  # An event comes `seconds` late, behind younger ones.


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One kind of trouble. `command` is a payload number, a message's short name or a path; no `count` is for ever."""

    kind: FaultKind
    face: str = "*"  # manager, openapi, web
    command: str = "*"
    trader_id: int | None = None
    count: int | None = 1
    seconds: float = 0.0
    code: str = "UNKNOWN_ERROR"
    maintenance_end_ms: int = 0
    id: int = 0


class Faults:
    """The faults that wait to happen."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._waiting: dict[int, Fault] = {}

    def add(self, fault: Fault) -> Fault:
        """Arm a fault."""
        fault.id = next(self._ids)
        self._waiting[fault.id] = fault
        return fault

    def clear(self, number: int | None = None) -> None:
        """Disarm one fault, or all of them."""
        if number is None:
            self._waiting.clear()
        else:
            self._waiting.pop(number, None)

    def listed(self) -> list[Any]:
        """What is still armed."""
        return [msgspec.to_builtins(fault) for fault in self._waiting.values()]

    def take(self, kind: FaultKind, face: str, names: tuple[str, ...], trader_id: int | None = None) -> Fault | None:
        """Use up one occurrence of a fault that fits."""
        if not self._waiting:
            return None
        for fault in self._waiting.values():
            is_meant = fault.trader_id is None or fault.trader_id == trader_id
            is_here = fnmatchcase(face, fault.face) and any(fnmatchcase(name, fault.command) for name in names)
            if fault.kind is kind and is_meant and is_here:
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count <= 0:
                        del self._waiting[fault.id]
                return fault
        return None
