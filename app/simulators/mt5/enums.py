"""The platform's enumerations, as far as the simulator acts on them."""

from __future__ import annotations

from enum import IntEnum


class Action(IntEnum):
    """What a deal does. Trades are 0 and 1, everything above moves money without a trade."""

    BUY = 0
    SELL = 1
    BALANCE = 2
    CREDIT = 3
    CHARGE = 4
    CORRECTION = 5
    BONUS = 6
    COMPENSATION = 19

    @property
    def opposite(self) -> Action:
        return Action.SELL if self is Action.BUY else Action.BUY


class Entry(IntEnum):
    IN = 0
    OUT = 1
    IN_OUT = 2
    OUT_BY = 3


class Reason(IntEnum):
    CLIENT = 0
    EXPERT = 1
    DEALER = 2
    STOP_LOSS = 3
    TAKE_PROFIT = 4
    STOP_OUT = 5
    ROLLOVER = 6
    MOBILE = 16
    WEB = 17


class OrderType(IntEnum):
    BUY = 0
    SELL = 1
    BUY_LIMIT = 2
    SELL_LIMIT = 3
    BUY_STOP = 4
    SELL_STOP = 5
    CLOSE_BY = 8

    @property
    def side(self) -> Action:
        return Action.BUY if self in (OrderType.BUY, OrderType.BUY_LIMIT, OrderType.BUY_STOP) else Action.SELL


class OrderState(IntEnum):
    STARTED = 0
    PLACED = 1
    CANCELLED = 2
    FILLED = 4
    REJECTED = 5
    EXPIRED = 6


class MarginMode(IntEnum):
    NETTING = 0
    EXCHANGE = 1
    HEDGING = 2


class Rights(IntEnum):
    """Flags of a user's rights that the simulator acts on."""

    ENABLED = 0x1
    PASSWORD = 0x2
    TRADE_DISABLED = 0x4
    EXPERT = 0x40
    DEFAULT = 0x163
