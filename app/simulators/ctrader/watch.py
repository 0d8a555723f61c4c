"""What happens by itself as prices and days move: stops, waiting orders, stop-outs, swaps, copied trades."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec

from app.simulators.ctrader.enums import ExecutionType, OrderStatus, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Terms, close_position
from app.simulators.ctrader.margin import note_equity, price_for, to_deposit, unrealized_of
from app.simulators.ctrader.pending import end_order, is_reached, trigger_order
from app.simulators.ctrader.records import Position, Trader
from app.simulators.ctrader.state import Event, Plant

_WEDNESDAY = 2
_CENTS = Decimal(100)


class Watch:
    """Looks at every account with something open, each time it is asked to."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self.swap_day = self._day()

    def _day(self) -> int:
        """The trading day: it changes at the hour when swaps are charged."""
        return (self._plant.now() + timedelta(hours=24 - self._plant.config.swap_hour)).toordinal()

    def look(self) -> None:
        """Apply everything that the present prices and the present day cause."""
        with self._plant.clock.hold():
            self._roll_over()
            for order in list(self._plant.orders.values()):
                trader = self._plant.traders[order.trader_id]
                if order.expires_at and order.expires_at <= self._plant.now_ms():
                    end_order(self._plant, order, OrderStatus.EXPIRED)
                elif is_reached(self._plant, trader, order):
                    trigger_order(self._plant, trader, order)
            for trader_id in [number for number, own in self._plant.held.items() if own]:
                trader = self._plant.traders[trader_id]
                try:
                    self._stop(trader)
                    self._watch_margin(trader)
                except Refusal:
                    continue  # An account that may not trade keeps its losses.

    def _roll_over(self) -> None:
        today = self._day()
        while self.swap_day < today:
            nights = 3 if self.swap_day % 7 == (_WEDNESDAY + 1) % 7 else 1
            for position in list(self._plant.positions.values()):
                self._charge_swap(position, nights)
            self.swap_day += 1
        self.swap_day = today

    def _charge_swap(self, position: Position, nights: int) -> None:
        plant = self._plant
        trader = plant.traders[position.trader_id]
        if trader.is_swap_free or not plant.groups[trader.group_id].is_swap_enabled:
            return
        symbol = plant.symbols[position.symbol_id]
        points = symbol.swap_long_points if position.side == TradeSide.BUY else symbol.swap_short_points
        raw = points * symbol.point * Decimal(position.volume) / _CENTS * nights
        charged = plant.minor(raw * to_deposit(plant, trader, symbol), trader)
        position.swap += charged
        position.swaps = [*position.swaps, (charged, position.swap, plant.now_ms())]
        plant.put_position(position)
        plant.emit(
            Event(
                "execution", trader.trader_id, execution=ExecutionType.SWAP, position=msgspec.structs.replace(position)
            )
        )

    def _stop(self, trader: Trader) -> None:
        plant = self._plant
        for position in plant.positions_of(trader.trader_id):
            if position.stop_loss is None and position.take_profit is None:
                continue
            side = TradeSide(position.side)
            price = float(price_for(plant, trader, plant.symbols[position.symbol_id], side.opposite).client) * side.sign
            for level, sign, label in ((position.stop_loss, -1, "sl"), (position.take_profit, 1, "tp")):
                if level is not None and (price - level * side.sign) * sign >= 0:
                    close_position(plant, trader, position, None, Terms(label=label, is_forced=True))
                    break

    def _watch_margin(self, trader: Trader) -> None:
        plant = self._plant
        share = plant.groups[trader.group_id].stop_out_share
        while True:
            level = note_equity(plant, trader).level_share
            if level is None or level > share:
                return
            held = plant.positions_of(trader.trader_id)
            worst = min(held, key=lambda position: unrealized_of(plant, trader, position)[1])
            close_position(plant, trader, worst, None, Terms(is_stop_out=True, is_forced=True))
