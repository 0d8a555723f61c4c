"""The platform's numbers."""

from __future__ import annotations

from enum import IntEnum


class AccountType(IntEnum):
    HEDGED = 0
    NETTED = 1
    SPREAD_BETTING = 2


class AccessRights(IntEnum):
    """What an account may do. NO_TRADING rejects every deal, stop-outs too; NO_LOGIN lets waiting orders execute."""

    FULL_ACCESS = 0
    CLOSE_ONLY = 1
    NO_TRADING = 2
    NO_LOGIN = 3


class TradeSide(IntEnum):
    BUY = 1
    SELL = 2

    @property
    def opposite(self) -> TradeSide:
        return TradeSide.SELL if self is TradeSide.BUY else TradeSide.BUY

    @property
    def sign(self) -> int:
        return 1 if self is TradeSide.BUY else -1


class PositionStatus(IntEnum):
    OPEN = 1
    CLOSED = 2
    CREATED = 3


class OrderType(IntEnum):
    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LOSS_TAKE_PROFIT = 4


class OrderStatus(IntEnum):
    ACCEPTED = 1
    FILLED = 2
    REJECTED = 3
    EXPIRED = 4
    CANCELLED = 5


class DealStatus(IntEnum):
    FILLED = 2
    PARTIALLY_FILLED = 3
    REJECTED = 4


class ExecutionType(IntEnum):
    ORDER_ACCEPTED = 2
    ORDER_FILLED = 3
    ORDER_REPLACED = 4
    ORDER_CANCELLED = 5
    ORDER_EXPIRED = 6
    ORDER_REJECTED = 7
    ORDER_CANCEL_REJECTED = 8
    SWAP = 9
    DEPOSIT_WITHDRAW = 10
    ORDER_PARTIAL_FILL = 11
    BONUS_DEPOSIT_WITHDRAW = 12


class Operation(IntEnum):
    """Of CRUD requests and change events."""

    CREATE = 1
    UPDATE = 3
    DELETE = 4
    UPDATE_DIFF = 5


class BalanceType(IntEnum):
    """Those kinds of balance operation that the simulator makes or takes."""

    DEPOSIT = 0
    WITHDRAW = 1
    DEPOSIT_STRATEGY_COMMISSION_INNER = 3
    WITHDRAW_STRATEGY_COMMISSION_INNER = 4
    DEPOSIT_IB_COMMISSIONS = 5
    DEPOSIT_REBATE = 9
    WITHDRAW_REBATE = 10
    DEPOSIT_NONWITHDRAWABLE_BONUS = 19
    WITHDRAW_NONWITHDRAWABLE_BONUS = 20
    DEPOSIT_MANAGEMENT_FEE = 27
    WITHDRAW_MANAGEMENT_FEE = 28
    DEPOSIT_PERFORMANCE_FEE = 29
    WITHDRAW_FOR_SUBACCOUNT = 30
    DEPOSIT_TO_SUBACCOUNT = 31
    WITHDRAW_FROM_SUBACCOUNT = 32
    DEPOSIT_FROM_SUBACCOUNT = 33
    WITHDRAW_COPY_FEE = 34
    WITHDRAW_INACTIVITY_FEE = 35
    DEPOSIT_TRANSFER = 36
    WITHDRAW_TRANSFER = 37
    DEPOSIT_CONVERTED_BONUS = 38
    DEPOSIT_NEGATIVE_BALANCE_PROTECTION = 39

    @property
    def is_withdrawal(self) -> bool:
        return self.name.startswith("WITHDRAW")

    @property
    def is_credit(self) -> bool:
        return self in (BalanceType.DEPOSIT_NONWITHDRAWABLE_BONUS, BalanceType.WITHDRAW_NONWITHDRAWABLE_BONUS)


class BonusType(IntEnum):
    DEPOSIT = 0
    WITHDRAW = 1


class CommissionType(IntEnum):
    USD_PER_MILLION_USD = 1
    USD_PER_LOT = 2
    PERCENTAGE_OF_VALUE = 3
    QUOTE_CCY_PER_LOT = 4


class Permission(IntEnum):
    """Manager permissions that the simulator asks for, and those that come with them."""

    TRADER_READ = 1
    TRADER_CREATE = 2
    TRADER_EDIT = 3
    TRADER_DELETE = 4
    TRADER_CASHIER = 5
    TRADER_CHANGE_PASSWORD = 6
    TRADER_PHONE_TRADING = 8
    TRADER_BONUS_CASHIER = 9
    FORCE_TRADING = 15
    GROUP_READ = 20
    ORDER_READ = 130
    POSITION_READ = 140
    TRADING_HISTORY_READ = 150
    COPY_ADMIN = 215
    COPY_PORTFOLIO = 227
