"""Positions, orders, deals, and closing positions by force."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from app.simulators.ctrader.enums import OrderStatus, OrderType, Permission, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Terms, close_position, market_order
from app.simulators.ctrader.manager import trade_wire
from app.simulators.ctrader.manager.requests import Call, request
from app.simulators.ctrader.pending import end_order, place_order
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Deal, Trader


@request(pb.ProtoPositionListReq, Permission.POSITION_READ)
def positions(call: Call, asked: pb.ProtoPositionListReq) -> pb.ProtoPositionListRes:
    """Open positions by the time of their opening, newest first."""
    owners = call.owners(asked.traderId)
    found = [
        position
        for position in call.plant.positions.values()
        if asked.fromTimestamp <= position.opened_at <= asked.toTimestamp
        and (owners is None or position.trader_id in owners)
    ]
    found.sort(key=lambda position: (position.opened_at, position.position_id), reverse=True)
    page, has_more = call.page(found, attrgetter("opened_at"))
    answer = pb.ProtoPositionListRes(
        position=[trade_wire.position_message(call.plant, position) for position in page], hasMore=has_more
    )
    if asked.traderId:
        answer.traderId = asked.traderId
    return answer


@request(pb.ProtoPendingOrderListReq, Permission.ORDER_READ)
def pending_orders(call: Call, asked: pb.ProtoPendingOrderListReq) -> pb.ProtoPendingOrderListRes:
    owners = call.owners(asked.traderId)
    found = [
        order
        for order in call.plant.orders.values()
        if asked.fromTimestamp <= order.created_at <= asked.toTimestamp
        and (owners is None or order.trader_id in owners)
    ]
    found.sort(key=lambda order: (order.created_at, order.order_id), reverse=True)
    page, has_more = call.page(found, attrgetter("created_at"))
    answer = pb.ProtoPendingOrderListRes(
        order=[trade_wire.order_message(call.plant, order) for order in page], hasMore=has_more
    )
    if asked.traderId:
        answer.traderId = asked.traderId
    return answer


@request(pb.ProtoManagerClosedPositionListReq, Permission.TRADING_HISTORY_READ)
def closed_positions(call: Call, asked: pb.ProtoManagerClosedPositionListReq) -> pb.ProtoManagerClosedPositionListRes:
    """Closed positions by the time of their closing. They carry no figures any more."""
    rows = call.plant.closed.window(asked.fromTimestamp, asked.toTimestamp, call.owners(asked.traderId))
    page, has_more = call.page(rows, attrgetter("closed_at"))
    return pb.ProtoManagerClosedPositionListRes(
        position=[trade_wire.position_message(call.plant, position) for position in page], hasMore=has_more
    )


@request(pb.ProtoManagerDealListReq, Permission.TRADING_HISTORY_READ)
def deals(call: Call, asked: pb.ProtoManagerDealListReq) -> pb.ProtoManagerDealListRes:
    """Deals by the time of their creation."""
    if call.plant.written_deals is not None and asked.groupId:
        most = call.plant.config.list_chunk
        rows_of_file, has_more = call.plant.written_deals.page(asked.fromTimestamp, asked.toTimestamp, most)
        answer = pb.ProtoManagerDealListRes(hasMore=has_more)
        answer.MergeFromString(rows_of_file)
        return answer
    visible = call.visible()
    owners = {call.trader(number).trader_id for number in asked.traderId} if asked.traderId else visible
    if asked.groupId:
        owners = {number for number in owners if call.plant.traders[number].group_id in asked.groupId}
    rows = call.plant.deals.window(asked.fromTimestamp, asked.toTimestamp, owners)
    if asked.closingDealsOnly:
        rows = [deal for deal in rows if deal.detail is not None]
    if asked.withFilledVolumeOnly:
        rows = [deal for deal in rows if deal.filled_volume]
    if call.plant.switches.deal_order == "oldest":
        rows.reverse()
    page, has_more = call.page(rows, attrgetter("created_at"), asked.maxRows)
    return pb.ProtoManagerDealListRes(deal=_messages(call, page), hasMore=has_more)


@request(pb.ProtoManagerDealListByPositionIdReq, Permission.TRADING_HISTORY_READ)
def deals_of_position(
    call: Call, asked: pb.ProtoManagerDealListByPositionIdReq
) -> pb.ProtoManagerDealListByPositionIdRes:
    numbers = call.plant.deals_of_position.get(asked.positionId, [])
    rows = [call.plant.deals.by_id[number] for number in reversed(numbers)]
    rows = [deal for deal in rows if asked.fromTimestamp <= deal.created_at <= asked.toTimestamp]
    if rows:
        call.trader(rows[0].trader_id)
    page, has_more = call.page(rows, attrgetter("created_at"))
    return pb.ProtoManagerDealListByPositionIdRes(deal=_messages(call, page), hasMore=has_more)


@request(pb.ProtoManagerGetDealReq, Permission.TRADING_HISTORY_READ)
def deal(call: Call, asked: pb.ProtoManagerGetDealReq) -> pb.ProtoManagerGetDealRes:
    found = call.plant.deals.by_id.get(asked.dealId)
    if found is None or not call.plant.sees(call.manager, call.plant.traders[found.trader_id]):
        raise Refusal("DEAL_NOT_FOUND", f"Deal {asked.dealId} is not found")
    return pb.ProtoManagerGetDealRes(deal=trade_wire.deal_message(call.plant, found))


@request(pb.ProtoPositionDetailsLiteReq, Permission.POSITION_READ)
def position_details(call: Call, asked: pb.ProtoPositionDetailsLiteReq) -> pb.ProtoPositionDetailsLiteRes:
    found = call.plant.positions.get(asked.positionId) or call.plant.closed.by_id.get(asked.positionId)
    if found is None:
        raise Refusal("POSITION_NOT_FOUND", f"Position {asked.positionId} is not found")
    trader = call.trader(found.trader_id)
    return pb.ProtoPositionDetailsLiteRes(
        swapCalculationRecord=[
            pb.ProtoSwapCalculationRecord(
                chargedSwap=charged,
                currentSwap=current,
                createTimestamp=at,
                depositCurrency=call.plant.asset_of(trader).name,
                moneyDigits=trader.money_digits,
            )
            for charged, current, at in found.swaps
        ],
        position=trade_wire.position_message(call.plant, found),
    )


@request(pb.ProtoGetOrderActionIPReq, Permission.ORDER_READ)
def action_addresses(call: Call, asked: pb.ProtoGetOrderActionIPReq) -> pb.ProtoGetOrderActionIPRes:
    found = call.plant.done_orders.by_id.get(asked.orderId) or call.plant.orders.get(asked.orderId)
    if found is None:
        raise Refusal("ORDER_NOT_FOUND", f"Order {asked.orderId} is not found")
    call.trader(found.trader_id)
    addresses = [pb.ProtoOrderActionIP(actionId=found.order_id, actionIPAddress=found.address)]
    return pb.ProtoGetOrderActionIPRes(actionIP=addresses if found.address else [])


@request(pb.ProtoManagerClosePositionReq)
def close(call: Call, asked: pb.ProtoManagerClosePositionReq) -> pb.ProtoOrderErrorEvent | None:
    """Close at the market. Execution events answer, or an order error."""
    _require_dealer(call)

    def act(trader: Trader) -> None:
        terms = Terms(channel=asked.channel or "ManagerAPI", is_manual=True, is_forced=True)
        close_position(call.plant, trader, call.plant.position(asked.positionId), asked.volume, terms)

    return _answered_by_events(call, asked.traderId, act, position_id=asked.positionId)


@request(pb.ProtoForceClosePositionReq, Permission.FORCE_TRADING)
def force_close(call: Call, asked: pb.ProtoForceClosePositionReq) -> pb.ProtoOrderErrorEvent | None:
    """Close a whole position at a price of the manager's choice."""
    if asked.desiredVWAP <= 0:
        raise Refusal("TRADING_BAD_PRICES", "Price must be positive")

    def act(trader: Trader) -> None:
        position = call.plant.position(asked.positionId)
        terms = Terms(
            channel=asked.channel or "ManagerAPI",
            comment=asked.comment,
            is_manual=True,
            is_forced=True,
            price=Decimal(repr(asked.desiredVWAP)),
        )
        close_position(call.plant, trader, position, None, terms)

    owner = call.plant.position(asked.positionId).trader_id
    return _answered_by_events(call, owner, act, position_id=asked.positionId)


