"""What trading hears from the features below it."""

from __future__ import annotations

from app.core.actor import current_actor
from app.restrictions.events import FunctionLifted, FunctionLocked
from app.trading.access.rules import RIGHTS
from app.trading.events import AccountOpened, OperationFinished
from app.trading.models import OperationKind
from app.trading.money.service import suspense
from app.trading.service import outcomes, trading_locks


def on_locked(event: FunctionLocked) -> None:
    """A lock was set: the platform is told at once. Staff learn when the platform cannot take that right away."""
    if event.function in RIGHTS:
        by = current_actor()
        if by.kind == "staff":
            trading_locks.require_lockable(event.client_id, event.function)
        trading_locks.enforce_for(event.client_id, by=by)


def on_lifted(event: FunctionLifted) -> None:
    """A lock was lifted: what is wanted is computed anew, and the platform is told at once."""
    if event.function in RIGHTS:
        trading_locks.enforce_for(event.client_id, by=current_actor())


def on_operation_finished(event: OperationFinished) -> None:
    """Locks may have come or gone while rights were being changed, or while the account was away."""
    if event.kind in (OperationKind.SET_RIGHTS, OperationKind.RESTORE_ACCOUNT) and event.state.is_done:
        trading_locks.enforce_for(event.client_id, by=outcomes.CONNECTOR)


def on_correction_finished(event: OperationFinished) -> None:
    """Money that was to be moved back on a platform was, or was not: the booking ends as the operation did."""
    suspense.finish_undo(event)


def on_account_opened(event: AccountOpened) -> None:
    """Locks of the client hold on a new account from its first moment."""
    trading_locks.enforce_for(event.client_id, by=outcomes.CONNECTOR)


SUBSCRIBERS = (
    (FunctionLocked, on_locked),
    (FunctionLifted, on_lifted),
    (OperationFinished, on_operation_finished),
    (OperationFinished, on_correction_finished),
    (AccountOpened, on_account_opened),
)
