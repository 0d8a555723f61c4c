"""From orders to deals to positions: opening, adding, closing in part, reversing, closing by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal

from app.simulators.mt5.catalogue import CONTRACT_SIZE, VOLUME_MAX, VOLUME_MIN, VOLUME_STEP
from app.simulators.mt5.enums import Action, Entry, MarginMode, OrderState, OrderType, Reason, Rights
from app.simulators.mt5.margin import account_state, margin_after, margin_rate, profit_of
from app.simulators.mt5.records import LOT, Deal, Order, Position, User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """Who asked, why, and with what attached."""

    reason: int = Reason.CLIENT
    dealer: int = 0
    comment: str = ""
    sl: Decimal = _NOTHING
    tp: Decimal = _NOTHING
    expert: int = 0


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of an order."""

    order: Order
    deals: list[Deal] = field(default_factory=list)
    position: int = 0


def market_order(
    server: TradeServer,
    user: User,
    symbol: str,
    side: Action,
    volume_ext: int,
    terms: Terms | None = None,
    *,
    position_ticket: int = 0,
) -> Execution:
    """Execute at the present price.

    With a position's ticket it closes that position, wholly or in part. Without one it opens a position under hedging;
    under netting it opens, adds to, reduces or reverses the symbol's only position.
    """
    terms = terms or Terms()
    require_tradable(server, user, symbol, terms)
    if position_ticket:
        position = server.positions.get(user.login, {}).get(position_ticket)
        if position is None or position.symbol != symbol:
            raise Refusal(Retcode.POSITION_CLOSED)
        if side != Action(position.action).opposite:
            raise Refusal(Retcode.INVALID_REQUEST)
        if volume_ext > position.volume_ext:
            raise Refusal(Retcode.CLOSE_VOLUME_TOO_LARGE)
        check_volume(volume_ext, is_close=volume_ext == position.volume_ext)
        return _close(server, user, position, volume_ext, terms)
    netted = _netted(server, user, symbol)
    is_closing_all = netted is not None and netted.action != side and netted.volume_ext == volume_ext
    check_volume(volume_ext, is_close=is_closing_all)
    require_margin(server, user, symbol, side, volume_ext)
    if netted is None or netted.action == side or volume_ext > netted.volume_ext:
        require_opening(server, user)
    if netted is None:
        return _open(server, user, symbol, side, volume_ext, terms)
    if netted.action == side:
        return _add(server, user, netted, volume_ext, terms)
    if volume_ext <= netted.volume_ext:
        return _close(server, user, netted, volume_ext, terms)
    return _reverse(server, user, netted, volume_ext, terms)


def close_position(
    server: TradeServer, user: User, position: Position, terms: Terms | None = None, volume_ext: int | None = None
) -> Execution:
    """Close an open position at the present price, all of it unless a volume is given."""
    return market_order(
        server,
        user,
        position.symbol,
        Action(position.action).opposite,
        position.volume_ext if volume_ext is None else volume_ext,
        terms,
        position_ticket=position.position,
    )


def force_close(server: TradeServer, user: User, position: Position, terms: Terms) -> Execution:
    """Close without asking whether the account may trade: stop-outs and stops."""
    return _close(server, user, position, position.volume_ext, terms)


def close_by(server: TradeServer, user: User, ticket: int, by_ticket: int, terms: Terms | None = None) -> Execution:
    """Close two opposite positions of a hedging account against each other, as far as the smaller one goes.

    Two deals arise. The first position is closed at the second one's open price and carries the result; the second is
    closed at its own open price, so its result is nothing.
    """
    terms = terms or Terms()
    own = server.positions.get(user.login, {})
    first, second = own.get(ticket), own.get(by_ticket)
    if first is None or second is None:
        raise Refusal(Retcode.POSITION_CLOSED)
    if server.group_of(user).mode is not MarginMode.HEDGING or first.symbol != second.symbol:
        raise Refusal(Retcode.INVALID_REQUEST)
    if first.action == second.action:
        raise Refusal(Retcode.INVALID_REQUEST)
    require_tradable(server, user, first.symbol, terms)
    volume = min(first.volume_ext, second.volume_ext)
    order = _order(server, user, first.symbol, OrderType.CLOSE_BY, volume, terms)
    order.position_id, order.position_by_id = first.expert_position_id or first.position, second.position
    price = second.price_open
    deals = [
        _deal(server, user, order, position, Entry.OUT_BY, volume, volume, price, terms) for position in (first, second)
    ]
    _fill(server, order, price)
    for position in (first, second):
        _shrink(server, position, volume)
    server.user_changed(user)
    return Execution(order, deals, first.position)


def check_volume(volume_ext: int, *, is_close: bool = False) -> None:
    """Refuse a volume outside the symbol's limits; what remains of a position may always be closed."""
    if volume_ext <= 0 or volume_ext > VOLUME_MAX:
        raise Refusal(Retcode.INVALID_VOLUME)
    if not is_close and (volume_ext < VOLUME_MIN or volume_ext % VOLUME_STEP):
        raise Refusal(Retcode.INVALID_VOLUME)


