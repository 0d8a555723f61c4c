"""Balance operations, bonuses, transfers, and their histories."""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter

from app.simulators.ctrader import funds
from app.simulators.ctrader.enums import BalanceType, Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.funds import Notes
from app.simulators.ctrader.manager import trade_wire
from app.simulators.ctrader.manager.requests import Call, request
from app.simulators.ctrader.proto import sim_manager_pb2 as pb


@request(pb.ProtoChangeBalanceReq)
def change_balance(call: Call, asked: pb.ProtoChangeBalanceReq) -> pb.ProtoChangeBalanceRes:
    """Move money. Credit needs the bonus cashier's permission, everything else the cashier's."""
    is_credit = asked.type in (
        BalanceType.DEPOSIT_NONWITHDRAWABLE_BONUS,
        BalanceType.WITHDRAW_NONWITHDRAWABLE_BONUS,
    )
    needed = Permission.TRADER_BONUS_CASHIER if is_credit else Permission.TRADER_CASHIER
    if needed not in call.manager.permissions:
        raise Refusal("NOT_ENOUGH_RIGHTS", f"{needed.name} is missing")
    trader = call.trader(asked.traderId)
    amount = funds.amount_minor(call.plant, trader, asked.amount, is_new_way=asked.newWay)
    notes = Notes(asked.comment, asked.externalNote, asked.source, asked.externalId)
    cash = funds.change_balance(
        call.plant, trader, asked.type, amount, notes, is_margin_checked=not asked.skipMarginValidation
    )
    return pb.ProtoChangeBalanceRes(traderId=trader.trader_id, balanceHistoryId=cash.balance_history_id)


@request(pb.ProtoManagerChangeBonusReq, Permission.TRADER_BONUS_CASHIER)
def change_bonus(call: Call, asked: pb.ProtoManagerChangeBonusReq) -> pb.ProtoManagerChangeBonusRes:
    trader = call.trader(asked.traderId)
    amount = funds.amount_minor(call.plant, trader, asked.amount, is_new_way=asked.newWay)
    notes = Notes(asked.comment, asked.externalNote)
    bonus = funds.change_bonus(call.plant, trader, asked.type, amount, notes, is_ib=asked.owner == 1)
    return pb.ProtoManagerChangeBonusRes(traderId=trader.trader_id, bonusHistoryId=bonus.bonus_history_id)


@request(pb.ProtoManagerBalanceTransferReq, Permission.TRADER_CASHIER)
def transfer(call: Call, asked: pb.ProtoManagerBalanceTransferReq) -> pb.ProtoManagerBalanceTransferRes:
    source, target = call.trader(asked.fromTraderId), call.trader(asked.toTraderId)
    amount = funds.amount_minor(call.plant, source, asked.amount, is_new_way=asked.newWay)
    rate = Decimal(repr(asked.conversionRate)) if asked.HasField("conversionRate") else None
    texts = asked.commentForFromTrader, asked.commentForToTrader
    arrived = funds.transfer(call.plant, source, target, amount, rate, texts)
    return pb.ProtoManagerBalanceTransferRes(depositedAmount=arrived, moneyDigits=target.money_digits)


@request(pb.ProtoBalanceHistoryListReq, Permission.TRADING_HISTORY_READ)
def balance_history(call: Call, asked: pb.ProtoBalanceHistoryListReq) -> pb.ProtoBalanceHistoryListRes:
    """Balance operations, newest first. What closing a position moved is not among them."""
    rows = call.plant.cash.window(asked.fromTimestamp, asked.toTimestamp, call.owners(asked.traderId))
    page, has_more = call.page(rows, attrgetter("at"))
    answer = pb.ProtoBalanceHistoryListRes(
        depositWithdraw=[trade_wire.cash_message(cash) for cash in page], hasMore=has_more
    )
    if asked.traderId:
        answer.traderId = asked.traderId
    return answer


@request(pb.ProtoBonusHistoryListReq, Permission.TRADING_HISTORY_READ)
def bonus_history(call: Call, asked: pb.ProtoBonusHistoryListReq) -> pb.ProtoBonusHistoryListRes:
    rows = call.plant.bonuses.window(asked.fromTimestamp, asked.toTimestamp, call.owners(asked.traderId))
    page, has_more = call.page(rows, attrgetter("at"))
    answer = pb.ProtoBonusHistoryListRes(
        bonusDepositWithdraw=[trade_wire.bonus_message(bonus) for bonus in page], hasMore=has_more
    )
    if asked.traderId:
        answer.traderId = asked.traderId
    return answer
