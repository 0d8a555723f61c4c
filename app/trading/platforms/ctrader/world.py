"""What one session knows of its environment, and how an event changes it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import structlog
from google.protobuf.message import Message

from app.trading.platforms.base import AccountRecord, Deal, DealKind, Entry, Position, Report
from app.trading.platforms.ctrader import deals as convert
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.catalogue import Catalogue
from app.trading.platforms.ctrader.deals import Signs
from app.trading.platforms.ctrader.positions import CLOSED, OPEN, Book, Quotes, position_of
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.session import Event
from app.trading.platforms.ctrader.traders import Trader, Traders, account_record

log = structlog.get_logger()

DELETE: Final = 4


class World:
    """Assets, accounts, positions and prices of one environment. Used by one task at a time per event."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self.catalogue = Catalogue()
        self.traders = Traders()
        self.book = Book()
        self.quotes = Quotes(self.catalogue)
        self.reversed: set[int] = set()  # Accounts with a new position that no event has shown.
        self._balances: dict[int, tuple[int, Decimal]] = {}  # Of each account: the last balance version, and balance.

    def begin(self, traders: Sequence[pb.ProtoTrader], positions: Sequence[pb.ProtoPosition]) -> None:
        """Start from a whole reading."""
        self.traders.replace_all(traders)
        self.book.replace_all(positions)
        self._balances = {}
        for row in traders:
            self.note_account(row)

    def take_trader(self, row: pb.ProtoTrader) -> None:
        """Take in an account that was read."""
        if self.traders.take(row):
            self.note_account(row)

    def note_account(self, row: pb.ProtoTrader) -> None:
        """Take the balance that an account begins with. Later ones come with what moved them: taken from the account
        itself they would hide a movement that was missed."""
        trader = self.traders.by_number(row.traderId)
        if trader is not None:
            self._balances.setdefault(trader.number, (trader.balance_version, trader.balance))

    def report(self, events: Sequence[Event]) -> Report:
        """What these events say, in one piece. Every account in them must be known (`unknown_traders`)."""
        reader = _Reader(self)
        for event in events:
            try:
                reader.read(event.message)
            except (ArithmeticError, ValueError):  # No number of ours: what it was about is read as a list instead.
                log.exception("ctrader.unreadable_event", event=event.message.DESCRIPTOR.name)
                trader = self.traders.by_number(_trader_number(event.message))
                reader.gaps |= {trader.login} if trader is not None else set()
        return Report(
            received_at=events[0].received_at,
            deals=list(reader.deals.values()),
            positions=list(reader.positions.values()),
            closed_positions=list(reader.closed),
            accounts=list(reader.accounts.values()),
            gaps=sorted(reader.gaps),
        )

    def unknown_traders(self, events: Sequence[Event]) -> list[int]:
        """Accounts that these events speak of and that were not seen before."""
        numbers = {_trader_number(event.message) for event in events}
        told = {e.message.trader.traderId for e in events if isinstance(e.message, pb.ProtoTraderChangedEvent)}
        return sorted(n for n in numbers - told if n and self.traders.by_number(n) is None)

    def trade_deal(self, row: pb.ProtoDeal, trader: Trader, before: Decimal | None = None) -> Deal:
        return convert.trade_deal(row, trader, self.catalogue, self.signs, before)

    def port_position(self, row: pb.ProtoPosition, trader: Trader) -> tuple[Position, bool]:
        return position_of(row, trader, self.catalogue, self.quotes)

    def balance_before(self, trader: int, version: int) -> Decimal | None:
        """The balance one version earlier, when that is the last one known."""
        known = self._balances.get(trader)
        return known[1] if known is not None and version and known[0] == version - 1 else None

    def balance_of(self, trader: Trader) -> Decimal:
        """The newest balance known of an account, by whatever told it."""
        known = self._balances.get(trader.number)
        return known[1] if known is not None and known[0] >= trader.balance_version else trader.balance

    def note_version(self, trader: int, version: int | None, balance: Decimal | None) -> bool:
        """Take a new balance of an account. Answers whether at least one change before it was missed."""
        if not version:
            return False
        known = self._balances.get(trader)
        if known is not None and version <= known[0]:
            return False
        if balance is not None:
            self._balances[trader] = (version, balance)
        elif known is not None:
            self._balances[trader] = (version, known[1])
        return known is not None and version > known[0] + 1


