"""What each kind of platform can do, for whoever has its settings but no connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.trading.platforms.base import Capabilities

CTRADER = Capabilities(has_close_only=True, has_access_levels=True, has_markup=True, has_copies=True, has_push=True)


def mt5_capabilities(close_only_groups: Mapping[str, str]) -> Capabilities:
    """MT5 has no account that may only close; groups with a twin for that stand in for it."""
    return Capabilities(
        has_close_only=bool(close_only_groups),
        has_robots_switch=True,
        has_password_switch=True,
        has_investor_password=True,
        has_market_price_on_deal=True,
        has_ip=True,
        has_group_currency=True,
        deletes_deals=True,
    )


def capabilities_of(kind: str, settings: Mapping[str, Any]) -> Capabilities:
    """What a platform of this kind can do under these settings."""
    if kind == "ctrader":
        return CTRADER
    return mt5_capabilities(settings.get("close_only_groups", {}))