@request(pb.ProtoManagerNewOrderReq)
def new_order(call: Call, asked: pb.ProtoManagerNewOrderReq) -> pb.ProtoOrderErrorEvent | None:
    _require_dealer(call)
    symbol = call.plant.symbols.get(asked.symbolId)
    if symbol is None:
        raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {asked.symbolId} is not found")

    def act(trader: Trader) -> None:
        terms = Terms(
            channel=asked.channel or "ManagerAPI",
            label=asked.label,
            comment=asked.comment,
            stop_loss=asked.stopLoss or None,
            take_profit=asked.takeProfit or None,
            is_manual=True,
        )
        kind, side = OrderType(asked.orderType), TradeSide(asked.tradeSide)
        if kind is OrderType.MARKET and asked.positionId:
            close_position(call.plant, trader, call.plant.position(asked.positionId), asked.volume, terms)
        elif kind is OrderType.MARKET:
            market_order(call.plant, trader, symbol, side, asked.volume, terms)
        else:
            price = asked.limitPrice or asked.stopPrice
            expires_at = asked.expirationTimestamp
            place_order(call.plant, trader, symbol, side, asked.volume, kind, price, terms, expires_at=expires_at)

    return _answered_by_events(call, asked.traderId, act)


@request(pb.ProtoManagerCancelOrderReq)
def cancel_order(call: Call, asked: pb.ProtoManagerCancelOrderReq) -> pb.ProtoOrderErrorEvent | None:
    _require_dealer(call)

    def act(trader: Trader) -> None:
        order = call.plant.orders.get(asked.orderId)
        if order is None or order.trader_id != trader.trader_id:
            raise Refusal("ORDER_NOT_FOUND", f"Order {asked.orderId} is not found")
        end_order(call.plant, order, OrderStatus.CANCELLED)

    return _answered_by_events(call, asked.traderId, act, order_id=asked.orderId)


def _require_dealer(call: Call) -> None:
    dealers = (Permission.FORCE_TRADING, Permission.TRADER_PHONE_TRADING)
    if not any(permission in call.manager.permissions for permission in dealers):
        raise Refusal("NOT_ENOUGH_RIGHTS", "FORCE_TRADING is missing")


def _answered_by_events(
    call: Call, trader_id: int, act: Callable[[Trader], None], *, position_id: int = 0, order_id: int = 0
) -> pb.ProtoOrderErrorEvent | None:
    """Carry out an order: its events are the answer, a refusal is an order error."""
    trader = call.trader(trader_id)
    call.link.correlate()
    try:
        act(trader)
    except Refusal as refusal:
        event = pb.ProtoOrderErrorEvent(errorCode=refusal.code, traderId=trader_id, description=refusal.description)
        if position_id:
            event.positionId = position_id
        if order_id:
            event.orderId = order_id
        return event
    return None


def _messages(call: Call, rows: list[Deal]) -> list[pb.ProtoDeal]:
    return [trade_wire.deal_message(call.plant, row) for row in rows]
