"""Booking a finished trade of the past in one step."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from app.simulators.mt5.catalogue import CONTRACT_SIZE
from app.simulators.mt5.enums import Action, Entry, Reason
from app.simulators.mt5.execution import check_volume, commission_for
from app.simulators.mt5.margin import profit_of
from app.simulators.mt5.records import Deal, User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_NOTHING = Decimal(0)


def book_round_trip(
    server: TradeServer,
    user: User,
    symbol: str,
    side: Action,
    volume_ext: int,
    opened_at: datetime,
    closed_at: datetime,
) -> tuple[Deal, Deal]:
    """Add an opening and a closing deal at the prices of their instants. The balance follows; no position shows."""
    if symbol not in server.symbols or closed_at <= opened_at:
        raise Refusal(Retcode.INVALID_REQUEST)
    check_volume(volume_ext)
    position = server.tickets.take("order")
    opening = _deal(server, user, symbol, side, Entry.IN, volume_ext, opened_at, position, position)
    closing_order = server.tickets.take("order")
    closing = _deal(
        server, user, symbol, side.opposite, Entry.OUT, volume_ext, closed_at, closing_order, position, opening.price
    )
    user.balance += opening.money + closing.money
    server.active_logins.add(user.login)
    server.user_changed(user)
    return opening, closing


def _deal(
    server: TradeServer,
    user: User,
    symbol: str,
    side: Action,
    entry: Entry,
    volume_ext: int,
    at: datetime,
    order: int,
    position: int,
    opened_price: Decimal | None = None,
) -> Deal:
    quote, market = server.quote(symbol, server.group_of(user), at), server.quote(symbol, at=at)
    price = quote.ask if side == Action.BUY else quote.bid
    profit = raw = _NOTHING
    rate = server.market.conversion(server.symbols[symbol].quote, server.group_of(user).currency, at)
    if opened_price is not None:
        profit, raw, rate = profit_of(server, user, symbol, side.opposite, volume_ext, opened_price, price, at)
    closed = volume_ext if opened_price is not None else 0
    msc = server.time.msc(at)
    deal = Deal(
        deal=server.tickets.take("deal"),
        login=user.login,
        order=order,
        action=side,
        entry=entry,
        reason=Reason.CLIENT,
        digits=server.symbols[symbol].digits,
        digits_currency=server.currency_digits(user),
        contract_size=CONTRACT_SIZE,
        time=msc // 1000,
        time_msc=msc,
        symbol=symbol,
        price=price,
        volume=volume_ext // 10_000,
        volume_ext=volume_ext,
        profit=profit,
        commission=commission_for(server, user, entry, volume_ext),
        rate_profit=rate,
        position_id=position,
        profit_raw=raw,
        price_position=opened_price or _NOTHING,
        volume_closed=closed // 10_000,
        volume_closed_ext=closed,
        market_bid=market.bid,
        market_ask=market.ask,
    )
    server.add_deal(deal)
    return deal
