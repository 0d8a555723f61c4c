"""Records as the Open API writes them: numbers differ from the Manager API's, and costs are negative."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.config import CommissionProfile
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb
from app.simulators.ctrader.records import Bonus, Cash, CtidLink, Deal, Order, Position, Trader
from app.simulators.ctrader.state import Event, Plant

_M = TypeVar("_M", bound=Message)
_VOLUME_MAX = 1_000_000_000_000
_END_OF_TIME = 1 << 61


def trader_message(plant: Plant, link: CtidLink) -> pb.ProtoOATrader:
    trader = plant.traders[link.trader_id]
    message = pb.ProtoOATrader(
        ctidTraderAccountId=link.ctid_trader_account_id,
        balance=trader.balance,
        balanceVersion=trader.balance_version,
        managerBonus=trader.manager_bonus,
        ibBonus=trader.ib_bonus,
        nonWithdrawableBonus=trader.nonwithdrawable_bonus,
        accessRights=trader.access_rights,
        depositAssetId=trader.deposit_asset_id,
        swapFree=trader.is_swap_free,
        leverageInCents=trader.leverage_cents,
        totalMarginCalculationType=trader.margin_calculation,
        traderLogin=trader.login,
        accountType=trader.account_type,
        brokerName=trader.broker_name,
        registrationTimestamp=trader.registered_at,
        isLimitedRisk=trader.is_limited_risk,
        moneyDigits=trader.money_digits,
    )
    return _set_given(message, maxLeverage=trader.max_leverage)


def account_message(plant: Plant, link: CtidLink) -> pb.ProtoOACtidTraderAccount:
    """A line of the account list, with the times of the last movements."""
    trader, own = plant.traders[link.trader_id], [link.trader_id]
    message = pb.ProtoOACtidTraderAccount(
        ctidTraderAccountId=link.ctid_trader_account_id,
        isLive=plant.config.is_live,
        traderLogin=trader.login,
        brokerTitleShort=trader.broker_name,
    )
    closing = next((deal for deal in plant.deals.window(0, _END_OF_TIME, own) if deal.detail is not None), None)
    cash = next(iter(plant.cash.window(0, _END_OF_TIME, own)), None)
    return _set_given(
        message,
        lastClosingDealTimestamp=closing.executed_at if closing else 0,
        lastBalanceUpdateTimestamp=max(closing.executed_at if closing else 0, cash.at if cash else 0),
    )


def position_message(trader: Trader, position: Position) -> pb.ProtoOAPosition:
    data = pb.ProtoOATradeData(
        symbolId=position.symbol_id,
        volume=position.volume,
        tradeSide=position.side,
        openTimestamp=position.opened_at,
    )
    _set_given(data, label=position.label, comment=position.comment)
    message = pb.ProtoOAPosition(
        positionId=position.position_id,
        tradeData=data,
        positionStatus=position.status,
        swap=position.swap,
        price=position.price,
        utcLastUpdateTimestamp=position.updated_at,
        commission=-position.commission,
        marginRate=position.margin_rate,
        usedMargin=position.used_margin,
        moneyDigits=trader.money_digits,
    )
    return _set_given(message, stopLoss=position.stop_loss, takeProfit=position.take_profit)


def order_message(order: Order) -> pb.ProtoOAOrder:
    data = pb.ProtoOATradeData(
        symbolId=order.symbol_id, volume=order.volume, tradeSide=order.side, openTimestamp=order.created_at
    )
    _set_given(data, label=order.label, comment=order.comment)
    message = pb.ProtoOAOrder(
        orderId=order.order_id,
        tradeData=data,
        orderType=order.type,
        orderStatus=order.status,
        executedVolume=order.executed_volume,
        utcLastUpdateTimestamp=order.updated_at,
        closingOrder=order.is_closing,
        timeInForce=3 if order.type == 1 else 2,
        positionId=order.position_id,
        isStopOut=order.is_stop_out,
    )
    return _set_given(
        message,
        expirationTimestamp=order.expires_at,
        executionPrice=order.execution_price,
        limitPrice=order.limit_price,
        stopPrice=order.stop_price,
        stopLoss=order.stop_loss,
        takeProfit=order.take_profit,
        clientOrderId=order.client_order_id,
    )


def deal_message(deal: Deal) -> pb.ProtoOADeal:
    message = pb.ProtoOADeal(
        dealId=deal.deal_id,
        orderId=deal.order_id,
        positionId=deal.position_id,
        volume=deal.volume,
        filledVolume=deal.filled_volume,
        symbolId=deal.symbol_id,
        createTimestamp=deal.created_at,
        executionTimestamp=deal.executed_at,
        utcLastUpdateTimestamp=deal.updated_at,
        executionPrice=deal.price,
        tradeSide=deal.side,
        dealStatus=deal.status,
        marginRate=deal.margin_rate,
        commission=-deal.commission,
        baseToUsdConversionRate=deal.usd_rate,
        moneyDigits=deal.money_digits,
    )
    detail = deal.detail
    if detail is not None:
        message.closePositionDetail.CopyFrom(
            pb.ProtoOAClosePositionDetail(
                entryPrice=detail.entry_price,
                grossProfit=detail.profit,
                swap=detail.swap,
                commission=-detail.commission,
                balance=detail.balance,
                quoteToDepositConversionRate=detail.quote_rate,
                closedVolume=detail.closed_volume,
                balanceVersion=detail.balance_version,
                moneyDigits=deal.money_digits,
                pnlConversionFee=detail.fee,
            )
        )
    return message


def cash_message(cash: Cash) -> pb.ProtoOADepositWithdraw:
    message = pb.ProtoOADepositWithdraw(
        operationType=cash.type,
        balanceHistoryId=cash.balance_history_id,
        balance=cash.balance,
        delta=cash.delta,
        changeBalanceTimestamp=cash.at,
        balanceVersion=cash.balance_version,
        equity=cash.equity,
        moneyDigits=cash.money_digits,
    )
    return _set_given(message, externalNote=cash.external_note)


def bonus_message(bonus: Bonus) -> pb.ProtoOABonusDepositWithdraw:
    message = pb.ProtoOABonusDepositWithdraw(
        operationType=bonus.type,
        bonusHistoryId=bonus.bonus_history_id,
        managerBonus=bonus.manager_bonus,
        managerDelta=bonus.manager_delta,
        ibBonus=bonus.ib_bonus,
        ibDelta=bonus.ib_delta,
        changeBonusTimestamp=bonus.at,
        moneyDigits=bonus.money_digits,
    )
    return _set_given(message, externalNote=bonus.external_note)


def symbol_message(symbol: Symbol, profile: CommissionProfile | None) -> pb.ProtoOASymbol:
    return pb.ProtoOASymbol(
        symbolId=symbol.id,
        digits=symbol.digits,
        pipPosition=symbol.pip_position,
        enableShortSelling=True,
        swapLong=float(symbol.swap_long_points),
        swapShort=float(symbol.swap_short_points),
        maxVolume=_VOLUME_MAX,
        minVolume=symbol.volume_step,
        stepVolume=symbol.volume_step,
        tradingMode=0,
        lotSize=symbol.lot_size,
        commissionType=profile.type if profile else 1,
        preciseTradingCommissionRate=profile.rate if profile else 0,
        preciseMinCommission=profile.minimum if profile else 0,
    )


def execution_message(plant: Plant, event: Event, ctid: int) -> pb.ProtoOAExecutionEvent:
    trader = plant.traders[event.trader_id]
    message = pb.ProtoOAExecutionEvent(
        ctidTraderAccountId=ctid,
        executionType=int(event.execution or 0),
        isServerEvent=bool(event.order and event.order.is_stop_out),
    )
    if event.position is not None:
        message.position.CopyFrom(position_message(trader, event.position))
    if event.order is not None:
        message.order.CopyFrom(order_message(event.order))
    if event.deal is not None:
        message.deal.CopyFrom(deal_message(event.deal))
    if event.cash is not None:
        message.depositWithdraw.CopyFrom(cash_message(event.cash))
    if event.bonus is not None:
        message.bonusDepositWithdraw.CopyFrom(bonus_message(event.bonus))
    if event.error:
        message.errorCode = event.error
    return message


def _set_given(message: _M, **values: object) -> _M:
    """Set the fields that have a value; empty ones stay off the wire."""
    for name, value in values.items():
        if value:
            setattr(message, name, value)
    return message
