"""What is known of how well a platform is followed, as rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, GlobalModel, TenantModel, status_column
from app.kit.text import Message, _l
from app.trading.platforms.base import Trouble


def _of_platform() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"])


class LatencyKind(StrEnum):
    """What was timed: from receiving an event to its committed rows; a command's way to the platform and back,
    until its outcome stands in the database; the bare question that asks whether the platform is there."""

    EVENT = "event"
    COMMAND = "command"
    PING = "ping"


class GapReason(StrEnum):
    """Why something may have been missed."""

    START = "start"
    LINK = "link"
    BRIDGE = "bridge"
    OVERFLOW = "overflow"
    MOVED = "moved"
    ASKED = "asked"
    PLATFORM = "platform"

    @property
    def label(self) -> Message:
        return {
            "start": _l("The first reading"),
            "link": _l("The connection was lost"),
            "bridge": _l("The bridge missed something"),
            "overflow": _l("More came than could be stored"),
            "moved": _l("Another connector took over"),
            "asked": _l("Somebody asked for it"),
            "platform": _l("The platform left a number out"),
        }[self.value]


class IncidentKind(StrEnum):
    """What staff may be told of by mail."""

    LINK_DOWN = "link_down"
    UNKNOWN_MONEY = "unknown_money"
    DIFFERENCE = "difference"
    SUSPENSE = "suspense"
    BRIDGE_SILENT = "bridge_silent"
    SIGN_IN_STOPPED = "sign_in_stopped"

    @property
    def label(self) -> Message:
        return {
            "link_down": _l("The connection is down"),
            "unknown_money": _l("Money was sent and its outcome is unknown"),
            "difference": _l("The platform counts otherwise than we do"),
            "suspense": _l("Money moved that nobody has explained"),
            "bridge_silent": _l("The bridge is silent"),
            "sign_in_stopped": _l("The manager login is refused"),
        }[self.value]


class ConnectorPresence(GlobalModel):
    """A connector that lives."""

    __tablename__ = "connector_presence"

    name: Mapped[str] = mapped_column(Text(), primary_key=True)
    seen_at: Mapped[datetime]


class PlatformTrouble(BulkModel):
    """One piece of the work on a platform that fails now, and since when for the same reason."""

    __tablename__ = "platform_trouble"
    __table_args__ = (_of_platform(),)

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    trouble: Mapped[Trouble] = status_column(Trouble)
    detail: Mapped[str]
    since: Mapped[datetime]


class SyncLatency(BulkModel):
    """How long something took in one hour: so many in each bucket of `rules.BOUNDS_MS`, the last for all above."""

    __tablename__ = "sync_latency"
    __table_args__ = (_of_platform(),)

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    kind: Mapped[LatencyKind] = status_column(LatencyKind, primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    counts: Mapped[list[Any]]
    total: Mapped[int]
    slowest_ms: Mapped[Decimal]


class SyncGap(TenantModel):
    """A time in which something may have been missed. `deals` says what the reading that closed it brought."""

    __tablename__ = "sync_gap"
    __table_args__ = (_of_platform(),)

    platform_id: Mapped[UUID]
    reason: Mapped[GapReason] = status_column(GapReason)
    opened_at: Mapped[datetime]
    from_at: Mapped[datetime | None]
    batch_no: Mapped[int | None]  # The last batch before the reading that is to close it; none before one has begun.
    closed_at: Mapped[datetime | None]
    until_at: Mapped[datetime | None]
    deals: Mapped[int | None]


class SyncSubscription(BulkModel):
    """A member of staff wants mail about a platform."""

    __tablename__ = "sync_subscription"
    __table_args__ = (
        _of_platform(),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
    )

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    kinds: Mapped[list[Any]]
    link_down_minutes: Mapped[int]
    changed_at: Mapped[datetime]


class SyncIncident(TenantModel):
    """Something that staff should know, from its beginning to its end. One of a kind is open per platform."""

    __tablename__ = "sync_incident"
    __table_args__ = (_of_platform(),)

    platform_id: Mapped[UUID]
    kind: Mapped[IncidentKind] = status_column(IncidentKind)
    count: Mapped[int]
    detail: Mapped[str]
    opened_at: Mapped[datetime]
    calm_since: Mapped[datetime | None]  # It seems over; it ends when it stays so for a while.
    closed_at: Mapped[datetime | None]


class SyncIncidentMail(BulkModel):
    """Who was told of an incident, and of its end."""

    __tablename__ = "sync_incident_mail"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "incident_id"], ["sync_incident.tenant_id", "sync_incident.id"]),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
    )

    incident_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    sent_at: Mapped[datetime]
    end_sent_at: Mapped[datetime | None]
