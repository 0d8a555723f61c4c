"""Orders that wait for a price: placing, triggering, cancelling, expiring."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.enums import ExecutionType, OrderStatus, OrderType, PositionStatus, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Execution, Terms, market_order
from app.simulators.ctrader.margin import price_for
from app.simulators.ctrader.records import Order, Position, Trader
from app.simulators.ctrader.state import Event, Plant


def place_order(
    plant: Plant,
    trader: Trader,
    symbol: Symbol,
    side: TradeSide,
    volume: int,
    kind: OrderType,
    price: float,
    terms: Terms | None = None,
    *,
    expires_at: int = 0,
) -> Order:
    """Leave an order waiting for its price."""
    terms = terms or Terms()
    if kind not in (OrderType.LIMIT, OrderType.STOP) or price <= 0:
        raise Refusal("TRADING_BAD_PRICES", "Price is missing")
    if volume <= 0 or volume % symbol.volume_step:
        raise Refusal("TRADING_BAD_VOLUME", f"Volume {volume} is not a multiple of {symbol.volume_step}")
    if trader.access_rights in (1, 2):
        raise Refusal("TRADING_NOT_ALLOWED", "Only closing is allowed")
    now = plant.now_ms()
    order = Order(
        order_id=plant.take("order"),
        trader_id=trader.trader_id,
        symbol_id=symbol.id,
        side=side,
        volume=volume,
        type=kind,
        status=OrderStatus.ACCEPTED,
        created_at=now,
        updated_at=now,
        position_id=plant.take("position"),
        limit_price=price if kind is OrderType.LIMIT else None,
        stop_price=price if kind is OrderType.STOP else None,
        stop_loss=terms.stop_loss,
        take_profit=terms.take_profit,
        expires_at=expires_at,
        label=terms.label,
        comment=terms.comment,
        channel=terms.channel,
        address=terms.address,
    )
    plant.put_order(order)
    _tell(plant, ExecutionType.ORDER_ACCEPTED, order)
    return order


def end_order(plant: Plant, order: Order, status: OrderStatus) -> None:
    """Take a waiting order away: cancelled, expired or rejected."""
    order.status, order.updated_at = status, plant.now_ms()
    plant.file_order(order)
    kinds = {
        OrderStatus.CANCELLED: ExecutionType.ORDER_CANCELLED,
        OrderStatus.EXPIRED: ExecutionType.ORDER_EXPIRED,
        OrderStatus.REJECTED: ExecutionType.ORDER_REJECTED,
    }
    _tell(plant, kinds[status], order)


def is_reached(plant: Plant, trader: Trader, order: Order) -> bool:
    """Whether the market is where the order waits for it."""
    side = TradeSide(order.side)
    price = price_for(plant, trader, plant.symbols[order.symbol_id], side).client
    wanted = Decimal(repr(order.limit_price or order.stop_price or 0.0))
    is_above = (order.type == OrderType.LIMIT) == (side is TradeSide.SELL)
    return price >= wanted if is_above else price <= wanted


def trigger_order(plant: Plant, trader: Trader, order: Order) -> Execution | None:
    """Execute a waiting order; one that the account cannot carry is rejected."""
    terms = Terms(
        channel=order.channel,
        label=order.label,
        comment=order.comment,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        address=order.address,
    )
    plant.orders.pop(order.order_id, None)
    plant.touch("order", order.order_id)
    try:
        symbol = plant.symbols[order.symbol_id]
        return market_order(plant, trader, symbol, TradeSide(order.side), order.volume, terms)
    except Refusal as refusal:
        order.status, order.updated_at = OrderStatus.REJECTED, plant.now_ms()
        plant.file_order(order)
        _tell(plant, ExecutionType.ORDER_REJECTED, order, refusal.code)
        return None


def _tell(plant: Plant, kind: ExecutionType, order: Order, error: str = "") -> None:
    holder = Position(
        position_id=order.position_id,
        trader_id=order.trader_id,
        symbol_id=order.symbol_id,
        side=order.side,
        volume=0,
        price=0.0,
        opened_at=order.created_at,
        updated_at=order.updated_at,
        status=PositionStatus.CREATED if kind is ExecutionType.ORDER_ACCEPTED else PositionStatus.CLOSED,
    )
    order = msgspec.structs.replace(order)
    plant.emit(Event("execution", order.trader_id, execution=kind, order=order, position=holder, error=error))
