from __future__ import annotations

from app.core.actor import current_actor
from app.identity import queries, service
from app.identity.permissions import SIGN_IN
from app.restrictions.events import FunctionLocked


def end_sessions_on_lock(event: FunctionLocked) -> None:
    """Who may no longer sign in is signed out in the same request."""
    if event.function != SIGN_IN:
        return
    user = queries.user_of_client(event.client_id)
    if user is not None:
        service.end_sessions_of(user.id, by=current_actor(), reason="restricted")
