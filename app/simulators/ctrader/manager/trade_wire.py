"""Positions, orders, deals, money and events as the Manager API writes them."""

from __future__ import annotations

from app.simulators.ctrader.config import Switches
from app.simulators.ctrader.manager.wire import set_given
from app.simulators.ctrader.margin import margin_of
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Bonus, Cash, CloseDetail, Deal, Order, Position
from app.simulators.ctrader.state import Event, Plant


def position_message(plant: Plant, position: Position) -> pb.ProtoPosition:
    """A position. A closed one has lost its figures, as on the real platform."""
    symbol, trader = plant.symbols[position.symbol_id], plant.traders[position.trader_id]
    is_closed = position.status == 2
    data = pb.ProtoTradeData(
        symbolId=symbol.id,
        volume=position.volume,
        tradeSide=position.side,
        traderId=position.trader_id,
        openTimestamp=position.opened_at,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
    )
    set_given(
        data,
        closeTimestamp=position.closed_at,
        label=position.label,
        comment=position.comment,
        channel=position.channel,
    )
    commission = position.commission * _sign(plant.switches.commission_sign)
    message = pb.ProtoPosition(
        positionId=position.position_id,
        tradeData=data,
        positionStatus=position.status,
        swap=0 if is_closed else _swap(plant.switches, position.swap),
        price=0.0 if is_closed else position.price,
        utcLastUpdateTimestamp=position.updated_at,
        bookType=2,
        commission=0 if is_closed else commission,
        marginRate=position.margin_rate,
        usedMargin=position.used_margin,
        moneyDigits=trader.money_digits,
    )
    return set_given(message, stopLoss=position.stop_loss, takeProfit=position.take_profit)


def order_message(plant: Plant, order: Order) -> pb.ProtoOrder:
    symbol, trader = plant.symbols[order.symbol_id], plant.traders[order.trader_id]
    data = pb.ProtoTradeData(
        symbolId=symbol.id,
        volume=order.volume,
        tradeSide=order.side,
        traderId=order.trader_id,
        openTimestamp=order.created_at,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
    )
    set_given(data, label=order.label, comment=order.comment, channel=order.channel)
    message = pb.ProtoOrder(
        orderId=order.order_id,
        tradeData=data,
        orderType=order.type,
        orderStatus=order.status,
        executedVolume=order.executed_volume,
        utcLastUpdateTimestamp=order.updated_at,
        closingOrder=order.is_closing,
        timeInForce=3 if order.type == 1 else 2,
        positionId=order.position_id,
        login=trader.login,
        isStopOut=order.is_stop_out,
        moneyDigits=trader.money_digits,
    )
    return set_given(
        message,
        expirationTimestamp=order.expires_at,
        executionPrice=order.execution_price,
        stopLoss=order.stop_loss,
        takeProfit=order.take_profit,
        limitPrice=order.limit_price,
        stopPrice=order.stop_price,
        clientOrderId=order.client_order_id,
    )


def deal_message(plant: Plant, deal: Deal) -> pb.ProtoDeal:
    message = pb.ProtoDeal(
        dealId=deal.deal_id,
        orderId=deal.order_id,
        positionId=deal.position_id,
        traderId=deal.trader_id,
        volume=deal.volume,
        filledVolume=deal.filled_volume,
        symbolId=deal.symbol_id,
        createTimestamp=deal.created_at,
        executionTimestamp=deal.executed_at,
        utcLastUpdateTimestamp=deal.updated_at,
        executionPrice=deal.price,
        tradeSide=deal.side,
        dealStatus=deal.status,
        dealType=1,
        marginRate=deal.margin_rate,
        commission=deal.commission * _sign(plant.switches.commission_sign),
        bookType=2,
        lpExecutionPrice=deal.lp_price,
        priceSnapshotId=deal.snapshot_id,
        baseToUsdConversionRate=deal.usd_rate,
        lotSize=deal.lot_size,
        markup=round(deal.markup),
        manual=deal.is_manual,
        equity=deal.equity,
        moneyDigits=deal.money_digits,
    )
    set_given(message, label=deal.label, comment=deal.comment, channel=deal.channel)
    if deal.detail is not None:
        message.closePositionDetail.CopyFrom(_detail_message(plant.switches, deal, deal.detail))
    return message


