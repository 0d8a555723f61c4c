"""What is open, the prices it stands at, and what it is worth in the account's currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from app.trading.platforms.base import Position, Side
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.catalogue import Catalogue
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.traders import Trader

OPEN: Final = 1
CLOSED: Final = 2
_BUY: Final = 1
_CROSS: Final = "USD"


@dataclass(slots=True)
class Quote:
    """The last known prices of an instrument; a side that was never told is missing."""

    bid: Decimal | None = None
    ask: Decimal | None = None


class Quotes:
    """The last price of each instrument that was asked for, and the rates between assets that follow from them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._quotes: dict[int, Quote] = {}
        self._rates: dict[tuple[int, int], Decimal | None] = {}  # What follows from the quotes: until the next one.
        self.asked: set[int] = set()

    def forget(self) -> None:
        """A new connection has nothing asked for, and old prices are no prices."""
        self._quotes, self._rates, self.asked = {}, {}, set()

    def take(self, event: pb.ProtoSpotEvent) -> None:
        self._rates.clear()
        quote = self._quotes.setdefault(event.symbolId, Quote())
        if event.bid:
            quote.bid = units.quoted(event.bid)
        if event.ask:
            quote.ask = units.quoted(event.ask)

    def closing_price(self, symbol: int, side: Side) -> Decimal | None:
        """What a position of this side would be closed at now."""
        quote = self._quotes.get(symbol)
        if quote is None:
            return None
        return quote.bid if side is Side.BUY else quote.ask

    def rate(self, source: int, target: int) -> Decimal | None:
        """How much of `target` one unit of `source` is worth, directly or by way of the dollar; None while a price is
        missing."""
        if (source, target) not in self._rates:
            self._rates[source, target] = self._rate(source, target)
        return self._rates[source, target]

    def _rate(self, source: int, target: int) -> Decimal | None:
        way = self.way(source, target)
        rate = Decimal(1)
        for symbol, is_inverse in way:
            quote = self._quotes.get(symbol)
            if quote is None or quote.bid is None or quote.ask is None:
                return None
            middle = (quote.bid + quote.ask) / 2
            rate = rate / middle if is_inverse else rate * middle
        return rate if source == target or way else None

    def way(self, source: int, target: int) -> list[tuple[int, bool]]:
        """The instruments that lead from one asset to another, and whether each is quoted the other way round."""
        if source == target:
            return []
        direct = self._pair(source, target)
        if direct is not None:
            return [direct]
        for asset in self._catalogue.assets.values():
            if asset.name == _CROSS and asset.number not in (source, target):
                first, second = self._pair(source, asset.number), self._pair(asset.number, target)
                return [first, second] if first and second else []
        return []

    def _pair(self, source: int, target: int) -> tuple[int, bool] | None:
        pairs = self._catalogue.pairs
        if (source, target) in pairs:
            return pairs[source, target], False
        if (target, source) in pairs:
            return pairs[target, source], True
        return None


class Book:
    """The open positions of every account that the manager login may see."""

    def __init__(self) -> None:
        self._rows: dict[int, pb.ProtoPosition] = {}
        self._of: dict[int, set[int]] = {}

    def replace_all(self, rows: Iterable[pb.ProtoPosition]) -> None:
        self._rows, self._of = {}, {}
        for row in rows:
            self.take(row)

    def replace_of(self, trader: int, rows: Iterable[pb.ProtoPosition]) -> None:
        for number in self._of.pop(trader, set()):
            self._rows.pop(number, None)
        for row in rows:
            self.take(row)

    def take(self, row: pb.ProtoPosition) -> None:
        """Take a position as it is reported; one that is not open is dropped. An older state than known is not news."""
        known = self._rows.get(row.positionId)
        if known is not None and row.utcLastUpdateTimestamp < known.utcLastUpdateTimestamp:
            return
        trader = row.tradeData.traderId or (known.tradeData.traderId if known else 0)
        if row.positionStatus == OPEN:
            self._rows[row.positionId] = row
            self._of.setdefault(trader, set()).add(row.positionId)
        else:
            self._rows.pop(row.positionId, None)
            self._of.get(trader, set()).discard(row.positionId)

    def take_margin(self, event: pb.ProtoMarginChangedEvent) -> None:
        row = self._rows.get(event.positionId)
        if row is not None:
            row.usedMargin = event.usedMargin
            if event.HasField("moneyDigits"):
                row.moneyDigits = event.moneyDigits

    def of(self, trader: int) -> list[pb.ProtoPosition]:
        return [self._rows[number] for number in sorted(self._of.get(trader, ()))]


def margin_of(rows: Iterable[pb.ProtoPosition], trader: Trader) -> Decimal:
    """What these positions tie up, in the account's currency."""
    digits = trader.money_digits
    return sum(
        (units.money(row.usedMargin, row.moneyDigits if row.HasField("moneyDigits") else digits) for row in rows),
        Decimal(0),
    )


def position_of(row: pb.ProtoPosition, trader: Trader, catalogue: Catalogue, quotes: Quotes) -> tuple[Position, bool]:
    """A position as the port shows it, and whether its profit is known: without a price it stands at what it was
    opened at."""
    data = row.tradeData
    instrument = catalogue.instrument(data.symbolId, data.lotSize)
    digits = row.moneyDigits if row.HasField("moneyDigits") else trader.money_digits
    side = Side.BUY if data.tradeSide == _BUY else Side.SELL
    opened = units.price(row.price, instrument.digits)
    price = quotes.closing_price(data.symbolId, side)
    rate = quotes.rate(instrument.quote, trader.asset)
    profit = Decimal(0)
    if price is not None and rate is not None:
        move = price - opened if side is Side.BUY else opened - price
        profit = (move * units.units(data.volume) * rate).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    position = Position(
        ticket=row.positionId,
        login=trader.login,
        symbol=instrument.name,
        side=side,
        volume_lots=units.lots(data.volume, data.lotSize or instrument.lot_size),
        open_price=opened,
        current_price=price if price is not None else opened,
        stop_loss=units.price(row.stopLoss, instrument.digits) if row.stopLoss else None,
        take_profit=units.price(row.takeProfit, instrument.digits) if row.takeProfit else None,
        profit=profit,
        swap=units.money(row.swap, digits),
        opened_server_msc=data.openTimestamp,
    )
    return position, price is not None and rate is not None
