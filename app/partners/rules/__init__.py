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
from app.partners.rules.shares import Agreement, Share, share_out

__all__ = [
    "Agreement",
    "ClosedTrade",
    "Facts",
    "Line",
    "Outcome",
    "Path",
    "Person",
    "Quote",
    "Reason",
    "ReasonCode",
    "Share",
    "Upline",
    "settle_trade",
    "share_out",
    "spread_of",
]
