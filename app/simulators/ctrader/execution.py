"""From orders to deals to positions: opening, adding, closing in part, reversing, filling in several deals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import msgspec

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.costs import commission_of
from app.simulators.ctrader.enums import (
    AccessRights,
    AccountType,
    BalanceType,
    DealStatus,
    ExecutionType,
    OrderStatus,
    OrderType,
    PositionStatus,
    TradeSide,
)
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.funds import change_balance
from app.simulators.ctrader.margin import (
    Price,
    figures_of,
    gross_of,
    margin_of,
    note_equity,
    price_for,
    to_deposit,
)
from app.simulators.ctrader.records import CloseDetail, Deal, Order, Position, Trader
from app.simulators.ctrader.state import Event, Plant

_ZERO = Decimal(0)
_CENTS = Decimal(100)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order carries beside symbol, side and volume."""

    channel: str = "cTrader"
    label: str = ""
    comment: str = ""
    stop_loss: float | None = None
    take_profit: float | None = None
    is_manual: bool = False
    is_stop_out: bool = False
    is_forced: bool = False  # Managers, stops and stop-outs do not ask whether the account may open.
    price: Decimal | None = None
    address: str = ""
    copy_of: int = 0
    is_silent: bool = False  # Books without telling anybody.
    is_margin_checked: bool = True


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of an order."""

    order: Order
    position: Position
    deals: list[Deal] = field(default_factory=list)


def market_order(
    plant: Plant,
    trader: Trader,
    symbol: Symbol,
    side: TradeSide,
    volume: int,
    terms: Terms | None = None,
    *,
    fills: Sequence[int] = (),
) -> Execution:
    """Execute at the present price, in as many deals as `fills` has parts.

    A hedged account opens a position; a netted one opens, adds to, reduces or reverses the symbol's only position.
    """
    terms = terms or Terms()
    netted = _netted(plant, trader, symbol)
    is_reducing = netted is not None and netted.side != side and volume <= netted.volume
    _require_tradable(plant, trader, symbol, terms, is_reducing=is_reducing)
    _require_volume(symbol, volume, is_all=is_reducing and netted is not None and volume == netted.volume)
    parts = list(fills) or [volume]
    if sum(parts) != volume or min(parts) <= 0:
        raise Refusal("TRADING_BAD_VOLUME", "The fills do not add up to the volume")
    if not is_reducing and terms.is_margin_checked:
        _require_margin(plant, trader, symbol, volume)
    order = _order(plant, trader, symbol, side, volume, terms)
    if netted is None:
        position = _new_position(plant, order, terms)
    else:
        position = netted
    order.position_id, order.is_closing = position.position_id, is_reducing
    _accepted(plant, order, position, terms)
    deals: list[Deal] = []
    for part in parts:
        position, deal = _fill(plant, trader, order, position, part, terms)
        deals.append(deal)
    return Execution(order, position, deals)


def close_position(
    plant: Plant, trader: Trader, position: Position, volume: int | None = None, terms: Terms | None = None
) -> Execution:
    """Close an open position, all of it unless a volume is given."""
    terms = terms or Terms()
    volume = position.volume if volume is None else volume
    if position.trader_id != trader.trader_id:
        raise Refusal("POSITION_NOT_FOUND", f"Position {position.position_id} is not found")
    symbol = plant.symbols[position.symbol_id]
    _require_tradable(plant, trader, symbol, terms, is_reducing=True)
    if not 0 < volume <= position.volume:
        raise Refusal("TRADING_BAD_VOLUME", "Volume is not inside the position's")
    _require_volume(symbol, volume, is_all=volume == position.volume)
    order = _order(plant, trader, symbol, TradeSide(position.side).opposite, volume, terms)
    order.position_id, order.is_closing = position.position_id, True
    _accepted(plant, order, position, terms)
    position, deal = _fill(plant, trader, order, position, volume, terms)
    return Execution(order, position, [deal])


def _require_tradable(plant: Plant, trader: Trader, symbol: Symbol, terms: Terms, *, is_reducing: bool) -> None:
    if plant.switches.market_hours == "weekdays" and plant.now().weekday() >= 5:
        raise Refusal("MARKET_CLOSED", "Market is closed")
    if trader.access_rights == AccessRights.NO_TRADING:
        raise Refusal("TRADING_NOT_ALLOWED", "Trading is not allowed")
    if trader.access_rights == AccessRights.CLOSE_ONLY and not is_reducing and not terms.is_forced:
        raise Refusal("TRADING_NOT_ALLOWED", "Only closing is allowed")
    if not plant.groups[trader.group_id].is_enabled:
        raise Refusal("TRADING_DISABLED", "Trading is disabled in the group")


def _require_volume(symbol: Symbol, volume: int, *, is_all: bool) -> None:
    if volume <= 0 or (not is_all and volume % symbol.volume_step):
        raise Refusal("TRADING_BAD_VOLUME", f"Volume {volume} is not a multiple of {symbol.volume_step}")


def _require_margin(plant: Plant, trader: Trader, symbol: Symbol, volume: int) -> None:
    if margin_of(plant, trader, symbol, volume) > figures_of(plant, trader).free_margin:
        raise Refusal("NOT_ENOUGH_MONEY", "Not enough free margin")


def _netted(plant: Plant, trader: Trader, symbol: Symbol) -> Position | None:
    if trader.account_type != AccountType.NETTED:
        return None
    return next((own for own in plant.positions_of(trader.trader_id) if own.symbol_id == symbol.id), None)


def _order(plant: Plant, trader: Trader, symbol: Symbol, side: TradeSide, volume: int, terms: Terms) -> Order:
    now = plant.now_ms()
    return Order(
        order_id=plant.take("order"),
        trader_id=trader.trader_id,
        symbol_id=symbol.id,
        side=side,
        volume=volume,
        type=OrderType.MARKET,
        status=OrderStatus.ACCEPTED,
        created_at=now,
        updated_at=now,
        stop_loss=terms.stop_loss,
        take_profit=terms.take_profit,
        is_stop_out=terms.is_stop_out,
        label=terms.label,
        comment=terms.comment,
        channel=terms.channel,
        address=terms.address,
    )


def _new_position(plant: Plant, order: Order, terms: Terms) -> Position:
    return Position(
        position_id=plant.take("position"),
        trader_id=order.trader_id,
        symbol_id=order.symbol_id,
        side=order.side,
        volume=0,
        price=0.0,
        opened_at=order.created_at,
        updated_at=order.created_at,
        status=PositionStatus.CREATED,
        stop_loss=terms.stop_loss,
        take_profit=terms.take_profit,
        label=terms.label,
        comment=terms.comment,
        channel=terms.channel,
        copy_of=terms.copy_of,
    )


def _accepted(plant: Plant, order: Order, position: Position, terms: Terms) -> None:
    if not terms.is_silent:
        _tell(plant, ExecutionType.ORDER_ACCEPTED, order, position)


def _tell(plant: Plant, kind: ExecutionType, order: Order, position: Position, deal: Deal | None = None) -> None:
    # Copies: records go on changing while an event waits to be sent.
    plant.emit(
        Event(
            "execution",
            order.trader_id,
            execution=kind,
            position=msgspec.structs.replace(position),
            order=msgspec.structs.replace(order),
            deal=deal,
        )
    )


def _fill(
    plant: Plant, trader: Trader, order: Order, position: Position, volume: int, terms: Terms
) -> tuple[Position, Deal]:
    """One execution: a deal, what it does to the position, to the balance, and the events that tell of it."""
    symbol = plant.symbols[order.symbol_id]
    side = TradeSide(order.side)
    price = price_for(plant, trader, symbol, side)
    if terms.price is not None:
        price = Price(terms.price, price.provider + terms.price - price.client)
    is_closing = position.status == PositionStatus.OPEN and position.side != side
    closed = min(volume, position.volume) if is_closing else 0
    deal = _deal(plant, trader, order, position, symbol, volume, closed, price, terms)
    order.executed_volume += volume
    order.execution_price, order.updated_at = float(price.client), deal.executed_at
    is_done = order.executed_volume == order.volume
    if is_closing:
        told = _reduce(plant, trader, position, symbol, deal, closed)
    else:
        told = _enlarge(plant, trader, position, symbol, deal, volume)
    if volume > closed and is_closing:
        told = _new_position(plant, order, replace(terms, stop_loss=None, take_profit=None))
        _enlarge(plant, trader, told, symbol, deal, volume - closed)
        told.opened_at = deal.executed_at
    order.status = OrderStatus.FILLED if is_done else OrderStatus.ACCEPTED
    figures = note_equity(plant, trader)
    deal.equity = figures.equity
    if deal.detail is not None:
        deal.detail.equity = figures.equity
    plant.add_deal(deal)
    if is_done:
        plant.file_order(order)
    if not terms.is_silent:
        kind = ExecutionType.ORDER_FILLED if is_done else ExecutionType.ORDER_PARTIAL_FILL
        _tell(plant, kind, order, position, deal)
        if told is not position:  # A reversal: the deal closed one position and opened another.
            plant.deals_of_position.setdefault(told.position_id, []).append(deal.deal_id)
            _tell(plant, kind, order, told, deal)
        if told.status == PositionStatus.OPEN:
            plant.emit(Event("margin", trader.trader_id, position=msgspec.structs.replace(told)))
    if is_closing and terms.is_margin_checked:
        _protect(plant, trader)
    return told, deal


def _deal(
    plant: Plant,
    trader: Trader,
    order: Order,
    position: Position,
    symbol: Symbol,
    volume: int,
    closed: int,
    price: Price,
    terms: Terms,
) -> Deal:
    now = plant.now_ms()
    profile = plant.profiles.get(plant.groups[trader.group_id].commission_profile)
    dollars = plant.prices.conversion(symbol.quote, plant.assets[1], plant.now())
    markup = abs(price.client - price.provider) * Decimal(volume) / _CENTS * dollars * 100
    usd_rate = plant.prices.conversion(symbol.base, plant.assets[1], plant.now())
    return Deal(
        deal_id=plant.take("deal"),
        order_id=order.order_id,
        position_id=position.position_id,
        trader_id=trader.trader_id,
        symbol_id=symbol.id,
        side=order.side,
        volume=order.volume,
        filled_volume=volume,
        created_at=now,
        executed_at=now,
        updated_at=now,
        status=DealStatus.FILLED if order.executed_volume + volume == order.volume else DealStatus.PARTIALLY_FILLED,
        price=float(price.client),
        lp_price=float(price.provider),
        commission=commission_of(plant, trader, symbol, profile, volume, price.client),
        markup=markup,
        lot_size=symbol.lot_size,
        money_digits=trader.money_digits,
        usd_rate=float(usd_rate),
        margin_rate=float(plant.prices.conversion(symbol.base, plant.asset_of(trader), plant.now())),
        snapshot_id=order.order_id * 10,
        label=terms.label,
        comment=terms.comment,
        channel=terms.channel,
        is_manual=terms.is_manual,
        opened_volume=volume - closed,
    )


def _enlarge(plant: Plant, trader: Trader, position: Position, symbol: Symbol, deal: Deal, volume: int) -> Position:
    share = Decimal(volume) / deal.filled_volume
    total = position.volume + volume
    average = (Decimal(repr(position.price)) * position.volume + Decimal(repr(deal.price)) * volume) / total
    position.price = round(float(average), symbol.digits + 5)
    position.volume, position.status = total, PositionStatus.OPEN
    # What a reversal's closing part does not take.
    position.commission += deal.commission - plant.share(deal.commission, 1 - share, trader)
    position.markup += deal.markup * share
    position.margin_rate = deal.margin_rate
    position.used_margin += margin_of(plant, trader, symbol, volume)
    plant.put_position(position)
    return position


def _reduce(plant: Plant, trader: Trader, position: Position, symbol: Symbol, deal: Deal, closed: int) -> Position:
    """Take the closed volume's share of everything out of the position, and settle it with the balance."""
    is_all = closed == position.volume
    share = Decimal(closed) / position.volume
    own = Decimal(closed) / deal.filled_volume
    swap = position.swap if is_all else plant.share(position.swap, share, trader)
    opening = position.commission if is_all else plant.share(position.commission, share, trader)
    markup = position.markup if is_all else position.markup * share
    profit = plant.minor(gross_of(plant, trader, position, closed, Decimal(repr(deal.price))), trader)
    commission = opening + plant.share(deal.commission, own, trader)
    net = profit + swap - commission
    before = trader.balance
    trader.balance += net
    trader.balance_version += 1
    least, most = position.min_equity, position.max_equity
    deal.detail = CloseDetail(
        entry_price=position.price,
        profit=profit,
        swap=swap,
        commission=commission,
        net_profit=net,
        balance=trader.balance,
        balance_version=trader.balance_version,
        balance_history_id=plant.take("cash"),
        closed_volume=closed,
        markup=markup + deal.markup * own,
        opened_at=position.opened_at,
        quote_rate=float(to_deposit(plant, trader, symbol)),
        min_equity=trader.balance if least is None else least,
        max_equity=trader.balance if most is None else most,
        roi=round(net / before, 8) if before > 0 else 0.0,
        nonwithdrawable_bonus=trader.nonwithdrawable_bonus,
    )
    plant.money_moved(trader)
    position.swap -= swap
    position.commission -= opening
    position.markup -= markup
    position.used_margin -= plant.share(position.used_margin, share, trader)
    position.volume -= closed
    if is_all:
        position.status, position.closed_at, position.used_margin = PositionStatus.CLOSED, deal.executed_at, 0
        position.updated_at = deal.executed_at
        plant.close_position(position)
    else:
        plant.put_position(position)
    return position


def _protect(plant: Plant, trader: Trader) -> None:
    """Fill up a balance that fell below nothing, where the group promises that and nothing is open any more."""
    group = plant.groups[trader.group_id]
    if trader.balance < 0 and group.has_negative_balance_protection and not plant.positions_of(trader.trader_id):
        change_balance(plant, trader, BalanceType.DEPOSIT_NEGATIVE_BALANCE_PROTECTION, -trader.balance)