def require_tradable(server: TradeServer, user: User, symbol: str, terms: Terms) -> None:
    """Refuse an unknown symbol, a closed market, and an account whose rights forbid trading. Dealers may always."""
    if symbol not in server.symbols:
        raise Refusal(Retcode.INVALID_REQUEST)
    if server.switches.market_hours == "weekdays" and server.clock.now().astimezone(UTC).weekday() >= 5:
        raise Refusal(Retcode.MARKET_CLOSED)
    is_allowed = user.rights & Rights.ENABLED and not user.rights & Rights.TRADE_DISABLED
    if terms.reason != Reason.DEALER and not is_allowed:
        raise Refusal(Retcode.TRADING_DISABLED)
    if terms.reason == Reason.EXPERT and not user.rights & Rights.EXPERT:
        raise Refusal(Retcode.ROBOTS_DISABLED)


def require_opening(server: TradeServer, user: User) -> None:
    """Refuse whatever is more than closing in a group whose symbols only close."""
    if server.group_of(user).close_only:
        raise Refusal(Retcode.CLOSE_ONLY)


def require_margin(server: TradeServer, user: User, symbol: str, side: Action, volume_ext: int) -> None:
    """Refuse what the account's equity cannot carry."""
    state = account_state(server, user)
    needed = margin_after(server, user, symbol, side, volume_ext)
    if needed > state.margin and needed > state.equity:
        raise Refusal(Retcode.NO_MONEY)


def _netted(server: TradeServer, user: User, symbol: str) -> Position | None:
    if server.group_of(user).mode is MarginMode.HEDGING:
        return None
    return next((own for own in server.positions_of(user.login) if own.symbol == symbol), None)


def _open(server: TradeServer, user: User, symbol: str, side: Action, volume: int, terms: Terms) -> Execution:
    order = _order(server, user, symbol, OrderType(int(side)), volume, terms)
    order.position_id = order.order
    position = Position(
        position=order.order,
        login=user.login,
        dealer=terms.dealer,
        symbol=symbol,
        action=side,
        digits=order.digits,
        digits_currency=order.digits_currency,
        reason=terms.reason,
        contract_size=CONTRACT_SIZE,
        time_create=order.time_setup,
        time_update=order.time_setup,
        time_create_msc=order.time_setup_msc,
        time_update_msc=order.time_setup_msc,
        price_open=_price(server, user, symbol, side),
        sl=terms.sl,
        tp=terms.tp,
        volume=volume // 10_000,
        volume_ext=volume,
        rate_margin=margin_rate(server, user, symbol),
        expert_id=terms.expert,
        expert_position_id=order.order,  # The identifier of its whole life; the ticket changes when it is reversed.
        comment=terms.comment,
    )
    deal = _deal(server, user, order, position, Entry.IN, volume, 0, position.price_open, terms, side=side)
    _fill(server, order, position.price_open)
    server.put_position(position, "position.add")
    server.user_changed(user)
    return Execution(order, [deal], position.position)


def _add(server: TradeServer, user: User, position: Position, volume: int, terms: Terms) -> Execution:
    side = Action(position.action)
    order = _order(server, user, position.symbol, OrderType(int(side)), volume, terms)
    order.position_id = position.expert_position_id
    price = _price(server, user, position.symbol, side)
    deal = _deal(server, user, order, position, Entry.IN, volume, 0, price, terms, side=side)
    _fill(server, order, price)
    total = position.volume_ext + volume
    rate = margin_rate(server, user, position.symbol)
    position.price_open = _average(position.price_open, position.volume_ext, price, volume, position.digits + 3)
    position.rate_margin = _average(position.rate_margin, position.volume_ext, rate, volume, 8)
    _resize(server, position, total)
    server.put_position(position, "position.update")
    server.user_changed(user)
    return Execution(order, [deal], position.position)


def _close(server: TradeServer, user: User, position: Position, volume: int, terms: Terms) -> Execution:
    side = Action(position.action).opposite
    order = _order(server, user, position.symbol, OrderType(int(side)), volume, terms)
    order.position_id = position.expert_position_id
    price = _price(server, user, position.symbol, side)
    deal = _deal(server, user, order, position, Entry.OUT, volume, volume, price, terms)
    _fill(server, order, price)
    _shrink(server, position, volume)
    server.user_changed(user)
    return Execution(order, [deal], position.position)


def _reverse(server: TradeServer, user: User, position: Position, volume: int, terms: Terms) -> Execution:
    side = Action(position.action).opposite
    order = _order(server, user, position.symbol, OrderType(int(side)), volume, terms)
    order.position_id = position.expert_position_id
    price = _price(server, user, position.symbol, side)
    closed = position.volume_ext
    deal = _deal(server, user, order, position, Entry.IN_OUT, volume, closed, price, terms)
    _fill(server, order, price)
    server.drop_position(position)
    # The deals keep the identifier; the record takes the reversing order's ticket.
    position.position, position.action, position.price_open = order.order, side, price
    position.storage, position.sl, position.tp = _NOTHING, terms.sl, terms.tp
    position.rate_margin = margin_rate(server, user, position.symbol)
    _resize(server, position, volume - closed)
    server.put_position(position, "position.add")
    server.user_changed(user)
    return Execution(order, [deal], position.position)


