"""Agreements about shares. The shares themselves are read by SQL alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel, status_column
from app.kit.text import Message, _l, _lp


class AgreementStatus(StrEnum):
    WAITING = "waiting"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> Message:
        return {
            "waiting": _l("Waiting for the broker"),
            "agreed": _lp("share", "Agreed"),
            "refused": _lp("share", "Refused"),
            "withdrawn": _lp("share", "Withdrawn"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"waiting": "warning", "agreed": "success", "refused": "danger", "withdrawn": "neutral"}[self.value]


class ShareAgreement(TenantModel):
    """What somebody gives of each of their lines, from when to when (`valid_from` included, `valid_to` not).

    `rebate` goes to a client, or with no receiver to every client whom the partner brought in; `give` goes to a direct
    sub-partner, `take` from a sub-partner to the sponsor. One that waits has no beginning yet. Of one that is agreed
    only the end ever changes, so what held at any instant can be read again.
    """

    __tablename__ = "share_agreement"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "giver_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "receiver_id"], ["client.tenant_id", "client.id"]),
    )

    kind: Mapped[str]
    giver_id: Mapped[UUID]
    receiver_id: Mapped[UUID | None]
    track: Mapped[str]
    share: Mapped[Decimal]
    status: Mapped[AgreementStatus] = status_column(AgreementStatus)
    valid_from: Mapped[datetime | None]
    valid_to: Mapped[datetime]
    asked_by: Mapped[UUID | None]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str]
    request_id: Mapped[str]
