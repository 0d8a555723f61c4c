"""One environment's books: catalogue, accounts, positions, deals, money, and the events that tell of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Protocol

import msgspec

from app.simulators.ctrader.catalogue import ASSETS, SYMBOLS, Asset, Prices, Symbol
from app.simulators.ctrader.config import CommissionProfile, GroupConfig, ManagerConfig, SimConfig
from app.simulators.ctrader.enums import ExecutionType, Operation
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.records import Bonus, Cash, CtidLink, CtidUser, Deal, Order, Position, Trader
from app.simulators.ctrader.timeline import Timeline
from app.simulators.ctrader.written import WrittenDeals
from app.simulators.market import SimClock

_GAPS = (1, 1, 1, 1, 2, 3)


@dataclass(slots=True)
class Event:
    """A change, as both push faces tell it. Faces keep what they made of it in `rendered`."""

    kind: str  # execution, trader, group, margin, logon, logout, permission_lost
    trader_id: int = 0
    group_id: int = 0
    execution: ExecutionType | None = None
    position: Position | None = None
    order: Order | None = None
    deal: Deal | None = None
    cash: Cash | None = None
    bonus: Bonus | None = None
    error: str = ""
    operation: Operation = Operation.UPDATE
    values: dict[str, Any] = field(default_factory=dict)
    event_id: int = 0
    rendered: dict[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    def __call__(self, event: Event, /) -> None: ...


class Plant:
    """One environment's data. Not thread-safe: its event loop owns it."""

    def __init__(self, config: SimConfig, clock: SimClock) -> None:
        self.config = config
        self.switches = config.switches
        self.clock = clock
        self.prices = Prices(config.seed, clock.now())
        self.assets: dict[int, Asset] = {asset.id: asset for asset in ASSETS}
        self.symbols: dict[int, Symbol] = {symbol.id: symbol for symbol in SYMBOLS}
        self.symbol_ids: dict[str, int] = {symbol.name: symbol.id for symbol in SYMBOLS}
        self.groups: dict[int, GroupConfig] = {group.id: group for group in config.groups}
        self.profiles: dict[int, CommissionProfile] = {profile.id: profile for profile in config.profiles}
        self.managers: dict[int, ManagerConfig] = {manager.login: manager for manager in config.managers}
        self.traders: dict[int, Trader] = {}
        self.trader_ids: dict[int, int] = {}  # By login.
        self.copiers: dict[int, set[int]] = {}  # By the account that they copy.
        self.positions: dict[int, Position] = {}
        self.held: dict[int, dict[int, Position]] = {}  # Open positions by account.
        self.orders: dict[int, Order] = {}  # Waiting ones.
        self.closed: Timeline[Position] = Timeline(lambda it: (it.closed_at, it.position_id), lambda it: it.trader_id)
        self.done_orders: Timeline[Order] = Timeline(lambda it: (it.updated_at, it.order_id), lambda it: it.trader_id)
        self.deals: Timeline[Deal] = Timeline(lambda it: (it.created_at, it.deal_id), lambda it: it.trader_id)
        self.written_deals: WrittenDeals | None = None  # Beside the others; readings by group show these alone.
        self.deals_of_position: dict[int, list[int]] = {}
        self.cash: Timeline[Cash] = Timeline(lambda it: (it.at, it.balance_history_id), lambda it: it.trader_id)
        self.bonuses: Timeline[Bonus] = Timeline(lambda it: (it.at, it.bonus_history_id), lambda it: it.trader_id)
        self.users: dict[int, CtidUser] = {}
        self.copy_codes: dict[str, tuple[int, float]] = {}  # Code to user and the second at which it expires.
        self.links: dict[int, CtidLink] = {}
        self.sessions: dict[int, int] = {}  # Traders' terminals: session id to trader.
        self.changed: set[tuple[str, int]] = set()
        self.listeners: list[Listener] = []
        self.last = {
            "order": 9000, "deal": 7000, "position": 8000, "cash": 100, "bonus": 100, "event": 0, "session": 0,
            "user": 20_000, "link": 5000, "trader": config.trader_first - 1, "login": config.login_first - 1,
        }  # fmt: skip
        self._random = Random(config.seed)
        self._instant: datetime | None = None

    # Time and numbers.

    def now(self) -> datetime:
        """The simulated instant."""
        return self._instant or self.clock.now()

    def now_ms(self) -> int:
        """The simulated instant in milliseconds of UTC."""
        return int(self.now().timestamp() * 1000)

    @contextmanager
    def standing_at(self, at: datetime) -> Iterator[None]:
        """Let another instant be the present one for a block: what is booked in it has that time and its prices."""
        outer, self._instant = self._instant, at
        try:
            yield
        finally:
            self._instant = outer

    def take(self, kind: str) -> int:
        """The next number of a kind. Orders, deals and positions have gaps, as on a server that others use too."""
        self.last[kind] += self._random.choice(_GAPS) if kind in ("order", "deal", "position") else 1
        return self.last[kind]

    # Looking things up.

    def trader(self, trader_id: int) -> Trader:
        """An account that is not deleted."""
        trader = self.traders.get(trader_id)
        if trader is None or trader.is_deleted:
            raise Refusal("TRADER_NOT_FOUND", f"Trader {trader_id} is not found")
        return trader

    def by_login(self, login: int) -> Trader:
        """An account by the number that its owner knows."""
        return self.trader(self.trader_ids.get(login, 0))

    def position(self, position_id: int) -> Position:
        """An open position."""
        position = self.positions.get(position_id)
        if position is None:
            raise Refusal("POSITION_NOT_FOUND", f"Position {position_id} is not found")
        return position

    def positions_of(self, trader_id: int) -> list[Position]:
        """Open positions of an account, oldest first."""
        return list(self.held.get(trader_id, {}).values())

    def asset_of(self, trader: Trader) -> Asset:
        return self.assets[trader.deposit_asset_id]

    def group_named(self, name: str) -> GroupConfig:
        """A group by its name."""
        for group in self.groups.values():
            if group.name == name:
                return group
        raise Refusal("TRADER_GROUP_NOT_FOUND", f"Group {name} is not found")

    def sees(self, manager: ManagerConfig, trader: Trader) -> bool:
        """Whether a manager's groups and white labels cover an account."""
        return self.sees_group(manager, trader.group_id) and trader.broker_name not in manager.disabled_brokers

    def sees_group(self, manager: ManagerConfig, group_id: int) -> bool:
        """Whether a manager's masks cover a group."""
        group = self.groups.get(group_id)
        return group is not None and any(fnmatchcase(group.name, mask) for mask in manager.groups)

    # Money.

    def minor(self, amount: Decimal, trader: Trader) -> int:
        """An amount in the deposit asset as a record holds it, rounded to what the asset has."""
        asset = self.asset_of(trader)
        whole = amount.quantize(Decimal(1).scaleb(-asset.digits), rounding=ROUND_HALF_UP)
        return int(whole.scaleb(trader.money_digits))

    def share(self, minor: int, part: Decimal, trader: Trader) -> int:
        """A part of an amount, rounded as `minor` does."""
        return self.minor(self.major(minor, trader) * part, trader)

    def major(self, minor: int, trader: Trader) -> Decimal:
        """What a record's whole number is worth."""
        return Decimal(minor).scaleb(-trader.money_digits)

    # Changing things.

    def touch(self, kind: str, key: int) -> None:
        """Mark a record to be stored (or, when it is gone, to be deleted)."""
        self.changed.add((kind, key))

    def put_trader(self, trader: Trader, operation: Operation, *, is_version_raised: bool = True) -> None:
        """Keep an account and tell of it."""
        trader.updated_at = self.now_ms()
        if is_version_raised and operation is Operation.UPDATE:
            trader.version += 1
        self._index(trader)
        self.touch("trader", trader.trader_id)
        self.emit(Event("trader", trader.trader_id, operation=operation))

    def _index(self, trader: Trader) -> None:
        self.traders[trader.trader_id] = trader
        self.trader_ids[trader.login] = trader.trader_id
        if trader.strategy_provider_id:
            self.copiers.setdefault(trader.strategy_provider_id, set()).add(trader.trader_id)

    def money_moved(self, trader: Trader) -> None:
        """Keep an account whose money changed. The event of the movement itself tells of it."""
        trader.updated_at = self.now_ms()
        self.touch("trader", trader.trader_id)

    def put_position(self, position: Position) -> None:
        """Keep an open position."""
        position.updated_at = self.now_ms()
        self.positions[position.position_id] = position
        self.held.setdefault(position.trader_id, {})[position.position_id] = position
        self.touch("position", position.position_id)

    def protection_changed(self, position: Position) -> None:
        """Keep a position whose stop loss or take profit is another, and tell of it."""
        self.put_position(position)
        copy = msgspec.structs.replace(position)
        self.emit(Event("execution", position.trader_id, execution=ExecutionType.ORDER_REPLACED, position=copy))

    def close_position(self, position: Position) -> None:
        """Move a position to the closed ones."""
        del self.positions[position.position_id]
        del self.held[position.trader_id][position.position_id]
        self.touch("position", position.position_id)
        self.closed.add(position)
        self.touch("closed", position.position_id)

    def put_order(self, order: Order) -> None:
        """Keep a waiting order."""
        self.orders[order.order_id] = order
        self.touch("order", order.order_id)

    def file_order(self, order: Order) -> None:
        """Move an order to the history."""
        if self.orders.pop(order.order_id, None) is not None:
            self.touch("order", order.order_id)
        self.done_orders.add(order)
        self.touch("done_order", order.order_id)

    def add_deal(self, deal: Deal) -> None:
        """Book a deal."""
        self.deals.add(deal)
        self.deals_of_position.setdefault(deal.position_id, []).append(deal.deal_id)
        self.touch("deal", deal.deal_id)

    def add_cash(self, cash: Cash) -> None:
        self.cash.add(cash)
        self.touch("cash", cash.balance_history_id)

    def add_bonus(self, bonus: Bonus) -> None:
        self.bonuses.add(bonus)
        self.touch("bonus", bonus.bonus_history_id)

    # Telling.

    def emit(self, event: Event) -> None:
        """Tell every listener, in order, what has just happened."""
        event.event_id = self.take("event")
        if not event.group_id and event.trader_id:
            event.group_id = self.traders[event.trader_id].group_id
        for listener in list(self.listeners):
            listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Receive every event from now on. Call the result to stop."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def load(self, kind: str, record: Any) -> None:
        """Take over a stored record of one kind, without telling anybody."""
        if kind == "trader":
            self._index(record)
        elif kind == "position":
            self.positions[record.position_id] = record
            self.held.setdefault(record.trader_id, {})[record.position_id] = record
        elif kind == "order":
            self.orders[record.order_id] = record
        elif kind == "deal":
            self.deals.add(record)
            self.deals_of_position.setdefault(record.position_id, []).append(record.deal_id)
        elif kind == "user":
            self.users[record.user_id] = record
        elif kind == "link":
            self.links[record.ctid_trader_account_id] = record
        else:
            timelines: dict[str, Timeline[Any]] = {
                "closed": self.closed, "done_order": self.done_orders, "cash": self.cash, "bonus": self.bonuses,
            }  # fmt: skip
            timelines[kind].add(record)


def instant(ms: int) -> datetime:
    """A time of the platform as an instant."""
    return datetime.fromtimestamp(ms / 1000, UTC)
