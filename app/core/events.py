"""Events: how a lower floor is heard above without an import. Same transaction, handlers in the listed order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_handlers: dict[type, list[Callable[[Any], None]]] = {}


def subscribe(event_type: type, handler: Callable[[Any], None]) -> None:
    """Let `handler` hear events of a type. Called by the factory from the features' manifests; twice is once."""
    handlers = _handlers.setdefault(event_type, [])
    if handler not in handlers:
        handlers.append(handler)


def publish(event: object) -> None:
    """Tell everybody who listens, now, in this transaction. A handler that raises fails the whole act."""
    for handler in _handlers.get(type(event), ()):
        handler(event)
