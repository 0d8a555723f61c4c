"""From what handlers saw to events: names, texts, and nothing that only repeats what was said before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kontor_mt5_bridge.queue import OVERFLOW, Item
from kontor_mt5_bridge.records import BY_KIND, plain
from kontor_mt5_bridge.sinks import SYNC_PARTS

Record = dict[str, str]

# The package zeroes these when a position is deleted.
_EMPTIED = (
    "ContractSize", "TimeCreate", "TimeUpdate", "TimeCreateMsc", "TimeUpdateMsc", "PriceOpen", "PriceCurrent",
    "PriceSL", "PriceTP", "Volume", "VolumeExt", "Profit", "Storage", "RateProfit", "RateMargin", "ExpertID",
    "ExpertPositionID", "Comment", "Digits", "DigitsCurrency", "ExternalID", "Dealer", "Reason",
)  # fmt: skip
_UNTOLD = frozenset({"LastAccess"})  # Moves whenever a terminal connects, which is an event of its own.
_FORGET = frozenset({"bridge.disconnect", OVERFLOW})


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it will be sent, still without its number."""

    kind: str
    at_ms: int
    record: Record


class Translator:
    """Remembers the last state of what changes often. Used by one thread."""

    def __init__(self, money_digits_of: Callable[[str], int | None], positions: Callable[[], Iterable[Any]]) -> None:
        self._money_digits_of = money_digits_of
        self._read_positions = positions
        self._digits: dict[str, int] = {}
        self._positions: dict[str, Record] = {}
        self._users: dict[str, bytes] = {}
        self._synced: set[str] = set()
        self.is_connected = False
        self.is_synced = False

    def translate(self, items: Iterable[Item]) -> list[Event]:
        """The events that these items make, in their order."""
        events: list[Event] = []
        for item in items:
            event = self._event(item)
            if event is not None:
                events.append(event)
        return _without_moves(events)

    def _event(self, item: Item) -> Event | None:
        kind = item.kind
        if kind == "part.sync":
            return self._part_synced(item)
        if not isinstance(item.values, tuple):
            self._note(kind)
            return Event(kind, item.at_ms, plain(list(item.values.items())))
        record = self._written(kind, item.values)
        if kind == "position.delete":
            record = _completed(record, self._positions.pop(record["Position"], None))
        elif kind.startswith("position."):
            self._positions[record["Position"]] = record
        elif kind.startswith("group."):
            self._digits.pop(record["Group"], None)
        elif kind.startswith("user.") and not self._is_news(kind, record):
            return None
        return Event(kind, item.at_ms, record)

    def _written(self, kind: str, values: tuple[Any, ...]) -> Record:
        layout = BY_KIND[kind.partition(".")[0]]
        if not kind.startswith("user."):
            return layout.write(values)
        written = layout.write(values)
        digits = self._group_digits(written.get("Group", ""))
        return written if digits == 2 else layout.write(values, digits)

    def _group_digits(self, group: str) -> int:
        """How many decimals the money of an account in this group has; the user record does not say."""
        if group not in self._digits:
            digits = self._money_digits_of(group)
            if digits is None:
                return 2
            self._digits[group] = digits
        return self._digits[group]

    def _is_news(self, kind: str, record: Record) -> bool:
        """Whether an account is other than when it was last sent: the platform tells of it at every trade, and twice
        when it moves to another group."""
        login = record["Login"]
        if kind in ("user.delete", "user.archive"):
            self._users.pop(login, None)
            return True
        told = "\x1f".join(value for name, value in record.items() if name not in _UNTOLD)
        digest = hashlib.blake2b(told.encode(), digest_size=16).digest()
        is_same = self._users.get(login) == digest
        self._users[login] = digest
        return kind != "user.update" or not is_same

    def _note(self, kind: str) -> None:
        if kind in _FORGET:
            self._positions.clear()
            self._users.clear()
            self._synced.clear()
            self.is_synced = self.is_synced and kind == OVERFLOW
        if kind in ("bridge.connect", "bridge.disconnect"):
            self.is_connected = kind == "bridge.connect"

    def _part_synced(self, item: Item) -> Event | None:
        """One of the caches is loaded. When all are, the receiver is told once."""
        part = item.values["Part"]
        if part == "position":
            for values in self._read_positions():
                record = BY_KIND["position"].write(values)
                self._positions.setdefault(record["Position"], record)
        self._synced.add(part)
        if self._synced < SYNC_PARTS or self.is_synced:
            return None
        self.is_synced = True
        return Event("bridge.sync", item.at_ms, {})


def _completed(record: Record, last: Record | None) -> Record:
    """A deleted position with what was last known of it."""
    if last is None:
        return record
    return {**record, **{name: last[name] for name in _EMPTIED if name in last and name in record}}


def _without_moves(events: list[Event]) -> list[Event]:
    """The same without positions that are deleted and added again: that is how a move to another group looks, and
    nothing was closed."""
    deleted = {event.record["Position"]: index for index, event in enumerate(events) if event.kind == "position.delete"}
    if not deleted:
        return events
    dropped: set[int] = set()
    kept = list(events)
    for index, event in enumerate(events):
        gone_at = (
            deleted.get(event.record.get("Position", ""), len(events)) if event.kind == "position.add" else len(events)
        )
        if gone_at < index:
            dropped.add(gone_at)
            kept[index] = Event("position.update", event.at_ms, event.record)
    return [event for index, event in enumerate(kept) if index not in dropped]
