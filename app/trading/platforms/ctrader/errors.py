"""The platform's names of errors, in our words. The names travel; their numbers differ between its interfaces."""

from __future__ import annotations

from typing import Final

from app.trading.platforms.base import (
    NotPermitted,
    PlatformError,
    PlatformUnavailable,
    RefusalReason,
    Refused,
    Trouble,
)

NO_RIGHT: Final = frozenset({"NOT_ENOUGH_RIGHTS", "RET_NOT_ENOUGH_RIGHTS"})
NOT_FOUND: Final = frozenset({"ENTITY_NOT_FOUND", "TRADER_NOT_FOUND", "NO_SUCH_LOGIN", "RET_NO_SUCH_LOGIN"})
MAINTENANCE: Final = "SERVER_IS_UNDER_MAINTENANCE"
CHANGED_MEANWHILE: Final = "CONCURRENT_MODIFICATION"
WRONG_PASSWORD: Final = "WRONG_PASSWORD"  # noqa: S105

# Each of them says that the request was not looked at, so nothing has happened.
_NOT_NOW: Final = frozenset(
    {MAINTENANCE, "RECONCILIATION_IN_PROGRESS", "CANT_ROUTE_REQUEST", "CONNECTIONS_LIMIT_EXCEEDED", "RET_NO_CONNECT"}
)
_REASONS: Final = {
    "NOT_ENOUGH_MONEY": RefusalReason.NOT_ENOUGH_MONEY,
    "CHANGE_BALANCE_BAD_AMOUNT": RefusalReason.PARAMETERS,
    "CHANGE_BONUS_BAD_AMOUNT": RefusalReason.PARAMETERS,
    "INVALID_REQUEST": RefusalReason.PARAMETERS,
    "INVALID_DATA": RefusalReason.PARAMETERS,
    "UNSUPPORTED_MESSAGE": RefusalReason.PARAMETERS,
    "WRONG_LEVERAGE": RefusalReason.PARAMETERS,
    "TRADER_GROUP_NOT_FOUND": RefusalReason.GROUP,
    "UNKNOWN_DEPOSIT_CURRENCY": RefusalReason.OTHER_CURRENCY,
    "DEPOSIT_CURRENCY_NOT_ALLOWED": RefusalReason.OTHER_CURRENCY,
    "TRADER_HAS_POSITIONS": RefusalReason.OPEN_POSITIONS,
    "ALREADY_DELETED": RefusalReason.EXISTS,
    WRONG_PASSWORD: RefusalReason.BAD_PASSWORD,
    "REQUEST_FREQUENCY_EXCEEDED": RefusalReason.TOO_FREQUENT,
    "RET_TOO_FREQUENT": RefusalReason.TOO_FREQUENT,
    "BLOCKED_PAYLOAD_TYPE": RefusalReason.TOO_FREQUENT,
    CHANGED_MEANWHILE: RefusalReason.IGNORED,
}
# The outcome of a change is not known after these; a reading may simply be asked again.
UNCERTAIN: Final = frozenset({"TIMEOUT_ERROR", "UNKNOWN_ERROR", "RET_TECH_PROBLEM", "RET_MALFUNCTION"})


class NamedRefusal(Refused):
    """The platform answered no, with a name instead of a number."""

    def __init__(self, name: str, text: str = "") -> None:
        reason = RefusalReason.NOT_FOUND if name in NOT_FOUND else _REASONS.get(name, RefusalReason.OTHER)
        super().__init__(0, reason, f"{name} {text}".strip())
        self.name = name


def error_of(name: str, text: str = "") -> PlatformError:
    """The port's error for an error answer: nothing was done. `UNCERTAIN` names are the caller's to judge."""
    if name in NO_RIGHT:
        return NotPermitted(f"{name} {text}".strip())
    if name in _NOT_NOW:
        trouble = Trouble.MAINTENANCE if name == MAINTENANCE else Trouble.OTHER
        return PlatformUnavailable(f"{name} {text}".strip(), trouble=trouble)
    return NamedRefusal(name, text)
