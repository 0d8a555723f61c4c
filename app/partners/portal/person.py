"""Whose pages these are."""

from __future__ import annotations

from uuid import UUID

from app.core.actor import current_actor
from app.core.errors import NotFound


def me() -> UUID:
    """The signed-in client, in their other role. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id
