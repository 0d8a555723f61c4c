"""Access in the words of the ban matrix: which function goes with which right, and what is missing where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from app.trading.permissions import EXPERT_TRADING, PLATFORM_SECRET, PLATFORM_SIGN_IN, TRADE, TRADE_OPEN
from app.trading.platforms.base import Access, Capabilities

# The restricted function, and the right that its lock takes away.
RIGHTS: Final[Mapping[str, str]] = {
    PLATFORM_SIGN_IN: "can_sign_in",
    TRADE: "can_trade",
    TRADE_OPEN: "can_open",
    EXPERT_TRADING: "can_use_robots",
    PLATFORM_SECRET: "can_change_password",
}


def without(functions: Collection[str]) -> Access:
    """The access that is left when these functions are locked."""
    return Access(**{right: function not in functions for function, right in RIGHTS.items()})


def allows(access: Access, function: str) -> bool:
    """Whether the right behind a function is there."""
    return bool(getattr(access, RIGHTS[function]))


def gaps(wanted: Access, actual: Access, can: Capabilities) -> list[str]:
    """The functions in which the platform differs from what is wanted, as far as it can do otherwise.

    What is gone takes the rest with it: of whoever cannot sign in it does not matter whether trading is left, nor
    opening of whoever cannot trade. It matters again when the larger right comes back. On a platform with levels of
    access, to close only is as far as a lock on trading goes while something is open.
    """
    enters = wanted.can_sign_in and actual.can_sign_in
    trades = enters and wanted.can_trade and actual.can_trade
    is_moot = {
        TRADE: (wanted.can_trade and not enters)
        or (can.has_access_levels and not wanted.can_trade and not actual.can_open),
        TRADE_OPEN: not trades or not can.has_close_only,
        EXPERT_TRADING: not can.has_robots_switch,
        PLATFORM_SECRET: not can.has_password_switch,
    }
    return [
        function
        for function in RIGHTS
        if not is_moot.get(function, False) and allows(wanted, function) != allows(actual, function)
    ]


def as_stored(access: Access) -> dict[str, bool]:
    """Access as a payload keeps it."""
    return {right: bool(getattr(access, right)) for right in RIGHTS.values()}


def from_stored(payload: Mapping[str, Any], otherwise: Access) -> Access:
    """The access that a payload names; rights that it does not name are as in `otherwise`.

    Payloads written before rights came one by one say `allowed` alone.
    """
    stored = _stored(payload)
    return Access(**{right: bool(stored.get(right, getattr(otherwise, right))) for right in RIGHTS.values()})


def is_partial(payload: Mapping[str, Any]) -> bool:
    """Whether a payload leaves some rights as they are."""
    return any(right not in _stored(payload) for right in RIGHTS.values())


def taken_by(payload: Mapping[str, Any]) -> list[str]:
    """The functions whose right a payload takes away."""
    stored = _stored(payload)
    return [function for function, right in RIGHTS.items() if stored.get(right) is False]


def _stored(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    if "allowed" in payload:
        return {"can_trade": bool(payload["allowed"])}
    stored: Mapping[str, Any] = payload.get("access", {})
    return stored
