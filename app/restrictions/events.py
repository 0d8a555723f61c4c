from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FunctionLocked:
    """A function was locked for a client, in this transaction. Whoever has work in flight acts on it now."""

    restriction_id: UUID
    client_id: UUID
    function: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class FunctionLifted:
    """One lock was taken away. The function is open again only if no other lock covers it."""

    restriction_id: UUID
    client_id: UUID
    function: str
