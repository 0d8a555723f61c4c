"""Named keys of programs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel
from app.kit.text import Message, _l, _lp


class ApiToken(TenantModel):
    """A key with which a program reads its owner's data. Of the secret only a hash and its last signs are kept."""

    __tablename__ = "api_token"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),)

    client_id: Mapped[UUID]
    name: Mapped[str]
    secret_hash: Mapped[bytes]
    hint: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    def state_at(self, now: datetime) -> tuple[Message, str]:
        """What a page says of it, and in which tone."""
        if self.withdrawn_at is not None:
            return _lp("token", "Withdrawn"), "neutral"
        if self.expires_at <= now:
            return _lp("token", "Expired"), "neutral"
        return _l("In force"), "success"
