"""What happens by itself as prices and days move: stops, pending orders, margin calls, stop-outs, swaps."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from app.simulators.market import INSTRUMENTS
from app.simulators.mt5.catalogue import CONTRACT_SIZE, swap_points
from app.simulators.mt5.enums import Action, OrderState, OrderType, Reason
from app.simulators.mt5.execution import Terms, force_close
from app.simulators.mt5.margin import account_state, refresh
from app.simulators.mt5.pending import cancel_order, is_reached, trigger_order
from app.simulators.mt5.records import LOT, Position, User
from app.simulators.mt5.state import TradeServer

_WEDNESDAY = 2
_ALERT_ENDS = {"margin_call": "account.margin_call_end", "stop_out": "account.stop_out_end"}


class Watch:
    """Looks at every account with something open, each time it is asked to."""

    def __init__(self, server: TradeServer) -> None:
        self._server = server
        self.trading_day = _day(server.time.seconds())

    def look(self) -> None:
        """Apply everything that the present prices and the present day cause."""
        with self._server.clock.hold():
            self._roll_over()
            self._trigger_orders()
            for login in [login for login, own in self._server.positions.items() if own]:
                user = self._server.users.get(login)
                if user is not None:
                    self._stop(user)
                    self._watch_margin(user)

    def _roll_over(self) -> None:
        today = _day(self._server.time.seconds())
        while self.trading_day < today:
            nights = 3 if self.trading_day.weekday() == _WEDNESDAY else 1
            if self.trading_day.weekday() < 5:
                for own in self._server.positions.values():
                    for position in own.values():
                        self._charge_swap(position, nights)
            self.trading_day = date.fromordinal(self.trading_day.toordinal() + 1)
        self.trading_day = today  # A clock that was set back starts its days anew.

    def _charge_swap(self, position: Position, nights: int) -> None:
        server = self._server
        user = server.users[position.login]
        instrument = INSTRUMENTS[position.symbol]
        rate = server.market.conversion(instrument.quote, server.group_of(user).currency, server.clock.now())
        lots = Decimal(position.volume_ext) / LOT
        raw = swap_points(position.action == Action.BUY) * instrument.point * CONTRACT_SIZE * lots * nights
        position.storage += server.round_money(raw * rate, user)
        server.put_position(position, "position.update")

    def _trigger_orders(self) -> None:
        server = self._server
        now = server.time.seconds()
        for order in list(server.orders.values()):
            user = server.users[order.login]
            if order.time_expiration and order.time_expiration <= now:
                cancel_order(server, order.order, OrderState.EXPIRED)
            elif is_reached(
                OrderType(order.type), order.price_order, server.quote(order.symbol, server.group_of(user))
            ):
                trigger_order(server, user, order)

    def _stop(self, user: User) -> None:
        for position in self._server.positions_of(user.login):
            if not position.sl and not position.tp:
                continue
            price = refresh(self._server, position, user).price_current
            is_buy = position.action == Action.BUY
            if position.sl and (price <= position.sl if is_buy else price >= position.sl):
                force_close(self._server, user, position, Terms(Reason.STOP_LOSS, comment=f"[sl {position.sl}]"))
            elif position.tp and (price >= position.tp if is_buy else price <= position.tp):
                force_close(self._server, user, position, Terms(Reason.TAKE_PROFIT, comment=f"[tp {position.tp}]"))

    def _watch_margin(self, user: User) -> None:
        server, group = self._server, self._server.group_of(user)
        state = account_state(server, user)
        while state.margin and state.margin_level <= group.stop_out_percent:
            self._alert(user, "stop_out")
            worst = min(server.positions_of(user.login), key=lambda position: position.profit + position.storage)
            comment = f"[so {state.margin_level}%/{state.equity}/{state.margin}]"[:31]
            force_close(server, user, worst, Terms(Reason.STOP_OUT, comment=comment))
            state = account_state(server, user)
        if state.margin and state.margin_level <= group.margin_call_percent:
            self._alert(user, "margin_call")
        else:
            self._alert(user, None)

    def _alert(self, user: User, alert: str | None) -> None:
        alerts = self._server.margin_alerts
        before = alerts.get(user.login)
        if before == alert:
            return
        if alert is None:
            del alerts[user.login]
        else:
            alerts[user.login] = alert
        if before is not None:
            self._server.emit(_ALERT_ENDS[before], account_state(self._server, user))
        if alert is not None:
            self._server.emit(f"account.{alert}", account_state(self._server, user))


def _day(server_seconds: int) -> date:
    return datetime.fromtimestamp(server_seconds, UTC).date()
