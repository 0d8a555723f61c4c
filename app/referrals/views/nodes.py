"""Rows of a tree that is open: a level of it, or the path to somebody who was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.referrals import queries
from app.referrals.queries import Branch

SHOWN_ABOVE, SHOWN_NEAR = 5, 20  # Of a longer path the people in between are counted, not listed.


@dataclass(frozen=True, slots=True)
class Node:
    """One row: who, how deep, whether the next level is open below, and whether this is who was looked for."""

    branch: Branch
    level: int
    is_open: bool = False
    is_found: bool = False


@dataclass(frozen=True, slots=True)
class OpenPath:
    """The rows from the top to somebody, and how many people in between are left out after the first few."""

    nodes: Sequence[Node]
    left_out: int


def level_nodes(branches: Sequence[Branch], level: int = 1) -> list[Node]:
    """A level as rows."""
    return [Node(branch, level) for branch in branches]


def open_path(client_id: UUID, at: datetime, *, top_id: UUID | None = None) -> OpenPath | None:
    """The path to a client as of an instant, the topmost first, or from below `top_id` on; None where they do not stand
    below `top_id`."""
    ids = [step.partner_id for step in queries.path_at(client_id, at)]
    if top_id is not None:
        if top_id not in ids:
            return None
        ids = ids[: ids.index(top_id)]
    above = ids[::-1]
    left_out = 0
    if len(above) > SHOWN_ABOVE + SHOWN_NEAR:
        left_out = len(above) - SHOWN_ABOVE - SHOWN_NEAR
        above = above[:SHOWN_ABOVE] + above[-SHOWN_NEAR:]
    rows = queries.branches([*above, client_id], at)
    nodes = [Node(rows[one], level, is_open=True) for level, one in enumerate(above, 1)]
    return OpenPath([*nodes, Node(rows[client_id], len(above) + 1, is_found=True)], left_out)
