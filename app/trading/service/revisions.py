"""Closed trades that others ask to be read again, although no platform has corrected them."""

from __future__ import annotations

from collections.abc import Sequence

from app.kit import clock
from app.trading.queries import ingest


def revise(trade_ids: Sequence[int]) -> None:
    """Give these closed trades their next revision, so that every feed meets them again. Their numbers stay."""
    if not trade_ids:
        return
    batch_no, _last_id = ingest.next_batch(is_small=len(trade_ids) <= 500)
    ingest.revise_closed_trades(trade_ids, batch_no, clock.now())
