"""An account's rights as pages tell them: what is wanted, what the platform does, and who took what away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.http import is_partial
from app.kit.text import Message, _l
from app.trading import permissions
from app.trading.access import queries, rules
from app.trading.models import TradingAccount
from app.trading.service import trading_locks

LABELS: Mapping[str, Message] = {
    permissions.PLATFORM_SIGN_IN: _l("Sign-in to the platform"),
    permissions.TRADE: _l("Trading"),
    permissions.TRADE_OPEN: _l("Opening positions"),
    permissions.EXPERT_TRADING: _l("Trading by robots"),
    permissions.PLATFORM_SECRET: _l("Changing the platform password"),
}


@dataclass(frozen=True, slots=True)
class Right:
    """One right of an account. `withheld` says who keeps it from this account, when somebody does."""

    function: str
    label: Message
    is_wanted: bool
    is_given: bool
    is_locked: bool
    withheld: Mapping[str, Any] | None


def rights_of(account: TradingAccount) -> list[Right]:
    """The rights of an account that its platform knows."""
    locked = trading_locks.locked_functions(account.client_id)
    wanted = trading_locks.wanted_access(account, locked)
    return [
        Right(
            function,
            LABELS[function],
            rules.allows(wanted, function),
            rules.allows(account.access, function),
            function in locked,
            account.withheld.get(function),
        )
        for function in trading_locks.known_functions(account)
    ]


def rights_context(account: TradingAccount, block: str) -> dict[str, Any]:
    """What staff see of an account's rights, where this part of the page shows it."""
    if is_partial() and block != "settings":
        return {}
    return {
        "rights": rights_of(account),
        "is_being_applied": account.is_active and trading_locks.is_being_applied(account),
        "last_rights": queries.last_change(account.id),
        "drift": queries.drift_of(account.id),
        "right_labels": LABELS,
    }
