"""The commission rules as a slow, plain, pure function. `app.partners.settlement` does the same over many rows."""

from app.partners.rules.engine import settle_trade, spread_of
from app.partners.rules.facts import (
    ClosedTrade,
    Facts,
    Line,
    Outcome,
    Path,
    Person,
    Quote,
    Reason,
    ReasonCode,
    Upline,
)

__all__ = [
    "ClosedTrade",
    "Facts",
    "Line",
    "Outcome",
    "Path",
    "Person",
    "Quote",
    "Reason",
    "ReasonCode",
    "Upline",
    "settle_trade",
    "spread_of",
]
