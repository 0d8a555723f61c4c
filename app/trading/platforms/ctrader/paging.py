"""Lists that come in pieces. The platform cuts a long list and says so; which end it kept is seen from the piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from itertools import pairwise
from typing import TypeVar

Row = TypeVar("Row")


async def read_all(
    fetch: Callable[[int, int], Awaitable[tuple[Sequence[Row], bool]]],
    key: Callable[[Row], Hashable],
    stamp: Callable[[Row], int],
    from_msc: int,
    to_msc: int,
) -> list[Row]:
    """Every row between two instants, both included, each once, in the order of their instants.

    `fetch` answers one piece and whether something was cut off. Bounds are inclusive, so the rows on a boundary come
    again and are dropped. A piece in no order is read again in halves.
    """
    found: dict[Hashable, Row] = {}
    windows = [(from_msc, to_msc)]
    while windows:
        begin, end = windows.pop()
        rows, has_more = await fetch(begin, end)
        before = len(found)
        found.update((key(row), row) for row in rows)
        if has_more and rows:
            stamps = [stamp(row) for row in rows]
            windows += _rest(stamps, begin, end, brought_news=len(found) > before)
    return sorted(found.values(), key=stamp)


def _rest(stamps: Sequence[int], begin: int, end: int, *, brought_news: bool) -> list[tuple[int, int]]:
    """The windows in which what was cut off lies."""
    oldest, newest = min(stamps), max(stamps)
    if oldest == newest:  # All of one instant: what lies before and after it is still to be read.
        rest = [(begin, oldest - 1), (newest + 1, end)]
    elif all(one >= other for one, other in pairwise(stamps)):
        rest = [(begin, oldest if brought_news else oldest - 1)]
    elif all(one <= other for one, other in pairwise(stamps)):
        rest = [(newest if brought_news else newest + 1, end)]
    else:
        middle = (begin + end) // 2
        rest = [(begin, middle), (middle + 1, end)]
    return [(low, high) for low, high in rest if low <= high and (low, high) != (begin, end)]
