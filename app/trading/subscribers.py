"""What trading hears from the features below it."""

from __future__ import annotations

from app.core.actor import current_actor
from app.restrictions.events import FunctionLifted, FunctionLocked
from app.trading import permissions
from app.trading.service import trading_locks


def on_lock_changed(event: FunctionLocked | FunctionLifted) -> None:
    """A lock on trading was set or lifted: the platform is told at once."""
    if event.function == permissions.TRADE:
        trading_locks.enforce_for(event.client_id, by=current_actor())


SUBSCRIBERS = ((FunctionLocked, on_lock_changed), (FunctionLifted, on_lock_changed))
