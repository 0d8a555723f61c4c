"""What went wrong last. The package keeps it for the whole process."""

from __future__ import annotations

from ._enums import EnMTAPIRetcode

_TEXTS = {
    EnMTAPIRetcode.MT_RET_OK: "Done",
    EnMTAPIRetcode.MT_RET_ERR_PARAMS: "Invalid parameters",
    EnMTAPIRetcode.MT_RET_ERR_NETWORK: "Network error",
    EnMTAPIRetcode.MT_RET_ERR_CONNECTION: "No connection",
    EnMTAPIRetcode.MT_RET_ERR_NOTFOUND: "Not found",
    EnMTAPIRetcode.MT_RET_AUTH_ACCOUNT_INVALID: "Invalid account",
    EnMTAPIRetcode.MT_RET_AUTH_ACCOUNT_DISABLED: "Account disabled",
    EnMTAPIRetcode.MT_RET_AUTH_MANAGER_NOCONFIG: "No manager configuration",
}
_last: list[tuple[int, EnMTAPIRetcode, str]] = [(0, EnMTAPIRetcode.MT_RET_OK, "Done")]


def fail(code: int) -> None:
    """Remember a failure of the native call."""
    known = EnMTAPIRetcode(code)
    _last[0] = (-1, known, _TEXTS.get(known, "Error"))


def LastError() -> tuple[int, EnMTAPIRetcode, str]:
    return _last[0]
