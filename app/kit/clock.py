"""The only clock of the product. Every instant is an aware datetime in UTC.

Two times exist. `now()` is the machine's: sessions, tokens, signatures and leases use it. `business_now()` is the bound
tenant's: settlement, release and accrual use it, because a sandbox tenant may move its business clock forward.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)
_business_offset: ContextVar[timedelta] = ContextVar("business_offset", default=timedelta(0))


def now() -> datetime:
    """The present instant in UTC, with microseconds."""
    return _frozen.get() or datetime.now(UTC)


def business_now() -> datetime:
    """The present instant of the bound tenant's business clock; never earlier than `now()`."""
    return now() + _business_offset.get()


@contextmanager
def bind_business_offset(offset: timedelta) -> Iterator[None]:
    """Let `business_now()` run ahead by `offset` inside the block. A business clock never runs behind."""
    if offset < timedelta(0):
        raise ValueError("A business clock may only be moved forward.")
    token = _business_offset.set(offset)
    try:
        yield
    finally:
        _business_offset.reset(token)


@contextmanager
def frozen(instant: datetime) -> Iterator[None]:
    """Stop the clock at `instant` inside the block, in this thread or task only. For tests."""
    if instant.tzinfo is None:
        raise ValueError("An instant carries its time zone.")
    token = _frozen.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
