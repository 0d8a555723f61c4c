"""Records by number, by account and by time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
_Key = tuple[int, int]  # Time, number.
_LAST = 1 << 62


class Timeline(Generic[T]):
    """Records that are asked for by window of time, of one account or of all."""

    def __init__(self, key: Callable[[T], _Key], owner: Callable[[T], int]) -> None:
        self._key, self._owner = key, owner
        self.by_id: dict[int, T] = {}
        self._all: list[_Key] = []
        self._owned: dict[int, list[_Key]] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, record: T) -> None:
        """File a record, wherever in time it belongs."""
        key = self._key(record)
        self.by_id[key[1]] = record
        insort(self._all, key)
        insort(self._owned.setdefault(self._owner(record), []), key)

    def count(self, owner: int) -> int:
        """How many records an account has."""
        return len(self._owned.get(owner, ()))

    def window(self, start: int, end: int, owners: Iterable[int] | None = None) -> list[T]:
        """Records from `start` to `end`, both included, newest first."""
        if owners is None:
            keys = _cut(self._all, start, end)
        else:
            keys = [key for owner in owners for key in _cut(self._owned.get(owner, []), start, end)]
            keys.sort()
        return [self.by_id[number] for _, number in reversed(keys)]


def first_page(rows: list[T], most: int, moment: Callable[[T], int]) -> tuple[list[T], bool]:
    """The first rows of a sorted list, and whether there are more.

    A page ends with a whole millisecond and has two of them, where there are: who goes on from its last time must
    neither miss what happened in the same one nor get only that again.
    """
    end = _whole(rows, min(most, len(rows)), moment)
    if 0 < end < len(rows) and moment(rows[0]) == moment(rows[end - 1]):
        end = _whole(rows, end + 1, moment)
    return rows[:end], end < len(rows)


def _whole(rows: list[T], end: int, moment: Callable[[T], int]) -> int:
    while 0 < end < len(rows) and moment(rows[end]) == moment(rows[end - 1]):
        end += 1
    return end


def _cut(keys: list[_Key], start: int, end: int) -> list[_Key]:
    return keys[bisect_left(keys, (start, -1)) : bisect_right(keys, (end, _LAST))]
