"""Pending orders: placing, cancelling, triggering."""

from __future__ import annotations

from decimal import Decimal

from app.simulators.market import Quote
from app.simulators.mt5.catalogue import CONTRACT_SIZE
from app.simulators.mt5.enums import Action, OrderState, OrderType
from app.simulators.mt5.execution import Execution, Terms, check_volume, market_order, require_opening, require_tradable
from app.simulators.mt5.records import Order, User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_KINDS = (OrderType.BUY_LIMIT, OrderType.SELL_LIMIT, OrderType.BUY_STOP, OrderType.SELL_STOP)


def place_order(
    server: TradeServer,
    user: User,
    symbol: str,
    kind: OrderType,
    volume_ext: int,
    price: Decimal,
    terms: Terms,
    expires: int = 0,
) -> Order:
    """Place a limit or stop order. Its price must lie on the right side of the market."""
    require_tradable(server, user, symbol, terms)
    require_opening(server, user)
    check_volume(volume_ext)
    if kind not in _KINDS:
        raise Refusal(Retcode.INVALID_REQUEST)
    quote = server.quote(symbol, server.group_of(user))
    if price <= 0 or is_reached(kind, price, quote):
        raise Refusal(Retcode.INVALID_PRICE)
    instrument = server.symbols[symbol]
    order = Order(
        order=server.tickets.take("order"),
        login=user.login,
        dealer=terms.dealer,
        symbol=symbol,
        digits=instrument.digits,
        digits_currency=server.currency_digits(user),
        contract_size=CONTRACT_SIZE,
        state=OrderState.PLACED,
        reason=terms.reason,
        time_setup=server.time.seconds(),
        time_setup_msc=server.time.msc(),
        time_expiration=expires,
        type=kind,
        type_time=2 if expires else 0,
        price_order=price,
        price_current=quote.ask if kind.side == Action.BUY else quote.bid,
        sl=terms.sl,
        tp=terms.tp,
        volume_initial=volume_ext // 10_000,
        volume_initial_ext=volume_ext,
        volume_current=volume_ext // 10_000,
        volume_current_ext=volume_ext,
        expert_id=terms.expert,
        comment=terms.comment,
    )
    server.put_order(order, "order.add")
    return order


def cancel_order(server: TradeServer, ticket: int, state: OrderState = OrderState.CANCELLED) -> Order:
    """Take a pending order out of the market and file it."""
    order = server.orders.get(ticket)
    if order is None:
        raise Refusal(Retcode.NOT_FOUND)
    _finish(server, order, state)
    return order


def trigger_order(server: TradeServer, user: User, order: Order) -> Execution | None:
    """Execute a pending order whose price is reached. Without the margin for it the order is rejected."""
    terms = Terms(order.reason, order.dealer, order.comment, order.sl, order.tp, order.expert_id)
    side = OrderType(order.type).side
    try:
        execution = market_order(server, user, order.symbol, side, order.volume_current_ext, terms)
    except Refusal:
        _finish(server, order, OrderState.REJECTED)
        return None
    _finish(server, order, OrderState.FILLED, execution.position)
    return execution


def is_reached(kind: OrderType, price: Decimal, quote: Quote) -> bool:
    """Whether the market has come to a pending order's price."""
    if kind is OrderType.BUY_LIMIT:
        return quote.ask <= price
    if kind is OrderType.SELL_LIMIT:
        return quote.bid >= price
    if kind is OrderType.BUY_STOP:
        return quote.ask >= price
    return quote.bid <= price


def _finish(server: TradeServer, order: Order, state: OrderState, position: int = 0) -> None:
    order.state = state
    order.time_done, order.time_done_msc = server.time.seconds(), server.time.msc()
    order.position_id = position
    if state is OrderState.FILLED:
        order.volume_current = order.volume_current_ext = 0
    server.file_order(order)
