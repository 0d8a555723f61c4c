"""Rights that somebody changed on the platform."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel


class AccessDrift(TenantModel):
    """One right of one account that was taken away or given back on the platform, and what we did about it.

    Append-only. `adopted`: the locks now say the same as the platform. `overwritten`: the platform is told again.
    """

    __tablename__ = "access_drift"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
    )

    account_id: Mapped[UUID]
    access_right: Mapped[str]  # The restricted function that goes with it.
    is_taken: Mapped[bool]
    handling: Mapped[str]
    found_at: Mapped[datetime]
