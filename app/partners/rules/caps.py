"""What may reduce a computed amount: the rule's own cap, two tracks meeting in one person, and path caps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from app.partners.plan import Plan, Track
from app.partners.rules.facts import Line, ReasonCode
from app.partners.rules.steps import product, quotient_down, total

Lost = list[tuple[Line, ReasonCode]]


def cap_each(lines: Iterable[Line], limits: dict[Track, Decimal | None]) -> list[Line]:
    """`max_per_event` of the line's rule, on each line."""
    capped = []
    for line in lines:
        limit = limits[line.track]
        capped.append(replace(line, amount=limit, cap="event") if limit is not None and line.amount > limit else line)
    return capped


def settle_overlap(lines: list[Line], plan: Plan) -> tuple[list[Line], Lost]:
    """Where one person would earn from both tracks: both, the larger, or the first track that pays."""
    if plan.overlap_policy == "stack":
        return lines, []
    kept: list[Line] = []
    lost: Lost = []
    order = {track: place for place, track in enumerate(plan.caps.cap_order)}
    for partner_id in dict.fromkeys(line.partner_id for line in lines):
        mine = sorted((line for line in lines if line.partner_id == partner_id), key=lambda line: order[line.track])
        if plan.overlap_policy == "highest":
            mine.sort(key=lambda line: -line.amount)  # Stable: on a tie the first track of the order stays first.
        kept.append(mine[0])
        lost += [(line, ReasonCode.OVERLAP) for line in mine[1:]]
    return kept, lost


def path_limit(plan: Plan, lots: Decimal, revenue: Decimal) -> tuple[Decimal, str] | None:
    """The smallest amount that all lines of the trade may have together, and which cap gives it."""
    limits = []
    if plan.caps.max_total_per_lot is not None:
        limits.append((product(plan.caps.max_total_per_lot, lots), "path_lot"))
    if plan.caps.max_total_share_of_revenue is not None:
        limits.append((product(plan.caps.max_total_share_of_revenue, revenue), "path_revenue"))
    return min(limits, default=None)


def cap_path(lines: list[Line], plan: Plan, limit: tuple[Decimal, str] | None) -> tuple[list[Line], Lost]:
    """Bring the lines of one trade under the limit, group after group as `cap_policy` orders them.

    A group that fits stays whole; the first that does not is scaled down to what is left; nothing is left for the rest.
    """
    if limit is None:
        return lines, []
    left, cap = limit
    kept: list[Line] = []
    lost: Lost = []
    ordered = sorted(lines, key=lambda line: _rank(line, plan))
    for _, group in groupby(ordered, key=lambda line: _rank(line, plan)):
        members = list(group)
        wanted = total(*(line.amount for line in members))
        if wanted <= left:
            kept += members
            left = total(left, -wanted)
            continue
        for line in members:
            reduced = quotient_down(product(line.amount, left), wanted)
            if reduced == 0:
                lost.append((line, ReasonCode.CAP_REACHED))
            else:
                kept.append(replace(line, amount=reduced, cap=cap))
        left = Decimal(0)
    return kept, lost


def _rank(line: Line, plan: Plan) -> tuple[int, int]:
    """Where a line stands in the queue for what the cap leaves."""
    track = plan.caps.cap_order.index(line.track)
    match plan.caps.cap_policy:
        case "priority":
            return track, 0
        case "pro_rata":
            return 0, 0
        case "nearest_first":
            return line.distance, track
        case "top_first":
            return -line.distance, track
