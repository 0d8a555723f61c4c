"""What trading costs by a group's commission profile."""

from __future__ import annotations

from decimal import Decimal

from app.simulators.ctrader.catalogue import Symbol
from app.simulators.ctrader.config import CommissionProfile
from app.simulators.ctrader.enums import CommissionType
from app.simulators.ctrader.margin import to_deposit
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant

_CENTS = Decimal(100)
_MILLION = Decimal(1_000_000)
_RATE_SCALE = Decimal(10) ** 8
_PERCENT_SCALE = Decimal(10) ** 5 * 100


def commission_of(
    plant: Plant, trader: Trader, symbol: Symbol, profile: CommissionProfile | None, volume: int, price: Decimal
) -> int:
    """What one side costs, in the deposit asset."""
    if profile is None:
        return 0
    units, now, dollar = Decimal(volume) / _CENTS, plant.now(), plant.assets[1]
    deposit = plant.asset_of(trader)
    kind = CommissionType(profile.type)
    if kind is CommissionType.USD_PER_MILLION_USD:
        turnover = units * _in_dollars(plant, symbol, price)
        cost = turnover * profile.rate / _RATE_SCALE / _MILLION * plant.prices.conversion(dollar, deposit, now)
    elif kind is CommissionType.USD_PER_LOT:
        lots = Decimal(volume) / symbol.lot_size
        cost = lots * profile.rate / _RATE_SCALE * plant.prices.conversion(dollar, deposit, now)
    elif kind is CommissionType.QUOTE_CCY_PER_LOT:
        lots = Decimal(volume) / symbol.lot_size
        cost = lots * profile.rate / _RATE_SCALE * to_deposit(plant, trader, symbol)
    else:
        cost = units * price * profile.rate / _PERCENT_SCALE * to_deposit(plant, trader, symbol)
    return plant.minor(cost, trader)


def _in_dollars(plant: Plant, symbol: Symbol, price: Decimal) -> Decimal:
    """Dollars for one unit of the base asset."""
    if symbol.quote.name == "USD":
        return price
    return plant.prices.conversion(symbol.base, plant.assets[1], plant.now())
