"""Prices for every simulator: real exchange-rate history, replayed, with a seeded path between the daily points."""

from app.simulators.market.clock import SimClock
from app.simulators.market.history import ReferenceRates, reference_rates
from app.simulators.market.quotes import INSTRUMENTS, Instrument, Market, Quote

__all__ = [
    "INSTRUMENTS",
    "Instrument",
    "Market",
    "Quote",
    "ReferenceRates",
    "SimClock",
    "reference_rates",
]
