"""Prices for an account, its floating result, margin and equity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.enums import TradeSide
from app.simulators.ctrader.records import Position, Trader
from app.simulators.ctrader.state import Plant

_CENTS = Decimal(100)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """What a side pays, and what the liquidity provider takes."""

    client: Decimal
    provider: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of an account that move with prices, as whole numbers of its money digits."""

    equity: int
    used_margin: int
    free_margin: int
    unrealized: int

    @property
    def level_share(self) -> Decimal | None:
        """Equity by used margin."""
        return Decimal(self.equity) / self.used_margin if self.used_margin else None


def price_for(plant: Plant, trader: Trader, symbol: Symbol, side: TradeSide) -> Price:
    """The present price of a deal in this direction: the market's, with the group's markup for the client."""
    quote = plant.prices.quote(symbol, plant.now())
    markup = symbol.point * plant.groups[trader.group_id].markup_points
    if side is TradeSide.BUY:
        return Price(quote.ask + markup, quote.ask)
    return Price(quote.bid - markup, quote.bid)


def to_deposit(plant: Plant, trader: Trader, symbol: Symbol) -> Decimal:
    """From the symbol's quote asset to the account's."""
    return plant.prices.conversion(symbol.quote, plant.asset_of(trader), plant.now())


def gross_of(plant: Plant, trader: Trader, position: Position, volume: int, price: Decimal) -> Decimal:
    """What closing a volume at a price brings, in the deposit asset, not rounded."""
    symbol = plant.symbols[position.symbol_id]
    difference = (price - Decimal(repr(position.price))) * TradeSide(position.side).sign
    return difference * Decimal(volume) / _CENTS * to_deposit(plant, trader, symbol)


def unrealized_of(plant: Plant, trader: Trader, position: Position) -> tuple[int, int]:
    """Gross and net result of an open position; the commission of closing it is not in it."""
    symbol = plant.symbols[position.symbol_id]
    price = price_for(plant, trader, symbol, TradeSide(position.side).opposite).client
    gross = plant.minor(gross_of(plant, trader, position, position.volume, price), trader)
    return gross, gross + position.swap - position.commission


def margin_of(plant: Plant, trader: Trader, symbol: Symbol, volume: int) -> int:
    """Margin that a volume binds."""
    rate = plant.prices.conversion(symbol.base, plant.asset_of(trader), plant.now())
    leverage = Decimal(trader.leverage_cents) / 100 if trader.leverage_cents else Decimal(1)
    return plant.minor(Decimal(volume) / _CENTS * rate / leverage, trader)


def figures_of(plant: Plant, trader: Trader) -> Figures:
    """Equity and margin now."""
    unrealized = 0
    sides: dict[int, dict[int, int]] = {}
    for position in plant.positions_of(trader.trader_id):
        unrealized += unrealized_of(plant, trader, position)[1]
        by_side = sides.setdefault(position.symbol_id, {1: 0, 2: 0})
        by_side[position.side] += position.used_margin
    used = sum(_combined(trader.margin_calculation, bought, sold) for bought, sold in map(_both, sides.values()))
    funds = trader.balance + trader.manager_bonus + trader.ib_bonus + trader.nonwithdrawable_bonus
    equity = funds + unrealized
    return Figures(equity, used, equity - used, unrealized)


def _both(by_side: dict[int, int]) -> tuple[int, int]:
    return by_side[1], by_side[2]


def _combined(calculation: int, bought: int, sold: int) -> int:
    """What opposite positions of one symbol bind: the larger side, both, or the difference."""
    return {0: max(bought, sold), 1: bought + sold, 2: abs(bought - sold)}[calculation]


def withdrawable(plant: Plant, trader: Trader) -> int:
    """What may leave the account: neither bonus nor margin, nor a profit that is not taken."""
    figures = figures_of(plant, trader)
    bonus = trader.manager_bonus + trader.ib_bonus + trader.nonwithdrawable_bonus
    return max(0, min(trader.balance, figures.free_margin - bonus))


def note_equity(plant: Plant, trader: Trader) -> Figures:
    """Bring the day's least and greatest equity up to date, of the account and of its positions."""
    figures, day = figures_of(plant, trader), plant.now_ms() // 86_400_000
    if trader.equity_day != day:
        trader.equity_day, trader.min_equity_daily, trader.max_equity_daily = day, None, None
    trader.min_equity_daily = _least(trader.min_equity_daily, figures.equity)
    trader.max_equity_daily = _most(trader.max_equity_daily, figures.equity)
    for position in plant.positions_of(trader.trader_id):
        position.min_equity = _least(position.min_equity, figures.equity)
        position.max_equity = _most(position.max_equity, figures.equity)
    return figures


def _least(known: int | None, value: int) -> int:
    return value if known is None else min(known, value)


def _most(known: int | None, value: int) -> int:
    return value if known is None else max(known, value)
