"""Deals written out beforehand, for readings of more than is worth keeping as records."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path


class WrittenDeals:
    """A file of deals as they stand in an answer, oldest first, mapped into memory; and beside it `<name>.index`: of
    each deal the millisecond of its creation and where it ends, two whole numbers of eight bytes."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._entries = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        index = array("q")
        index.frombytes(path.with_name(path.name + ".index").read_bytes())
        self._times, self._ends = index[::2], index[1::2]

    def __len__(self) -> int:
        return len(self._times)

    def page(self, start_msc: int, end_msc: int, most: int) -> tuple[bytes, bool]:
        """The oldest deals from `start_msc` to `end_msc`, both included, and whether there are more."""
        first, last = bisect_left(self._times, start_msc), bisect_right(self._times, end_msc)
        shown = min(last, first + most)
        begin = self._ends[first - 1] if first else 0
        end = self._ends[shown - 1] if shown else 0
        return self._entries[begin:end], shown < last