def _detail_message(switches: Switches, deal: Deal, detail: CloseDetail) -> pb.ProtoClosePositionDetail:
    digits = deal.money_digits if switches.detail_money_digits is None else switches.detail_money_digits
    digits = max(digits, deal.money_digits)
    scale = 10 ** (digits - deal.money_digits)
    message = pb.ProtoClosePositionDetail(
        entryPrice=detail.entry_price,
        swap=_swap(switches, detail.swap) * scale,
        commission=detail.commission * _sign(switches.commission_sign) * scale,
        profit=detail.profit * scale,
        balance=detail.balance * scale,
        quoteToDepositConversionRate=detail.quote_rate,
        closedVolume=detail.closed_volume,
        balanceVersion=detail.balance_version,
        equity=detail.equity * scale,
        minEquity=detail.min_equity * scale,
        maxEquity=detail.max_equity * scale,
        balanceHistoryId=detail.balance_history_id,
        markup=round(detail.markup),
        equityBasedRoi=detail.roi,
        nonWithdrawableBonus=detail.nonwithdrawable_bonus * scale,
        offsetDealTimestamp=detail.opened_at,
        moneyDigits=digits,
    )
    if detail.fee:
        message.pnlConversionFee = detail.fee * scale
    if switches.has_net_profit:
        message.netProfit = detail.net_profit * scale
    return message


def cash_message(cash: Cash) -> pb.ProtoDepositWithdraw:
    message = pb.ProtoDepositWithdraw(
        operationType=cash.type,
        balanceHistoryId=cash.balance_history_id,
        traderId=cash.trader_id,
        balance=cash.balance,
        delta=cash.delta,
        changeBalanceTimestamp=cash.at,
        balanceVersion=cash.balance_version,
        equity=cash.equity,
        nonWithdrawableBonus=cash.nonwithdrawable_bonus,
        moneyDigits=cash.money_digits,
    )
    return set_given(
        message,
        comment=cash.comment,
        externalNote=cash.external_note,
        source=cash.source,
        externalId=cash.external_id,
    )


def bonus_message(bonus: Bonus) -> pb.ProtoBonusDepositWithdraw:
    message = pb.ProtoBonusDepositWithdraw(
        operationType=bonus.type,
        bonusHistoryId=bonus.bonus_history_id,
        traderId=bonus.trader_id,
        managerBonus=bonus.manager_bonus,
        managerDelta=bonus.manager_delta,
        ibBonus=bonus.ib_bonus,
        ibDelta=bonus.ib_delta,
        changeBonusTimestamp=bonus.at,
        moneyDigits=bonus.money_digits,
    )
    return set_given(message, comment=bonus.comment, externalNote=bonus.external_note)


def execution_message(plant: Plant, event: Event) -> pb.ProtoExecutionEvent:
    """An execution event with everything that it tells of."""
    message = pb.ProtoExecutionEvent(
        executionType=int(event.execution or 0),
        eventId=event.event_id,
        isServerEvent=bool(event.order and event.order.is_stop_out),
    )
    if event.position is not None:
        message.position.CopyFrom(position_message(plant, event.position))
    if event.order is not None:
        message.order.CopyFrom(order_message(plant, event.order))
    if event.deal is not None:
        message.deal.CopyFrom(deal_message(plant, event.deal))
    if event.cash is not None:
        message.depositWithdraw.CopyFrom(cash_message(event.cash))
    if event.bonus is not None:
        message.bonusDepositWithdraw.CopyFrom(bonus_message(event.bonus))
    if event.error:
        message.errorCode = event.error
    asset = plant.asset_of(plant.traders[event.trader_id])
    message.depositToUsdRate = float(plant.prices.conversion(asset, plant.assets[1], plant.now()))
    return message


def margin_message(plant: Plant, position: Position) -> pb.ProtoMarginChangedEvent:
    trader = plant.traders[position.trader_id]
    used = position.used_margin or margin_of(plant, trader, plant.symbols[position.symbol_id], position.volume)
    return pb.ProtoMarginChangedEvent(positionId=position.position_id, usedMargin=used, moneyDigits=trader.money_digits)


def _sign(switch: str) -> int:
    return 1 if switch == "positive" else -1


def _swap(switches: Switches, swap: int) -> int:
    return -swap if switches.swap_sign == "cost" else swap
