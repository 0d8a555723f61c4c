"""The list page: which part of how many rows is shown, read from the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

SIZES = (25, 50, 100)
_LAST_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the address asks of a list. Anything unreadable becomes the default, so that no address is an error."""

    number: int
    size: int
    sort: str
    is_descending: bool

    @classmethod
    def read(
        cls, values: Mapping[str, str], *, sorts: Sequence[str] = (), default_sort: str = "", default_size: int = 50
    ) -> PageRequest:
        """From `request.args`. `sorts` are the keys a person may sort by; `default_sort` may begin with a minus."""
        asked = values.get("sort", "")
        sort = asked if asked.removeprefix("-") in sorts else default_sort
        return cls(
            number=_whole(values.get("page"), 1, _LAST_PAGE),
            size=size if (size := _whole(values.get("size"), default_size, _LAST_PAGE)) in SIZES else default_size,
            sort=sort.removeprefix("-"),
            is_descending=sort.startswith("-"),
        )

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size

    @property
    def sort_key(self) -> str:
        """The sort as the address writes it: a minus means descending."""
        return f"-{self.sort}" if self.is_descending else self.sort


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of one page and how many there are altogether."""

    rows: Sequence[Row]
    number: int
    size: int
    total: int


def _whole(text: str | None, default: int, most: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return default
    return min(max(1, int(text)), most)
