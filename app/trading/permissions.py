"""What a role may do with trading accounts, and which functions a restriction can take from a client."""

from __future__ import annotations

from typing import Final

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

ACCOUNT_OWN: Final = "trading.account.own"
ACCOUNT_READ: Final = "trading.account.read"
LEVERAGE_CHANGE: Final = "trading.leverage.change"
ACCOUNT_MANAGE: Final = "trading.account.manage"
ACCOUNT_ARCHIVE: Final = "trading.account.archive"
CREDIT: Final = "trading.credit"
ADOPT: Final = "trading.adopt"
ACCOUNT_BULK: Final = "trading.account.bulk"
ACCOUNT_EXPORT: Final = "trading.account.export"
PLATFORM_TEST: Final = "trading.platform.test"
PLATFORM_READ: Final = "trading.platform.read"
GO_LIVE: Final = "trading.platform.go_live"
OPERATION_RESOLVE: Final = "trading.operation.resolve"
MATTER_READ: Final = "trading.matter.read"
SUSPENSE_BOOK: Final = "trading.suspense.book"

OPEN_LIVE: Final = "open_live"
OPEN_DEMO: Final = "open_demo"
LEVERAGE: Final = "leverage"
PLATFORM_SECRET: Final = "platform_password"  # noqa: S105
TRANSFER_OWN: Final = "transfer_own"
TRADE: Final = "trade"
TRADE_OPEN: Final = "trade_open"
PLATFORM_SIGN_IN: Final = "platform_sign_in"
EXPERT_TRADING: Final = "expert_trading"

PERMISSIONS = (
    Permission(GO_LIVE, _l("Confirm the steps before a platform goes live"), frozenset({"admin"})),
    Permission(ACCOUNT_OWN, _l("See and use own trading accounts"), frozenset({"trader"})),
    Permission(
        ACCOUNT_READ,
        _l("See clients' trading accounts"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"}),
    ),
    Permission(LEVERAGE_CHANGE, _l("Change the leverage of clients' accounts"), frozenset({"admin", "dealing"})),
    Permission(
        ACCOUNT_MANAGE,
        _l("Change group, type, rights and passwords of clients' accounts"),
        frozenset({"admin", "dealing"}),
    ),
    Permission(ACCOUNT_ARCHIVE, _l("Archive and restore clients' accounts"), frozenset({"admin", "dealing"})),
    Permission(CREDIT, _l("Give credit to clients' accounts and take it back"), frozenset({"admin", "finance"})),
    Permission(ADOPT, _l("Take over the accounts that a platform has already"), frozenset({"admin"})),
    Permission(ACCOUNT_BULK, _l("Change many trading accounts at once"), frozenset({"admin", "dealing", "finance"})),
    Permission(
        ACCOUNT_EXPORT,
        _l("Export the list of trading accounts"),
        frozenset({"admin", "compliance", "finance", "dealing"}),
    ),
    Permission(PLATFORM_TEST, _l("Test the connections to the platforms"), frozenset({"admin", "dealing"})),
    Permission(
        PLATFORM_READ, _l("See the state of the platforms"), frozenset({"admin", "dealing", "finance", "support"})
    ),
    Permission(OPERATION_RESOLVE, _l("Decide operations with an unknown outcome"), frozenset({"admin", "finance"})),
    Permission(
        MATTER_READ,
        _l("See what waits for a person: unknown outcomes, unexplained money, differences"),
        frozenset({"admin", "finance", "compliance", "dealing"}),
    ),
    Permission(SUSPENSE_BOOK, _l("Book money on the platforms that nothing explains"), frozenset({"admin", "finance"})),
)

FUNCTIONS = (
    RestrictedFunction(OPEN_LIVE, _l("Open live accounts")),
    RestrictedFunction(OPEN_DEMO, _l("Open demo accounts")),
    RestrictedFunction(LEVERAGE, _l("Change leverage")),
    RestrictedFunction(PLATFORM_SECRET, _l("Change platform passwords")),
    RestrictedFunction(TRANSFER_OWN, _l("Transfers between own wallets and accounts")),
    RestrictedFunction(TRADE, _l("Trading")),
    RestrictedFunction(TRADE_OPEN, _l("Opening positions (only closing is left)")),
    RestrictedFunction(PLATFORM_SIGN_IN, _l("Sign-in on the trading platforms")),
    RestrictedFunction(EXPERT_TRADING, _l("Trading by robots")),
)