class _Reader:
    """Collects what a run of events says."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.deals: dict[int, Deal] = {}
        self.positions: dict[int, Position] = {}
        self.closed: set[int] = set()
        self.accounts: dict[int, AccountRecord] = {}
        self.gaps: set[int] = set()

    def read(self, message: Message) -> None:
        world = self._world
        if isinstance(message, pb.ProtoExecutionEvent):
            self._execution(message)
        elif isinstance(message, pb.ProtoTraderChangedEvent):
            self._trader(message)
        elif isinstance(message, pb.ProtoMarginChangedEvent):
            world.book.take_margin(message)
        elif isinstance(message, pb.ProtoGroupChangedEvent):
            world.catalogue.take_group(message.group)
        elif isinstance(message, pb.ProtoManagerSymbolChangedEvent):
            world.catalogue.take_symbol(message.symbol)
        elif isinstance(message, pb.ProtoTraderPermissionLoseEvent):
            log.warning("ctrader.account_out_of_sight", trader=message.traderId)
            world.traders.forget(message.traderId)

    def _trader(self, message: pb.ProtoTraderChangedEvent) -> None:
        world, row = self._world, message.trader
        if message.operation == DELETE or row.deleted:
            world.traders.forget(row.traderId)
            return
        if world.traders.take(row):
            world.note_account(row)
            self.accounts[row.login] = account_record(row, world.catalogue)

    def _execution(self, message: pb.ProtoExecutionEvent) -> None:
        world = self._world
        if message.HasField("position"):
            self._position(message.position)
        if message.HasField("deal") and convert.is_execution(message.deal):
            trader = world.traders.by_number(message.deal.traderId)
            if trader is not None:
                version = message.deal.closePositionDetail.balanceVersion
                before = world.balance_before(trader.number, version)
                deal = world.trade_deal(message.deal, trader, before)
                self._money(trader, deal)
                if deal.entry is Entry.INOUT:
                    world.reversed.add(trader.number)
        if message.HasField("depositWithdraw"):
            trader = world.traders.by_number(message.depositWithdraw.traderId)
            if trader is not None:
                self._money(trader, convert.cash_deal(message.depositWithdraw, trader))
                self._credit(trader, message.depositWithdraw)
        if message.HasField("bonusDepositWithdraw"):
            trader = world.traders.by_number(message.bonusDepositWithdraw.traderId)
            if trader is not None:
                self._money(trader, convert.bonus_deal(message.bonusDepositWithdraw, trader))

    def _money(self, trader: Trader, deal: Deal) -> None:
        self.deals[deal.ticket] = deal
        balance = None if deal.kind is DealKind.CREDIT else deal.balance_after
        if self._world.note_version(trader.number, deal.balance_version, balance):
            self.gaps.add(trader.login)

    def _credit(self, trader: Trader, row: pb.ProtoDepositWithdraw) -> None:
        if row.HasField("nonWithdrawableBonus"):
            digits = row.moneyDigits if row.HasField("moneyDigits") else trader.money_digits
            self._world.traders.note_credit(trader.number, units.money(row.nonWithdrawableBonus, digits))

    def _position(self, row: pb.ProtoPosition) -> None:
        world = self._world
        world.book.take(row)
        trader = world.traders.by_number(row.tradeData.traderId)
        if row.positionStatus == CLOSED:
            self.closed.add(row.positionId)
            self.positions.pop(row.positionId, None)
        elif row.positionStatus == OPEN and trader is not None:
            self.positions[row.positionId], _ = world.port_position(row, trader)


def _trader_number(message: Message) -> int:
    """The account that an event speaks of; 0 for none."""
    if isinstance(message, pb.ProtoExecutionEvent):
        for name in ("deal", "depositWithdraw", "bonusDepositWithdraw"):
            if message.HasField(name):
                return int(getattr(message, name).traderId)
        return message.position.tradeData.traderId
    return 0
