"""Where the engine writes: the tenant's own tables, or a session's own ones of the same shape, for a replay.

The tables are named outright. To hide them behind others of the same name would be no protection: a statement that the
server has prepared before keeps the table that it found then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

TABLES: Final = (
    "run_rule",
    "run_term",
    "run_quote",
    "run_gate",
    "run_receiver",
    "run_volume",
    "run_spread",
    "run_used_cap",
    "run_pair",
    "symbol_spread_day",
    "partner_day_sum",
    "run_own_term",
    "run_rank",
    "run_rate",
    "commission_volume",
    "run_cashback",
    "settled_trade",
    "commission_line",
    "commission_reason",
    "commission_hold",
    "commission_award",
    "commission_award_hold",
)
_NAMES: Final = re.compile(rf"(?<![\w.:'])({'|'.join(TABLES)})\b(?!')")
_apart: ContextVar[bool] = ContextVar("settlement_apart", default=False)


@contextmanager
def tables_of_the_session() -> Iterator[None]:
    """Let the engine read and write `pg_temp` inside the block. The caller makes the tables."""
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


def placed(statement: str) -> str:
    """The statement with the engine's tables where they are to be."""
    return _NAMES.sub(r"pg_temp.\1", statement) if _apart.get() else statement


def schema() -> str | None:
    """The schema of the engine's tables, for statements that are not text."""
    return "pg_temp" if _apart.get() else None
