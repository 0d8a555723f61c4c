"""The platform's records.

Money is a whole number of 10^-`money_digits` of the account's deposit asset, volume a whole number of hundredths of a
unit of the base asset, and a time is UTC in milliseconds. Costs are kept positive; how a face signs them is its own
affair. Markups are Decimals of US cents, so that a position closed in parts gives every part its exact share.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

_ZERO = Decimal(0)


class Trader(msgspec.Struct, kw_only=True):
    """A trading account."""

    trader_id: int
    login: int
    group_id: int
    deposit_asset_id: int
    money_digits: int
    broker_name: str
    balance: int = 0
    balance_version: int = 0
    version: int = 1
    manager_bonus: int = 0
    ib_bonus: int = 0
    nonwithdrawable_bonus: int = 0
    account_type: int = 0
    access_rights: int = 0
    leverage_cents: int = 10_000
    max_leverage: int = 0
    margin_calculation: int = 0
    is_swap_free: bool = False
    is_limited_risk: bool = False
    is_password_login_disabled: bool = False
    password_hash: str = ""
    name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    country_id: int = 0
    state: str = ""
    city: str = ""
    address: str = ""
    zip_code: str = ""
    document_id: str = ""
    description: str = ""
    status: str = ""
    comment: str = ""
    sends_own_statement: bool = False
    sends_statement_to_broker: bool = False
    is_introducing_broker: bool = False
    parent_broker_id: int = 0
    sub_account_of: int = 0
    strategy_provider_id: int = 0
    strategy_provider_name: str = ""
    registered_at: int = 0
    connected_at: int = 0
    is_online: bool = False
    updated_at: int = 0
    is_deleted: bool = False
    min_equity_daily: int | None = None
    max_equity_daily: int | None = None
    equity_day: int = 0


class Position(msgspec.Struct, kw_only=True):
    """What is open. `commission` and `markup` are those of its opening deals that are not closed yet."""

    position_id: int
    trader_id: int
    symbol_id: int
    side: int
    volume: int
    price: float
    opened_at: int
    updated_at: int
    status: int = 1
    swap: int = 0
    commission: int = 0
    markup: Decimal = _ZERO
    stop_loss: float | None = None
    take_profit: float | None = None
    used_margin: int = 0
    margin_rate: float = 1.0
    min_equity: int | None = None
    max_equity: int | None = None
    closed_at: int = 0
    label: str = ""
    comment: str = ""
    channel: str = ""
    swaps: list[tuple[int, int, int]] = []  # Charged, total afterwards, time.
    copy_of: int = 0


class Order(msgspec.Struct, kw_only=True):
    """An instruction, waiting or done."""

    order_id: int
    trader_id: int
    symbol_id: int
    side: int
    volume: int
    type: int
    status: int
    created_at: int
    updated_at: int
    position_id: int = 0
    executed_volume: int = 0
    execution_price: float | None = None
    limit_price: float | None = None
    stop_price: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    expires_at: int = 0
    is_closing: bool = False
    is_stop_out: bool = False
    label: str = ""
    comment: str = ""
    channel: str = ""
    client_order_id: str = ""
    address: str = ""


class CloseDetail(msgspec.Struct, kw_only=True):
    """What a closing deal says of the volume it closed."""

    entry_price: float
    profit: int
    swap: int
    commission: int  # Of both sides, for the closed volume.
    net_profit: int
    balance: int
    balance_version: int
    balance_history_id: int
    closed_volume: int
    markup: Decimal
    opened_at: int
    quote_rate: float
    fee: int = 0
    equity: int = 0
    min_equity: int = 0
    max_equity: int = 0
    roi: float = 0.0
    nonwithdrawable_bonus: int = 0


class Deal(msgspec.Struct, kw_only=True):
    """One execution."""

    deal_id: int
    order_id: int
    position_id: int
    trader_id: int
    symbol_id: int
    side: int
    volume: int
    filled_volume: int
    created_at: int
    executed_at: int
    updated_at: int
    status: int
    price: float
    lp_price: float
    commission: int
    markup: Decimal
    lot_size: int
    money_digits: int
    usd_rate: float
    margin_rate: float = 1.0
    equity: int = 0
    snapshot_id: int = 0
    label: str = ""
    comment: str = ""
    channel: str = ""
    is_manual: bool = False
    opened_volume: int = 0
    detail: CloseDetail | None = None


class Cash(msgspec.Struct, kw_only=True):
    """One balance operation."""

    balance_history_id: int
    trader_id: int
    type: int
    delta: int
    balance: int
    balance_version: int
    at: int
    money_digits: int
    equity: int = 0
    nonwithdrawable_bonus: int = 0
    comment: str = ""
    external_note: str = ""
    source: str = ""
    external_id: str = ""


class Bonus(msgspec.Struct, kw_only=True):
    """One bonus operation."""

    bonus_history_id: int
    trader_id: int
    type: int
    manager_bonus: int
    manager_delta: int
    ib_bonus: int
    ib_delta: int
    at: int
    money_digits: int
    comment: str = ""
    external_note: str = ""
    external_id: str = ""


class CtidUser(msgspec.Struct, kw_only=True):
    """A person in the identity service."""

    user_id: int
    email: str
    broker_name: str = ""
    language: str = "en"
    created_at: int = 0


class CtidLink(msgspec.Struct, kw_only=True):
    """The link between a person and an account: the account id of the Open API."""

    ctid_trader_account_id: int
    user_id: int
    trader_id: int
