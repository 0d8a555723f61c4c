"""Deals written out beforehand, for readings of more than is worth keeping as records."""

from __future__ import annotations

import mmap
import re
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path

_TIME = re.compile(rb'"TimeMsc" ?: ?"(\d+)"')


class WrittenDeals:
    """A file of deal records as they are sent, one a line, oldest first. It is mapped, not read into memory."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._times = array("q")
        self._begins = array("q", [0])
        while line := self._text.readline():
            found = _TIME.search(line)
            if found is None:
                raise ValueError("A line is no deal.")
            self._times.append(int(found[1]))
            self._begins.append(self._text.tell())

    def __len__(self) -> int:
        return len(self._times)

    def between(self, start_msc: int, end_msc: int) -> str:
        """The records from `start_msc` to `end_msc`, both included, as one JSON array."""
        first, last = bisect_left(self._times, start_msc), bisect_right(self._times, end_msc)
        lines = self._text[self._begins[first] : self._begins[last]]
        return f"[{lines.decode().rstrip().replace(chr(10), ',')}]"
