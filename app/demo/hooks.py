"""What a demonstration needs done from inside the product. The factory hands these in; nothing here imports it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that must hold after a day, and whether it does."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Hooks:
    """The inside doors of a sandbox. Each takes the tenant's slug first and refuses a tenant that is no sandbox.

    `ensure_person(slug, email, name, roles, password, country)` makes a sign-in once; the role "trader" makes a
    client, "operator" (with the slug "operator") an operator. `proofs(slug)` computes the proofs of the books.
    """

    ensure_person: Callable[[str, str, str, Sequence[str], str, str], None]
    sandboxes: Callable[[], Sequence[str]]
    move_clock: Callable[[str, datetime], None]
    business_now: Callable[[str], datetime]
    proofs: Callable[[str], Sequence[Proof]]
