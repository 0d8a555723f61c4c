"""Orders of an account's owner, and quotes."""

from __future__ import annotations

from collections.abc import Callable

from app.simulators.ctrader.enums import OrderStatus, OrderType, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Terms, close_position, market_order
from app.simulators.ctrader.openapi.requests import Call, request
from app.simulators.ctrader.pending import end_order, place_order
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb
from app.simulators.ctrader.records import Trader

_CHANNEL = "Open API"


@request(pb.ProtoOANewOrderReq)
def new_order(call: Call, asked: pb.ProtoOANewOrderReq) -> pb.ProtoOAOrderErrorEvent | None:
    def act(trader: Trader) -> None:
        symbol = call.plant.symbols.get(asked.symbolId)
        if symbol is None:
            raise Refusal("SYMBOL_NOT_FOUND", "Symbol is not found")
        terms = Terms(
            channel=_CHANNEL,
            label=asked.label,
            comment=asked.comment,
            stop_loss=asked.stopLoss or None,
            take_profit=asked.takeProfit or None,
        )
        kind, side = OrderType(asked.orderType), TradeSide(asked.tradeSide)
        if kind is OrderType.MARKET and asked.positionId:
            close_position(call.plant, trader, call.plant.position(asked.positionId), asked.volume, terms)
        elif kind is OrderType.MARKET:
            market_order(call.plant, trader, symbol, side, asked.volume, terms)
        else:
            price, ends = asked.limitPrice or asked.stopPrice, asked.expirationTimestamp
            place_order(call.plant, trader, symbol, side, asked.volume, kind, price, terms, expires_at=ends)

    return _answered_by_events(call, asked.ctidTraderAccountId, act)


@request(pb.ProtoOACancelOrderReq)
def cancel_order(call: Call, asked: pb.ProtoOACancelOrderReq) -> pb.ProtoOAOrderErrorEvent | None:
    def act(trader: Trader) -> None:
        order = call.plant.orders.get(asked.orderId)
        if order is None or order.trader_id != trader.trader_id:
            raise Refusal("ORDER_NOT_FOUND", "Order is not found")
        end_order(call.plant, order, OrderStatus.CANCELLED)

    return _answered_by_events(call, asked.ctidTraderAccountId, act, order_id=asked.orderId)


@request(pb.ProtoOAAmendPositionSLTPReq)
def amend_position(call: Call, asked: pb.ProtoOAAmendPositionSLTPReq) -> pb.ProtoOAOrderErrorEvent | None:
    def act(trader: Trader) -> None:
        position = call.plant.position(asked.positionId)
        if position.trader_id != trader.trader_id:
            raise Refusal("POSITION_NOT_FOUND", "Position is not found")
        position.stop_loss = asked.stopLoss if asked.HasField("stopLoss") else None
        position.take_profit = asked.takeProfit if asked.HasField("takeProfit") else None
        call.plant.protection_changed(position)

    return _answered_by_events(call, asked.ctidTraderAccountId, act, position_id=asked.positionId)


@request(pb.ProtoOAClosePositionReq)
def close(call: Call, asked: pb.ProtoOAClosePositionReq) -> pb.ProtoOAOrderErrorEvent | None:
    def act(trader: Trader) -> None:
        position = call.plant.position(asked.positionId)
        close_position(call.plant, trader, position, asked.volume, Terms(channel=_CHANNEL))

    return _answered_by_events(call, asked.ctidTraderAccountId, act, position_id=asked.positionId)


@request(pb.ProtoOASubscribeSpotsReq)
def subscribe_spots(call: Call, asked: pb.ProtoOASubscribeSpotsReq) -> pb.ProtoOASubscribeSpotsRes:
    number = asked.ctidTraderAccountId
    call.account(number)
    for symbol in asked.symbolId:
        if symbol not in call.plant.symbols:
            raise Refusal("SYMBOL_NOT_FOUND", "Symbol is not found")
        if (number, symbol) in call.session.spots:
            raise Refusal("ALREADY_SUBSCRIBED", "Already subscribed")
    for symbol in asked.symbolId:
        call.session.spots[number, symbol] = None
        if asked.subscribeToSpotTimestamp:
            call.session.timed.add((number, symbol))
    return pb.ProtoOASubscribeSpotsRes(ctidTraderAccountId=number)


@request(pb.ProtoOAUnsubscribeSpotsReq)
def unsubscribe_spots(call: Call, asked: pb.ProtoOAUnsubscribeSpotsReq) -> pb.ProtoOAUnsubscribeSpotsRes:
    number = asked.ctidTraderAccountId
    call.account(number)
    for symbol in asked.symbolId:
        call.session.spots.pop((number, symbol), None)
        call.session.timed.discard((number, symbol))
    return pb.ProtoOAUnsubscribeSpotsRes(ctidTraderAccountId=number)


def _answered_by_events(
    call: Call, ctid: int, act: Callable[[Trader], None], *, position_id: int = 0, order_id: int = 0
) -> pb.ProtoOAOrderErrorEvent | None:
    """Carry out an order: its events are the answer, a refusal is an order error."""
    _, trader = call.account(ctid)
    call.require_trading(ctid)
    call.link.correlate()
    try:
        act(trader)
    except Refusal as refusal:
        event = pb.ProtoOAOrderErrorEvent(
            errorCode=refusal.code, ctidTraderAccountId=ctid, description=refusal.description
        )
        if position_id:
            event.positionId = position_id
        if order_id:
            event.orderId = order_id
        return event
    return None