def _order(server: TradeServer, user: User, symbol: str, kind: OrderType, volume: int, terms: Terms) -> Order:
    instrument = server.symbols[symbol]
    quote = server.quote(symbol, server.group_of(user))
    return Order(
        order=server.tickets.take("order"),
        login=user.login,
        dealer=terms.dealer,
        symbol=symbol,
        digits=instrument.digits,
        digits_currency=server.currency_digits(user),
        contract_size=CONTRACT_SIZE,
        reason=terms.reason,
        time_setup=server.time.seconds(),
        time_setup_msc=server.time.msc(),
        type=kind,
        price_order=_NOTHING,
        price_current=quote.ask if kind.side == Action.BUY else quote.bid,
        sl=terms.sl,
        tp=terms.tp,
        volume_initial=volume // 10_000,
        volume_initial_ext=volume,
        expert_id=terms.expert,
        comment=terms.comment,
        rate_margin=margin_rate(server, user, symbol),
    )


def _fill(server: TradeServer, order: Order, price: Decimal) -> None:
    order.state, order.price_current = OrderState.FILLED, price
    order.time_done, order.time_done_msc = server.time.seconds(), server.time.msc()
    order.volume_current = order.volume_current_ext = 0
    server.file_order(order)


def _deal(
    server: TradeServer,
    user: User,
    order: Order,
    position: Position,
    entry: Entry,
    volume: int,
    closed: int,
    price: Decimal,
    terms: Terms,
    *,
    side: Action | None = None,
) -> Deal:
    """Book one execution: the deal is stored and told first, then the balance follows."""
    now = server.clock.now()
    market = server.quote(position.symbol)
    profit = raw = storage = _NOTHING
    rate = server.market.conversion(server.symbols[position.symbol].quote, server.group_of(user).currency, now)
    if closed:
        profit, raw, rate = profit_of(
            server, user, position.symbol, position.action, closed, position.price_open, price, now
        )
        is_last = closed == position.volume_ext
        share = position.storage if is_last else position.storage * closed / position.volume_ext
        storage = server.round_money(share, user)
        position.storage -= storage
    deal = Deal(
        deal=server.tickets.take("deal"),
        login=user.login,
        dealer=terms.dealer,
        order=order.order,
        action=Action(position.action).opposite if side is None else side,
        entry=entry,
        reason=terms.reason,
        digits=order.digits,
        digits_currency=order.digits_currency,
        contract_size=CONTRACT_SIZE,
        time=server.time.seconds(now),
        time_msc=server.time.msc(now),
        symbol=position.symbol,
        price=price,
        volume=volume // 10_000,
        volume_ext=volume,
        profit=profit,
        storage=storage,
        commission=commission_for(server, user, entry, volume),
        rate_profit=rate,
        rate_margin=order.rate_margin,
        expert_id=terms.expert,
        position_id=position.expert_position_id,
        comment=terms.comment,
        profit_raw=raw,
        price_position=position.price_open if closed else _NOTHING,
        sl=position.sl,
        tp=position.tp,
        volume_closed=closed // 10_000,
        volume_closed_ext=closed,
        tick_value=_NOTHING,
        tick_size=_NOTHING,
        modify_flags=position.modify_flags,
        market_bid=market.bid,
        market_ask=market.ask,
    )
    server.add_deal(deal)
    user.balance += deal.money
    server.touch("user", user.login)
    return deal


def commission_for(server: TradeServer, user: User, entry: Entry, volume_ext: int) -> Decimal:
    """What the group charges for a deal: negative, in the account's currency. A reversal is charged as one deal."""
    group = server.group_of(user)
    is_charged = {
        "both": True,
        "in": entry in (Entry.IN, Entry.IN_OUT),
        "out": entry is not Entry.IN,
    }[group.commission_on]
    if not group.commission_per_lot or not is_charged:
        return _NOTHING
    return -server.round_money(group.commission_per_lot * Decimal(volume_ext) / LOT, user)


def _price(server: TradeServer, user: User, symbol: str, side: Action) -> Decimal:
    quote = server.quote(symbol, server.group_of(user))
    return quote.ask if side == Action.BUY else quote.bid


def _average(first: Decimal, first_weight: int, second: Decimal, second_weight: int, places: int) -> Decimal:
    total = first * first_weight + second * second_weight
    exact = total / (first_weight + second_weight)
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _shrink(server: TradeServer, position: Position, volume: int) -> None:
    left = position.volume_ext - volume
    if left:
        _resize(server, position, left)
        server.put_position(position, "position.update")
    else:
        server.drop_position(position)


def _resize(server: TradeServer, position: Position, volume: int) -> None:
    position.volume, position.volume_ext = volume // 10_000, volume
    position.time_update, position.time_update_msc = server.time.seconds(), server.time.msc()
