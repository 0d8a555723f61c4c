"""What a role may do with trading accounts, and which functions a restriction can take from a client."""

from __future__ import annotations

from typing import Final

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

ACCOUNT_OWN: Final = "trading.account.own"
ACCOUNT_READ: Final = "trading.account.read"
LEVERAGE_CHANGE: Final = "trading.leverage.change"
PLATFORM_READ: Final = "trading.platform.read"
OPERATION_RESOLVE: Final = "trading.operation.resolve"

OPEN_LIVE: Final = "open_live"
OPEN_DEMO: Final = "open_demo"
LEVERAGE: Final = "leverage"
PLATFORM_SECRET: Final = "platform_password"  # noqa: S105
TRANSFER_OWN: Final = "transfer_own"
TRADE: Final = "trade"

PERMISSIONS = (
    Permission(ACCOUNT_OWN, _l("See and use own trading accounts"), frozenset({"trader"})),
    Permission(
        ACCOUNT_READ,
        _l("See clients' trading accounts"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"}),
    ),
    Permission(LEVERAGE_CHANGE, _l("Change the leverage of clients' accounts"), frozenset({"admin", "dealing"})),
    Permission(
        PLATFORM_READ, _l("See the state of the platforms"), frozenset({"admin", "dealing", "finance", "support"})
    ),
    Permission(OPERATION_RESOLVE, _l("Decide operations with an unknown outcome"), frozenset({"admin", "finance"})),
)

FUNCTIONS = (
    RestrictedFunction(OPEN_LIVE, _l("Open live accounts")),
    RestrictedFunction(OPEN_DEMO, _l("Open demo accounts")),
    RestrictedFunction(LEVERAGE, _l("Change leverage")),
    RestrictedFunction(PLATFORM_SECRET, _l("Change platform passwords")),
    RestrictedFunction(TRANSFER_OWN, _l("Transfers between own wallets and accounts")),
    RestrictedFunction(TRADE, _l("Trading")),
)
