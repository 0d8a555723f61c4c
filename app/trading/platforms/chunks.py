"""A long reading in pieces of time, oldest first, so that neither side ever holds much of it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from app.trading.platforms.base import Deal, DealChunk, PlatformUnavailable

DAY_MSC: Final = 86_400_000
DEALS_WANTED: Final = 5_000  # Of one piece; a burst may bring some times as many.
_SECOND_MSC: Final = 1_000
_ROUTINE_MSC: Final = DAY_MSC + 3 * 3_600_000  # A look back over an hour or two, and a day ahead of the clock.
_FIRST_MSC: Final = 3_600_000
_LONGEST_MSC: Final = 14 * DAY_MSC
_LONGEST_EMPTY_MSC: Final = 365 * DAY_MSC


class TooLarge(PlatformUnavailable):
    """The answer to a reading of deals was cut off, was longer than is accepted, or took too long."""


async def by_time(
    read: Callable[[int, int], Awaitable[Sequence[Deal]]], from_msc: int, to_msc: int
) -> AsyncIterator[DealChunk]:
    """What `read` answers for each piece of the time between two server times, whole seconds apart.

    The pieces grow and shrink with what they bring. One that is too large is read again in halves; a second that is too
    large raises TooLarge.
    """
    begin = from_msc // _SECOND_MSC * _SECOND_MSC
    until = -(-to_msc // _SECOND_MSC) * _SECOND_MSC
    step = until - begin if until - begin <= _ROUTINE_MSC else _FIRST_MSC
    while begin < until:
        end = min(begin + step, until)
        try:
            deals = await read(begin, end)
        except TooLarge:
            if end - begin <= _SECOND_MSC:
                raise
            step = _whole_seconds((end - begin) // 2)
            continue
        yield DealChunk(begin, end, deals)
        begin, step = end, _next_step(end - begin, len(deals))


def _next_step(step: int, found: int) -> int:
    if not found:
        return min(step * 4, _LONGEST_EMPTY_MSC)
    grown = min(step * 4, max(step // 8, step * DEALS_WANTED // found))
    return min(_whole_seconds(grown), _LONGEST_MSC)


def _whole_seconds(msc: int) -> int:
    return max(msc // _SECOND_MSC, 1) * _SECOND_MSC
