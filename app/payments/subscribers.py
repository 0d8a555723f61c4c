"""What payments hear from trading."""

from __future__ import annotations

from app.payments import service
from app.trading.events import OperationFinished


def on_operation_finished(event: OperationFinished) -> None:
    """A platform has answered: the transfer that waits for it is finished."""
    service.finish_transfer(event)


SUBSCRIBERS = ((OperationFinished, on_operation_finished),)
