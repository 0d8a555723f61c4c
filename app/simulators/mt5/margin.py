"""Margin, floating result and equity of an account at the present prices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from app.simulators.mt5.catalogue import CONTRACT_SIZE
from app.simulators.mt5.enums import Action, MarginMode
from app.simulators.mt5.records import LOT, Account, Position, User
from app.simulators.mt5.state import TradeServer

_NOTHING = Decimal(0)
_CENT = Decimal("0.01")


def profit_of(
    server: TradeServer,
    user: User,
    symbol: str,
    side: int,
    volume_ext: int,
    opened: Decimal,
    closed: Decimal,
    at: datetime,
) -> tuple[Decimal, Decimal, Decimal]:
    """Result of a volume between two prices: in account currency, in the symbol's currency, and the rate between."""
    difference = closed - opened if side == Action.BUY else opened - closed
    raw = difference * CONTRACT_SIZE * Decimal(volume_ext) / LOT
    rate = server.market.conversion(server.symbols[symbol].quote, server.group_of(user).currency, at)
    return server.round_money(raw * rate, user), raw.quantize(_CENT, rounding=ROUND_HALF_UP), rate


def refresh(server: TradeServer, position: Position, user: User | None = None) -> Position:
    """Bring a position's current price and profit up to the present."""
    user = user or server.users[position.login]
    now = server.clock.now()
    quote = server.quote(position.symbol, server.group_of(user), now)
    position.price_current = quote.bid if position.action == Action.BUY else quote.ask
    position.profit, _, position.rate_profit = profit_of(
        server,
        user,
        position.symbol,
        position.action,
        position.volume_ext,
        position.price_open,
        position.price_current,
        now,
    )
    return position


def margin_of(server: TradeServer, user: User, positions: Iterable[tuple[str, int, int, Decimal]]) -> Decimal:
    """Margin for (symbol, side, volume, margin rate) of each position.

    Opposite positions of one symbol share their margin: the larger side pays. A netting account has only one side.
    """
    sides: dict[str, list[Decimal]] = {}
    for symbol, side, volume_ext, rate in positions:
        needed = CONTRACT_SIZE * Decimal(volume_ext) / LOT * rate / user.leverage
        sides.setdefault(symbol, [_NOTHING, _NOTHING])[side] += needed
    return server.round_money(sum((max(pair) for pair in sides.values()), _NOTHING), user)


def margin_rate(server: TradeServer, user: User, symbol: str) -> Decimal:
    """From the symbol's margin currency to the account's."""
    return server.market.conversion(server.symbols[symbol].base, server.group_of(user).currency, server.clock.now())


def used_margin(server: TradeServer, user: User) -> Decimal:
    """Margin that the open positions bind."""
    return margin_of(server, user, _held(server.positions_of(user.login)))


def margin_after(server: TradeServer, user: User, symbol: str, side: int, volume_ext: int) -> Decimal:
    """Margin that would be bound once this volume is opened too."""
    rate = margin_rate(server, user, symbol)
    held = _held(server.positions_of(user.login))
    if server.group_of(user).mode is MarginMode.HEDGING:
        return margin_of(server, user, [*held, (symbol, side, volume_ext, rate)])
    net = {name: (volume if kind == Action.BUY else -volume, old_rate) for name, kind, volume, old_rate in held}
    before = net.get(symbol, (0, rate))[0]
    after = before + (volume_ext if side == Action.BUY else -volume_ext)
    net[symbol] = (after, rate)
    return margin_of(
        server,
        user,
        [(name, Action.BUY if signed >= 0 else Action.SELL, abs(signed), own) for name, (signed, own) in net.items()],
    )


def account_state(server: TradeServer, user: User) -> Account:
    """The trading state: what `user/account/get` answers."""
    group = server.group_of(user)
    profit = storage = _NOTHING
    positions = server.positions_of(user.login)
    for position in positions:
        refresh(server, position, user)
        profit += position.profit
        storage += position.storage
    margin = margin_of(server, user, _held(positions))
    equity = user.balance + user.credit + profit + storage
    level = (equity / margin * 100).quantize(_CENT, rounding=ROUND_HALF_UP) if margin else _NOTHING
    alert = server.margin_alerts.get(user.login)
    return Account(
        login=user.login,
        currency_digits=server.currency_digits(user),
        balance=user.balance,
        credit=user.credit,
        margin=margin,
        margin_free=equity - margin,
        margin_level=level,
        margin_leverage=user.leverage,
        margin_initial=_NOTHING,
        profit=profit,
        storage=storage,
        floating=profit + storage,
        equity=equity,
        so_activation={None: 0, "margin_call": 1, "stop_out": 2}[alert],
        so_level=group.stop_out_percent,
    )


def _held(positions: Iterable[Position]) -> list[tuple[str, int, int, Decimal]]:
    return [(own.symbol, own.action, own.volume_ext, own.rate_margin) for own in positions]
