"""Trading accounts and what is asked of the platforms that keep them."""

from app.trading.service.accounts import (
    AccountNotReady,
    Requested,
    change_leverage,
    change_password,
    check_password,
    fund,
    open_account,
    refusal_message,
    withdraw_from,
)
from app.trading.service.operations import look_again, resolve

__all__ = [
    "AccountNotReady",
    "Requested",
    "change_leverage",
    "change_password",
    "check_password",
    "fund",
    "look_again",
    "open_account",
    "refusal_message",
    "resolve",
    "withdraw_from",
]
