"""Old names of commands: the raw variant's, and the flat ones that HTTPS had before build 2920."""

from __future__ import annotations

from app.simulators.mt5.request import COMMANDS

_RENAMED = {
    "user_pass_check": "user/check_password",
    "user_pass_change": "user/change_password",
    "user_deposit_change": "trade/balance",
    "dealer_send": "dealer/send_request",
    "dealer_updates": "dealer/get_request_result",
    "tick_history_get": "tick/history",
    "notifications_send": "notification/send",
    "balance_check": "user/check_balance",
    "user_balance_check": "user/check_balance",
}


def resolve(name: str) -> str:
    """The present name of a command that may be spelled the old way: `USER_ADD` and `/user_add` are `user/add`."""
    plain = name.strip("/").lower()
    if plain in COMMANDS or "/" in plain:
        return plain
    if plain in _RENAMED:
        return _RENAMED[plain]
    for known in COMMANDS:
        if known.replace("/", "_") == plain:
            return known
    return plain.replace("_", "/", 1)
