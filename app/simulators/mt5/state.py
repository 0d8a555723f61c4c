"""All that a trade server knows, and the one place where a change becomes an event and a row to store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

import msgspec

from app.kit import clock as wall
from app.kit.money import exponent
from app.simulators.market import INSTRUMENTS, Instrument, Market, Quote, SimClock
from app.simulators.mt5.catalogue import matches
from app.simulators.mt5.config import GroupConfig, ManagerConfig, SimConfig
from app.simulators.mt5.records import Deal, Order, Position, Record, User, wire
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.servertime import ServerTime
from app.simulators.mt5.tickets import Tickets
from app.simulators.mt5.timeline import Timeline, deal_key, order_key
from app.simulators.mt5.written import WrittenDeals


class Passwords(msgspec.Struct):
    """The secrets of one account, in the clear: the challenge needs them and nobody's money hangs on them."""

    main: str = ""
    investor: str = ""
    api: str = ""


class Event(msgspec.Struct, frozen=True):
    """A change as a Manager API sink sees it."""

    type: str
    at_ms: int
    record: dict[str, Any]


class Listener(Protocol):
    def __call__(self, event: Event, /) -> None: ...


class TradeServer:
    """One trade server's data. Not thread-safe: its event loop owns it."""

    def __init__(self, config: SimConfig, clock: SimClock, market: Market) -> None:
        self.config = config
        self.switches = config.switches
        self.clock = clock
        self.market = market
        self.time = ServerTime(clock, config.zone)
        self.tickets = Tickets(config.seed)
        self.managers: dict[int, ManagerConfig] = {manager.login: manager for manager in config.managers}
        self.groups: dict[str, GroupConfig] = {group.name: group for group in config.groups}
        names = config.symbols or tuple(INSTRUMENTS)
        self.symbols: dict[str, Instrument] = {name: INSTRUMENTS[name] for name in names}
        self.users: dict[int, User] = {}
        self.passwords: dict[int, Passwords] = {}
        self.archive: dict[int, User] = {}
        self.orders: dict[int, Order] = {}
        self.history: Timeline[Order] = Timeline(order_key)
        self.deals: Timeline[Deal] = Timeline(deal_key)
        self.written_deals: WrittenDeals | None = None  # Beside the others; readings by group show these alone.
        self.positions: dict[int, dict[int, Position]] = {}
        self.active_logins: set[int] = set()
        self.margin_alerts: dict[int, str] = {}
        self.changed: set[tuple[str, int]] = set()
        self.listeners: list[Listener] = []
        self.last_login = config.login_first - 1

    # Looking things up.

    def user(self, login: int) -> User:
        """An account; refused with "not found" when there is none."""
        user = self.users.get(login)
        if user is None:
            raise Refusal(Retcode.NOT_FOUND)
        return user

    def group_of(self, user: User) -> GroupConfig:
        return self.groups[user.group]

    def currency_digits(self, user: User) -> int:
        return exponent(self.groups[user.group].currency)

    def positions_of(self, login: int) -> list[Position]:
        """Open positions of an account, oldest first."""
        return list(self.positions.get(login, {}).values())

    def orders_of(self, login: int) -> list[Order]:
        """Pending orders of an account."""
        return [order for order in self.orders.values() if order.login == login]

    def logins_in(self, mask: str, manager: ManagerConfig | None = None) -> list[int]:
        """Accounts whose group is in the mask and, when a manager asks, visible to it."""
        groups = {name for name in self.groups if matches(mask, name) and (manager is None or self.sees(manager, name))}
        return [login for login, user in self.users.items() if user.group in groups]

    @staticmethod
    def sees(manager: ManagerConfig, group: str) -> bool:
        """Whether a manager's list of groups covers the group."""
        return matches(",".join(manager.groups), group)

    # Prices and money.

    def quote(self, symbol: str, group: GroupConfig | None = None, at: datetime | None = None) -> Quote:
        """Bid and ask, with the group's mark-up when a group is given."""
        plain = self.market.quote(symbol, at or self.clock.now())
        if group is None or not group.markup_points:
            return plain
        point = INSTRUMENTS[symbol].point
        below = point * (group.markup_points // 2)
        return Quote(plain.bid - below, plain.ask + point * group.markup_points - below, plain.at)

    def round_money(self, amount: Decimal, user: User) -> Decimal:
        """To the account currency's digits, as the platform does."""
        return amount.quantize(Decimal(1).scaleb(-self.currency_digits(user)), rounding=ROUND_HALF_UP)

    # Changing things.

    def touch(self, kind: str, key: int) -> None:
        """Mark a row to be stored (or, when it is gone, to be deleted)."""
        self.changed.add((kind, key))

    def emit(self, kind: str, record: Record | dict[str, Any] | None = None, money_digits: int = 2) -> None:
        """Tell every listener, in order, what has just happened."""
        if not self.listeners:
            return
        sent = wire(record, money_digits) if isinstance(record, Record) else record or {}
        event = Event(kind, int(wall.now().timestamp() * 1000), sent)
        for listener in self.listeners:
            listener(event)

    def user_changed(self, user: User, kind: str = "user.update") -> None:
        """Store an account and tell of it."""
        self.touch("user", user.login)
        self.emit(kind, user, self.currency_digits(user))

    def put_position(self, position: Position, kind: str) -> None:
        """Keep an open position; `kind` is `position.add` or `position.update`."""
        self.positions.setdefault(position.login, {})[position.position] = position
        self.active_logins.add(position.login)
        self.touch("position", position.position)
        self.emit(kind, position)

    def drop_position(self, position: Position) -> None:
        """Forget a closed position. Its event carries no volume, price or time."""
        del self.positions[position.login][position.position]
        self.touch("position", position.position)
        empty = Position(
            position=position.position,
            login=position.login,
            symbol=position.symbol,
            action=position.action,
            digits=position.digits,
            digits_currency=position.digits_currency,
            contract_size=position.contract_size,
            time_create=0,
            time_update=0,
            time_create_msc=0,
            time_update_msc=0,
            price_open=Decimal(0),
        )
        self.emit("position.delete", empty)

    def put_order(self, order: Order, kind: str) -> None:
        """Keep a pending order."""
        self.orders[order.order] = order
        self.active_logins.add(order.login)
        self.touch("order", order.order)
        self.emit(kind, order)

    def file_order(self, order: Order) -> None:
        """Move an order to the history."""
        if self.orders.pop(order.order, None) is not None:
            self.touch("order", order.order)
            self.emit("order.delete", order)
        self.history.add(order)
        self.touch("history", order.order)

    def add_deal(self, deal: Deal) -> None:
        """Store a deal. Its event comes before the account changes, as on the real platform."""
        self.deals.add(deal)
        self.touch("deal", deal.deal)
        self.emit("deal.add", deal)

    def change_deal(self, deal: Deal) -> None:
        """Replace a deal by one with the same ticket."""
        self.deals.remove(deal.deal)
        self.deals.add(deal)
        self.touch("deal", deal.deal)
        self.emit("deal.update", deal)

    def delete_deal(self, ticket: int) -> Deal:
        """Take a deal out of the books; refused when there is none."""
        deal = self.deals.remove(ticket)
        if deal is None:
            raise Refusal(Retcode.NOT_FOUND)
        self.touch("deal", ticket)
        self.emit("deal.delete", deal)
        return deal

    def forget_states(self) -> None:
        """What a restart does: trading states exist only for accounts with something open."""
        self.active_logins = {login for login, own in self.positions.items() if own}
        self.active_logins.update(order.login for order in self.orders.values())

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Receive every event from now on. Call the result to stop."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def load(self, kind: str, records: Iterable[Any]) -> None:
        """Take over stored records of one kind, without telling anybody."""
        for record in records:
            if kind == "user":
                self.users[record.login] = record
                self.last_login = max(self.last_login, record.login)
            elif kind == "archive":
                self.archive[record.login] = record
                self.last_login = max(self.last_login, record.login)
            elif kind == "order":
                self.orders[record.order] = record
            elif kind == "history":
                self.history.add(record)
            elif kind == "deal":
                self.deals.add(record)
            elif kind == "position":
                self.positions.setdefault(record.login, {})[record.position] = record
