"""The path on which a trade was settled before its client was attributed anew."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel


class ReattributedTrade(BulkModel):
    """Who stood above the client, nearest first, when a revision of a trade was settled: its lines are reversed by it.

    Links say what is true of the past as it is known now. What was believed when money was paid stands here.
    """

    __tablename__ = "reattributed_trade"

    trade_id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    reattribution_id: Mapped[UUID]
    partner_ids: Mapped[list[UUID]]
    link_ids: Mapped[list[UUID]]
