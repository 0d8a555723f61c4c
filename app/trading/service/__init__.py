"""Trading accounts and what is asked of the platforms that keep them."""

from app.trading.service.accounts import change_leverage, change_password, check_password, open_account
from app.trading.service.funds import fund, withdraw_from
from app.trading.service.operations import look_again, resolve
from app.trading.service.requesting import AccountNotReady, Requested, refusal_message

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
