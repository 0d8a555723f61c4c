"""Trouble on demand, per command and limited in number."""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count
from time import monotonic
from typing import Any

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"  # Before executing.
    DELAY_AFTER = "delay_after"  # Executed at once, answered late.
    DROP_BEFORE = "drop_before"  # The connection breaks and nothing was done.
    DROP_AFTER = "drop_after"  # It was done, and the connection breaks before the answer.
    FORBIDDEN = "forbidden"  # HTTP 403 and the session is gone.
    RETCODE = "retcode"  # Refused with `retcode`, not executed.
    RETCODE_AFTER = "retcode_after"  # Executed, then answered with `retcode`.
    CUT = "cut"  # It was done, and the connection breaks in the middle of the answer.
    TWICE = "twice"  # It was done once, and the answer comes twice.
    BAD_CLIENT_ANSWER = "bad_client_answer"  # The server's proof is wrong.
    ANTIFLOOD = "antiflood"  # New connections are closed at once, for `seconds`.


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One kind of trouble. `count` None means until it is removed."""

    kind: FaultKind
    command: str = "*"
    login: int | None = None
    count: int | None = 1
    seconds: float = 0.0
    retcode: int = 12
    id: int = 0


class Faults:
    """The faults that wait to happen."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._waiting: dict[int, Fault] = {}
        self._blocked_until = 0.0

    def add(self, fault: Fault) -> Fault:
        """Arm a fault; an anti-flood block begins at once."""
        fault.id = next(self._ids)
        if fault.kind is FaultKind.ANTIFLOOD:
            self.block(fault.seconds)
        else:
            self._waiting[fault.id] = fault
        return fault

    def clear(self, number: int | None = None) -> None:
        """Disarm one fault, or all of them."""
        if number is None:
            self._waiting.clear()
            self._blocked_until = 0.0
        else:
            self._waiting.pop(number, None)

    def listed(self) -> list[Any]:
        """What is still armed."""
        return [msgspec.to_builtins(fault) for fault in self._waiting.values()]

    def block(self, seconds: float) -> None:
        """Refuse new connections for a while."""
        self._blocked_until = max(self._blocked_until, monotonic() + seconds)

    @property
    def is_blocking(self) -> bool:
        return monotonic() < self._blocked_until

    def take(self, kind: FaultKind, name: str, login: str | None = None) -> Fault | None:
        """Use up one occurrence of a fault that fits the command."""
        for fault in self._waiting.values():
            is_meant = fault.login is None or str(fault.login) == login
            if fault.kind is kind and is_meant and fnmatchcase(name, fault.command):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count <= 0:
                        del self._waiting[fault.id]
                return fault
        return None
