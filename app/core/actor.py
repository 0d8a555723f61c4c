"""Who acts. Services take the actor as an argument; only the edges (guards, jobs, commands) bind one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

ActorKind = Literal["client", "staff", "operator", "system", "visitor"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or process that does something, with what it may do. `client_id` is set when a client acts."""

    kind: ActorKind
    id: UUID | None
    name: str
    ip: str = ""
    user_agent: str = ""
    session_id: UUID | None = None
    client_id: UUID | None = None
    email: str = ""
    language: str = ""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = field(default=frozenset(), repr=False)

    def may(self, permission: str) -> bool:
        return permission in self.permissions


VISITOR = Actor("visitor", None, "visitor")
_actor: ContextVar[Actor] = ContextVar("actor", default=VISITOR)


def current_actor() -> Actor:
    """Who acts in this request, job or command; a visitor where nobody has signed in."""
    return _actor.get()


def system_actor(name: str) -> Actor:
    """The product itself, under the name of the work it does ("settlement")."""
    return Actor("system", None, name)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Bind `actor` inside the block."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)
