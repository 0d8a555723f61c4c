"""Geometry and paging arithmetic of the chart and table macros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Figure = Decimal | int | float


def spark_points(values: Sequence[Figure], width: int, height: int) -> str:
    """The points of a small line; empty for fewer than two values. A flat series runs through the middle."""
    if len(values) < 2:
        return ""
    figures = [float(value) for value in values]
    low, high = min(figures), max(figures)
    span = high - low
    step = width / (len(figures) - 1)
    inner = height - 4
    heights = [(2 + inner * (1 - (value - low) / span)) if span else height / 2 for value in figures]
    return " ".join(f"{index * step:.1f},{y:.1f}" for index, y in enumerate(heights))


def bar_widths(values: Sequence[Figure]) -> list[float]:
    """Each value as a percentage of the largest."""
    figures = [abs(float(value)) for value in values]
    top = max(figures, default=0.0)
    return [round(100 * value / top, 1) if top else 0.0 for value in figures]


def heat_top(rows: Sequence[Mapping[str, Any]]) -> float:
    """The largest value of a heat map."""
    return max((float(value) for row in rows for value in row["values"]), default=0.0)


def shade(value: Figure, top: float) -> int:
    """How strongly a cell is tinted, from 0 to 5."""
    return 0 if not top or value <= 0 else min(5, 1 + int(4.999 * float(value) / top))


def page_count(total: int, size: int) -> int:
    """How many pages hold `total` rows; at least one."""
    return max(1, -(-total // max(1, size)))


def page_numbers(number: int, pages: int) -> list[int | None]:
    """The pages that the pager names: the ends and the neighbours; None is a gap."""
    wanted = sorted({1, pages, *range(max(1, number - 1), min(pages, number + 1) + 1)})
    shown: list[int | None] = []
    for page in wanted:
        if shown and shown[-1] is not None and page - shown[-1] == 2:
            shown.append(page - 1)
        elif shown and shown[-1] is not None and page - shown[-1] > 2:
            shown.append(None)
        shown.append(page)
    return shown
