"""The platform's records. Fields stand in the order in which the server sends them; names follow from the attribute."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from app.simulators.mt5.enums import OrderState, Rights

LOT = 10**8  # Extended volumes count hundred-millionths of a lot.

_WORDS = {"id": "ID", "ip": "IP", "sl": "PriceSL", "tp": "PriceTP", "mqid": "MQID", "app": "App", "so": "SO"}


def wire_name(attribute: str) -> str:
    """`market_bid` is `MarketBid` on the wire, `external_id` is `ExternalID`."""
    return "".join(_WORDS.get(word, word.capitalize()) for word in attribute.split("_"))


_ZERO = Decimal(0)


class Record(msgspec.Struct, rename=wire_name, kw_only=True):
    """A record whose fields can be sent: whole numbers, texts, and Decimals of a known kind."""


class Deal(Record, kw_only=True):
    deal: int
    external_id: str = ""
    login: int
    dealer: int = 0
    order: int = 0
    action: int
    entry: int = 0
    reason: int = 0
    digits: int = 0
    digits_currency: int = 2
    contract_size: Decimal = _ZERO
    time: int
    time_msc: int
    symbol: str = ""
    price: Decimal = _ZERO
    volume: int = 0
    volume_ext: int = 0
    profit: Decimal = _ZERO
    storage: Decimal = _ZERO
    commission: Decimal = _ZERO
    fee: Decimal = _ZERO
    rate_profit: Decimal = _ZERO
    rate_margin: Decimal = _ZERO
    expert_id: int = 0
    position_id: int = 0
    comment: str = ""
    profit_raw: Decimal = _ZERO
    price_position: Decimal = _ZERO
    sl: Decimal = _ZERO
    tp: Decimal = _ZERO
    volume_closed: int = 0
    volume_closed_ext: int = 0
    tick_value: Decimal = _ZERO
    tick_size: Decimal = _ZERO
    flags: int = 0
    gateway: str = ""
    price_gateway: Decimal = _ZERO
    modify_flags: int = 0
    value: Decimal = _ZERO
    api_data: list[dict[str, str]] = []
    market_bid: Decimal = _ZERO
    market_ask: Decimal = _ZERO
    market_last: Decimal = _ZERO

    @property
    def money(self) -> Decimal:
        """What the deal moved on its account."""
        return self.profit + self.storage + self.commission + self.fee


class Position(Record, kw_only=True):
    position: int
    external_id: str = ""
    login: int
    dealer: int = 0
    symbol: str
    action: int
    digits: int
    digits_currency: int = 2
    reason: int = 0
    contract_size: Decimal
    time_create: int
    time_update: int
    time_create_msc: int
    time_update_msc: int
    modify_flags: int = 0
    price_open: Decimal
    price_current: Decimal = _ZERO
    sl: Decimal = _ZERO
    tp: Decimal = _ZERO
    volume: int = 0
    volume_ext: int = 0
    profit: Decimal = _ZERO
    storage: Decimal = _ZERO
    rate_profit: Decimal = _ZERO
    rate_margin: Decimal = _ZERO
    expert_id: int = 0
    expert_position_id: int = 0
    comment: str = ""
    activation_mode: int = 0
    activation_time: int = 0
    activation_price: Decimal = _ZERO
    activation_flags: int = 0
    api_data: list[dict[str, str]] = []


class Order(Record, kw_only=True):
    order: int
    external_id: str = ""
    login: int
    dealer: int = 0
    symbol: str
    digits: int
    digits_currency: int = 2
    contract_size: Decimal
    state: int = OrderState.STARTED
    reason: int = 0
    time_setup: int
    time_expiration: int = 0
    time_done: int = 0
    time_setup_msc: int
    time_done_msc: int = 0
    modify_flags: int = 0
    type: int
    type_fill: int = 0
    type_time: int = 0
    price_order: Decimal = _ZERO
    price_trigger: Decimal = _ZERO
    price_current: Decimal = _ZERO
    sl: Decimal = _ZERO
    tp: Decimal = _ZERO
    volume_initial: int = 0
    volume_initial_ext: int = 0
    volume_current: int = 0
    volume_current_ext: int = 0
    expert_id: int = 0
    position_id: int = 0
    position_by_id: int = 0
    comment: str = ""
    rate_margin: Decimal = _ZERO
    activation_mode: int = 0
    activation_time: int = 0
    activation_price: Decimal = _ZERO
    activation_flags: int = 0
    api_data: list[dict[str, str]] = []


class User(Record, kw_only=True):
    login: int
    group: str
    cert_serial_number: int = 0
    rights: int = Rights.DEFAULT
    mqid: str = ""
    registration: int = 0
    last_access: int = 0
    last_pass_change: int = 0
    last_ip: str = "0.0.0.0"
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    middle_name: str = ""
    company: str = ""
    account: str = ""
    country: str = ""
    language: int = 0
    client_id: int = 0
    city: str = ""
    state: str = ""
    zip_code: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    id: str = ""
    status: str = ""
    comment: str = ""
    color: int = 4278190080
    phone_password: str = ""
    leverage: int = 100
    agent: int = 0
    balance: Decimal = _ZERO
    credit: Decimal = _ZERO
    interest_rate: Decimal = _ZERO
    commission_daily: Decimal = _ZERO
    commission_monthly: Decimal = _ZERO
    commission_agent_daily: Decimal = _ZERO
    commission_agent_monthly: Decimal = _ZERO
    balance_prev_day: Decimal = _ZERO
    balance_prev_month: Decimal = _ZERO
    equity_prev_day: Decimal = _ZERO
    equity_prev_month: Decimal = _ZERO
    trade_accounts: str = ""
    api_data: list[dict[str, str]] = []
    lead_source: str = ""
    lead_campaign: str = ""
    limit_orders: int = 0
    limit_positions: Decimal = _ZERO


class Account(Record, kw_only=True):
    """A trading state, computed from balance, positions and prices; never stored."""

    login: int
    currency_digits: int = 2
    balance: Decimal = _ZERO
    credit: Decimal = _ZERO
    margin: Decimal = _ZERO
    margin_free: Decimal = _ZERO
    margin_level: Decimal = _ZERO
    margin_leverage: int = 0
    margin_initial: Decimal = _ZERO
    margin_maintenance: Decimal = _ZERO
    profit: Decimal = _ZERO
    storage: Decimal = _ZERO
    floating: Decimal = _ZERO
    equity: Decimal = _ZERO
    so_activation: int = 0
    so_time: int = 0
    so_level: Decimal = _ZERO
    so_equity: Decimal = _ZERO
    so_margin: Decimal = _ZERO
    blocked_commission: Decimal = _ZERO
    blocked_profit: Decimal = _ZERO
    assets: Decimal = _ZERO
    liabilities: Decimal = _ZERO


_OPEN_PRICE = frozenset(("price", "price_open", "price_current", "price_order", "price_trigger", "price_position"))
_PRICE = _OPEN_PRICE | {"price_gateway", "sl", "tp", "activation_price", "market_bid", "market_ask", "market_last"}
_RATE = frozenset(["rate_profit", "rate_margin", "tick_value", "tick_size", "value"])
_TWO = frozenset(["contract_size", "margin_level", "so_level", "interest_rate", "profit_raw"])


@cache
def _layout(kind: type[Record]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))


def fixed(value: Decimal, places: int) -> str:
    """A Decimal with exactly `places` decimals and no exponent."""
    return f"{value:.{places}f}"


def wire(record: Record, money_digits: int = 2) -> dict[str, Any]:
    """The record as it is sent: exact names in the platform's order, every scalar a text, no number empty."""
    price_digits = getattr(record, "digits", 5)
    money_digits = getattr(record, "digits_currency", getattr(record, "currency_digits", money_digits))
    sent: dict[str, Any] = {}
    for attribute, name in _layout(type(record)):
        value = getattr(record, attribute)
        if isinstance(value, Decimal):
            if attribute in _PRICE:
                places = price_digits
            elif attribute in _RATE:
                places = 8
            elif attribute in _TWO:
                places = 2
            else:
                places = money_digits
            sent[name] = f"{value:.{places}f}"
        elif isinstance(value, list):
            sent[name] = value
        else:
            sent[name] = str(int(value)) if isinstance(value, int) else value
    return sent
