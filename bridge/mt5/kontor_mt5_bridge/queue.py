"""The bounded queue between the vendor's threads, which must not wait, and ours."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

OVERFLOW = "bridge.overflow"


@dataclass(frozen=True, slots=True)
class Item:
    """What a handler saw: the kind of event, when, and the copied values (a mapping where it is no record)."""

    kind: str
    at_ms: int
    values: Any


class EventQueue:
    """Takes items without waiting. What finds it full is lost, and an overflow stands in its place."""

    def __init__(self, items_max: int) -> None:
        self._items: deque[Item] = deque()
        self._items_max = items_max
        self._changed = threading.Condition()
        self._lost = 0
        self.lost_total = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, kind: str, values: Any) -> None:
        """Add an item."""
        item = Item(kind, int(time.time() * 1000), values)
        with self._changed:
            if len(self._items) + (self._lost > 0) >= self._items_max:
                self._lose()
                return
            if self._lost:
                self._items.append(self._overflow())
            self._items.append(item)
            if len(self._items) == 1 or not len(self._items) % 64:
                self._changed.notify()

    def lose(self) -> None:
        """Note that an event could not be read."""
        with self._changed:
            self._lose()
            self._changed.notify()

    def _lose(self) -> None:
        self._lost += 1
        self.lost_total += 1

    def _overflow(self) -> Item:
        lost, self._lost = self._lost, 0
        return Item(OVERFLOW, int(time.time() * 1000), {"Lost": str(lost)})

    def take(self, items_max: int, wait_s: float, timeout_s: float) -> list[Item]:
        """Up to so many items: those that come within `wait_s` of the first. Nothing when none comes in `timeout_s`."""
        with self._changed:
            if not self._items and not self._lost:
                self._changed.wait(timeout_s)
            ends = time.monotonic() + wait_s
            while self._items and len(self._items) < items_max:
                left = ends - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            taken = [self._items.popleft() for _ in range(min(items_max, len(self._items)))]
            if self._lost and not self._items:
                taken.append(self._overflow())
            return taken
