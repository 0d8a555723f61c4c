"""A plan in the making."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel
from app.partners.plan import Plan


class PlanDraft(TenantModel):
    """A plan that nobody is paid by yet. Its `examples` must come out right before it is published."""

    __tablename__ = "plan_draft"

    body: Mapped[dict[str, Any]]
    examples: Mapped[list[Any]]
    based_on: Mapped[int | None]  # The version that it began as.
    revision: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID | None]
    changed_by_name: Mapped[str]
    created_at: Mapped[datetime]
    accepted_digest: Mapped[str]  # The plan whose losses somebody has accepted; another one needs another word.
    accepted_by: Mapped[UUID | None]
    accepted_by_name: Mapped[str]
    published_number: Mapped[int | None]
    discarded_at: Mapped[datetime | None]

    @property
    def plan(self) -> Plan:
        """The plan as it stands."""
        return msgspec.convert(self.body, Plan, strict=False)

    @property
    def is_open(self) -> bool:
        return self.published_number is None and self.discarded_at is None
