"""What the tests of single accounts share: settings of the platform, more account types, and hands on the server."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import market_order
from app.trading import bundle
from app.trading.models import TradingAccount
from app.trading.queries import accounts as queries
from tests.trading.conftest import Desk, section

STANDARD, RAW, TWIN = "real\\standard-usd", "real\\raw-usd", "close\\standard-usd"
SETTINGS: dict[str, Any] = {
    "close_only_groups": {STANDARD: TWIN},
    "credit_second_person_from": {"USD": 500},
    "send_within_s": 1.5,
    "answer_within_s": 5,
    "overdue_s": 8,
}
WHY = "A reason that says something."


def offer(desk: Desk, *kinds: dict[str, Any], **changes: Any) -> None:
    """Apply the brand's trading bundle with more account types and other settings."""
    whole = section(desk.simulator, desk.brand, **{**SETTINGS, **changes.pop("platform", {})})
    more = [
        {"platform": "mt5", "label": {"en": kind["code"].title()}, "default_leverage": kind["leverages"][0], **kind}
        for kind in kinds
    ]
    document = {**msgspec.to_builtins(whole), **changes}
    document["account_types"] = [*document["account_types"], *more]
    with desk.scope():
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))


def account_now(desk: Desk, account_id: UUID) -> TradingAccount:
    """The account's row as it is now."""
    with desk.scope():
        return queries.account_view(account_id).account


def on_server(desk: Desk, account: TradingAccount, what: Callable[[Any, Any], Any]) -> Any:
    """Look at, or change, the account on the platform: `what(server, user)`."""
    return desk.simulator.call(lambda server: what(server, server.user(account.login or 0)))


def rights(desk: Desk, account: TradingAccount) -> int:
    return int(on_server(desk, account, lambda _, user: user.rights))


def group(desk: Desk, account: TradingAccount) -> str:
    return str(on_server(desk, account, lambda _, user: user.group))


def change_by_hand(desk: Desk, account: TradingAccount, **values: Any) -> None:
    """What somebody does in the manager's terminal."""

    def act(server: Any, user: Any) -> None:
        for name, value in values.items():
            setattr(user, name, value)
        server.user_changed(user)

    on_server(desk, account, act)


def hold(desk: Desk, account: TradingAccount, lots: str = "0.10") -> None:
    """Open a position on the platform."""
    volume = int(Decimal(lots) * 100_000_000)
    on_server(desk, account, lambda server, user: market_order(server, user, "EURUSD", Action.BUY, volume))
