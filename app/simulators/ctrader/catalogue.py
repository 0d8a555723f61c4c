"""Assets, symbols and countries, and what things cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from app.simulators.market import Market, Quote
from app.simulators.market.path import uniform


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency, or what a symbol is made of. Balance operations count 10^-`digits`, records 10^-`money_digits`."""

    id: int
    name: str
    description: str
    digits: int = 2
    money_digits: int = 2
    type: int = 1
    is_deposit: bool = True


ASSETS = (
    Asset(1, "USD", "US Dollar"),
    Asset(2, "EUR", "Euro"),
    Asset(3, "GBP", "British Pound"),
    Asset(4, "JPY", "Japanese Yen", digits=0),
    Asset(5, "CHF", "Swiss Franc"),
    Asset(6, "AUD", "Australian Dollar"),
    Asset(7, "CAD", "Canadian Dollar"),
    Asset(8, "KZT", "Kazakhstani Tenge"),
    Asset(9, "AED", "UAE Dirham"),
    Asset(10, "BTC", "Bitcoin", digits=8, money_digits=8, type=6),
    Asset(21, "XAU", "Gold, ounce", type=2, is_deposit=False),
    Asset(22, "US500", "US 500 index", type=3, is_deposit=False),
)

# What the European Central Bank does not publish moves with something that it does.
_PEGS = {
    "KZT": ("USD", "472.5"),
    "AED": ("USD", "3.6725"),
    "BTC": ("SEK", "0.0000016"),
    "XAU": ("CHF", "0.00045"),
    "US500": ("CAD", "0.000135"),
}


@dataclass(frozen=True, slots=True)
class Symbol:
    """An instrument. `lot_size` counts hundredths of a base unit, as volumes do."""

    id: int
    name: str
    description: str
    base: Asset
    quote: Asset
    digits: int
    pip_position: int
    lot_size: int
    spread_points: int
    category: int
    swap_long_points: Decimal
    swap_short_points: Decimal
    volume_step: int

    @property
    def point(self) -> Decimal:
        return Decimal(1).scaleb(-self.digits)


_BY_NAME = {asset.name: asset for asset in ASSETS}
CLASSES = ((1, "Forex"), (2, "Metals"), (3, "Indices"), (4, "Crypto"))
CATEGORIES = ((1, 1, "Forex"), (2, 2, "Metals"), (3, 3, "Indices"), (4, 4, "Crypto"))


def _pair(
    number: int,
    name: str,
    description: str,
    base: str,
    quote: str,
    *,
    digits: int = 5,
    pip: int = 4,
    lot: int = 10_000_000,
    spread: int = 10,
    category: int = 1,
    swap: tuple[str, str] = ("-6.4", "1.2"),
    step: int = 100_000,
) -> Symbol:
    swap_long, swap_short = Decimal(swap[0]), Decimal(swap[1])
    sides = _BY_NAME[base], _BY_NAME[quote]
    return Symbol(number, name, description, *sides, digits, pip, lot, spread, category, swap_long, swap_short, step)


SYMBOLS = (
    _pair(1, "EURUSD", "Euro vs US Dollar", "EUR", "USD"),
    _pair(2, "GBPUSD", "British Pound vs US Dollar", "GBP", "USD", spread=13),
    _pair(4, "USDJPY", "US Dollar vs Japanese Yen", "USD", "JPY", digits=3, pip=2, swap=("4.1", "-9.8")),
    _pair(6, "USDCHF", "US Dollar vs Swiss Franc", "USD", "CHF", spread=15),
    _pair(7, "AUDUSD", "Australian Dollar vs US Dollar", "AUD", "USD", spread=14),
    _pair(9, "EURGBP", "Euro vs British Pound", "EUR", "GBP", spread=14),
    _pair(
        41, "XAUUSD", "Gold vs US Dollar", "XAU", "USD",
        digits=2, pip=1, lot=10_000, spread=18, category=2, swap=("-31.5", "12.4"), step=100,
    ),
    _pair(
        60, "US500", "US 500 index", "US500", "USD",
        digits=1, pip=0, lot=100, spread=4, category=3, swap=("-9.1", "2.2"), step=10,
    ),
    _pair(
        70, "BTCUSD", "Bitcoin vs US Dollar", "BTC", "USD",
        digits=2, pip=0, lot=100, spread=2400, category=4, swap=("-1200", "-400"), step=1,
    ),
)  # fmt: skip

COUNTRIES = (
    (40, "Austria", "AT"),
    (56, "Belgium", "BE"),
    (76, "Brazil", "BR"),
    (196, "Cyprus", "CY"),
    (250, "France", "FR"),
    (276, "Germany", "DE"),
    (398, "Kazakhstan", "KZ"),
    (414, "Kuwait", "KW"),
    (528, "Netherlands", "NL"),
    (634, "Qatar", "QA"),
    (643, "Russian Federation", "RU"),
    (682, "Saudi Arabia", "SA"),
    (710, "South Africa", "ZA"),
    (724, "Spain", "ES"),
    (784, "United Arab Emirates", "AE"),
    (826, "United Kingdom", "GB"),
    (840, "United States", "US"),
)


class Prices:
    """What symbols cost at an instant: the liquidity provider's quote, without anybody's markup."""

    def __init__(self, seed: int, begins_at: datetime) -> None:
        self._seed = seed
        self.market = Market(seed, begins_at=begins_at, pegs=_PEGS)
        self.fixed: dict[str, Quote] = {}

    def quote(self, symbol: Symbol, at: datetime) -> Quote:
        """Bid and ask. A price that was fixed by hand stays until it is released."""
        fixed = self.fixed.get(symbol.name)
        if fixed is not None:
            return Quote(fixed.bid, fixed.ask, at)
        middle = self.market.conversion(symbol.base.name, symbol.quote.name, at)
        factor = 0.7 + 0.7 * uniform(f"{self._seed}:{symbol.name}:{int(at.timestamp()) // 60}")
        spread = symbol.point * max(1, round(symbol.spread_points * factor))
        bid = (middle - spread / 2).quantize(symbol.point, rounding=ROUND_HALF_UP)
        return Quote(bid, bid + spread, at)

    def conversion(self, base: Asset, quote: Asset, at: datetime) -> Decimal:
        """Units of `quote` for one of `base`. Prices fixed by hand count here too."""
        if base.id == quote.id:
            return Decimal(1)
        for first, second, is_turned in ((base, quote, False), (quote, base, True)):
            fixed = self.fixed.get(first.name + second.name)
            if fixed is not None:
                return 1 / fixed.bid if is_turned else fixed.bid
        rate = self.market.conversion(base.name, quote.name, at)
        # Eight places are too few where one unit buys very little of the other.
        return rate if rate > Decimal("0.01") else 1 / self.market.conversion(quote.name, base.name, at)
