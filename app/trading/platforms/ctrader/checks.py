"""The connection test: which of the permissions that the product needs the manager login has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from app.kit.ids import reference
from app.trading.platforms.base import Finding, NotPermitted, PlatformError

if TYPE_CHECKING:
    from app.trading.platforms.ctrader.adapter import CTraderPlatform

TRADER_READ: Final = 1
TRADER_CREATE: Final = 2
TRADER_EDIT: Final = 3
TRADER_CASHIER: Final = 5
TRADER_CHANGE_PASSWORD: Final = 6
GROUP_READ: Final = 20

# (check, [(permission, the platform's name of it)]).
_NEEDED: Final = (
    ("accounts", ((TRADER_READ, "ROLE_TRADER_READ"), (TRADER_CREATE, "ROLE_TRADER_CREATE"))),
    ("trades", ((140, "ROLE_POSITION_READ"), (150, "ROLE_TRADING_HISTORY_READ"), (130, "ROLE_ORDER_READ"))),
    ("passwords", ((TRADER_CHANGE_PASSWORD, "ROLE_TRADER_CHANGE_PASSWORD"),)),
    ("change_accounts", ((TRADER_EDIT, "ROLE_TRADER_EDIT"),)),
    ("money", ((TRADER_CASHIER, "ROLE_TRADER_CASHIER"),)),
    ("credit", ((9, "ROLE_TRADER_BONUS_CASHIER"),)),
)
_CENT: Final = Decimal("0.01")


def missing_permissions(permissions: frozenset[int]) -> list[str]:
    """The platform's names of the permissions that the product needs and the manager login lacks."""
    needed = [pair for _, pairs in _NEEDED for pair in pairs] + [(GROUP_READ, "ROLE_GROUP_READ")]
    return [name for number, name in needed if number not in permissions]


async def run(platform: CTraderPlatform, login: int | None) -> list[Finding]:
    """Compare the permissions that the server told with those that are needed, and try what can be tried."""
    try:
        await platform.connect()
        await platform.ping()
    except PlatformError as error:
        return [Finding("sign_in", False, "", str(error))]
    permissions = platform.link.session.permissions
    findings = [Finding("sign_in", True), Finding("clock", True)]
    groups = [group.name for group in await platform.groups()]
    if GROUP_READ not in permissions:
        findings.append(Finding("groups", False, "ROLE_GROUP_READ"))
    else:
        findings.append(Finding("groups", bool(groups), "", "" if groups else "The manager login sees no group."))
    has_symbols = bool(platform.world.catalogue.instruments)
    findings.append(Finding("symbols", has_symbols, "", "" if has_symbols else "The manager login sees no symbol."))
    for check, pairs in _NEEDED:
        missing = [name for number, name in pairs if number not in permissions]
        findings.append(Finding(check, not missing, ", ".join(missing)))
    findings.append(await _web(platform))
    if login is not None and all(finding.is_ok for finding in findings if finding.check == "money"):
        findings = [finding for finding in findings if finding.check != "money"]
        findings.append(await _money(platform, login))
    return findings


async def _web(platform: CTraderPlatform) -> Finding:
    if platform.web is None:
        return Finding("web_services", None, "", "No address of WebServices is set.")
    try:
        await platform.web.ping()
    except PlatformError as error:
        return Finding("web_services", False, "", str(error))
    return Finding("web_services", True)


async def _money(platform: CTraderPlatform, login: int) -> Finding:
    for amount in (_CENT, -_CENT):
        try:
            await platform.move_funds(login, amount, reference("TEST"))
        except NotPermitted as error:
            return Finding("money", False, "ROLE_TRADER_CASHIER", str(error))
        except PlatformError as error:
            return Finding("money", False, "", str(error))
    return Finding("money", True)
