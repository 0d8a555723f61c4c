"""What an MT5 return code means for us. Only the number counts; texts differ between builds."""

from __future__ import annotations

from app.trading.platforms.base import RefusalReason, Trouble

DONE = frozenset({0, 1})
NOT_FOUND = 13
PARTIAL = 14
TOO_FREQUENT = 12
NO_PERMISSION = 8
PASSWORD = 3006

# After one of these a change may or may not have happened: the trade server behind the access server did not answer
# in order.
UNCERTAIN = frozenset({7, 9, 10, 11, 15, 16})
# A reading may simply be asked again a little later.
RETRY_READ = frozenset({5, 6, 7, 9, 10, 11, 12})
SIGN_IN = range(1000, 1035)

_REASONS = {
    3: RefusalReason.PARAMETERS,
    4: RefusalReason.PARAMETERS,
    8: RefusalReason.GROUP,
    12: RefusalReason.TOO_FREQUENT,
    13: RefusalReason.NOT_FOUND,
    17: RefusalReason.EXISTS,
    3002: RefusalReason.LOGINS_EXHAUSTED,
    3003: RefusalReason.OTHER_SERVER,
    3004: RefusalReason.EXISTS,
    3006: RefusalReason.BAD_PASSWORD,
    3008: RefusalReason.OPEN_POSITIONS,
    3009: RefusalReason.OTHER_SERVER,
    3010: RefusalReason.OTHER_CURRENCY,
    4005: RefusalReason.AMOUNT_TOO_LARGE,
    10019: RefusalReason.NOT_ENOUGH_MONEY,
}


# What an answer to a reading or to a sign-in says about the connection itself.
_TROUBLES = {
    7: Trouble.MAINTENANCE,  # The access server answers, the trade server behind it does not.
    9: Trouble.MAINTENANCE,
    10: Trouble.MAINTENANCE,
    11: Trouble.MAINTENANCE,
    15: Trouble.MAINTENANCE,
    NO_PERMISSION: Trouble.MISSING_RIGHT,
    TOO_FREQUENT: Trouble.TOO_FREQUENT,
    1011: Trouble.MISSING_RIGHT,
    1012: Trouble.ADDRESS_NOT_ALLOWED,
    1018: Trouble.MAINTENANCE,
    1024: Trouble.MISSING_RIGHT,
    1034: Trouble.MISSING_RIGHT,
}


def trouble(code: int) -> Trouble:
    """What is the matter with a connection that answers so."""
    return _TROUBLES.get(code, Trouble.CREDENTIALS if code in SIGN_IN else Trouble.OTHER)


def refusal_reason(code: int) -> RefusalReason:
    """The reason behind a refusal, `OTHER` for codes that only staff can make sense of."""
    return _REASONS.get(code, RefusalReason.OTHER)
