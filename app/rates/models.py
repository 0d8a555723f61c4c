"""Where reference rates are kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import GlobalModel


class ReferenceRate(GlobalModel):
    """How many units of a currency one euro bought on a day. Published once; a reload may correct it."""

    __tablename__ = "reference_rate"

    currency: Mapped[str] = mapped_column(primary_key=True)
    quoted_on: Mapped[date] = mapped_column(primary_key=True)
    per_euro: Mapped[Decimal]
