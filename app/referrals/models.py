"""The sponsor tree as dated links, what moved and corrected them, and how people join it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import BulkModel, TenantModel, status_column
from app.kit.text import Message, _l


class PartnerLink(TenantModel):
    """Who sponsors whom from when to when (`valid_from` included, `valid_to` not).

    A child has one parent at any instant: the database excludes overlaps. Of a link only its end ever changes, so any
    path of the past can be read again.
    """

    __tablename__ = "partner_link"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "child_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "parent_id"], ["client.tenant_id", "client.id"]),
    )

    child_id: Mapped[UUID]
    parent_id: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    request_id: Mapped[str]
    created_at: Mapped[datetime]


class ReferralCode(BulkModel):
    """A code that attributes whoever registers with it. Every client has at least one from the first minute."""

    __tablename__ = "referral_code"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),)

    code: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    visits: Mapped[int]
    created_at: Mapped[datetime]


class MoveScope(StrEnum):
    """Who goes along when a client is moved."""

    STRUCTURE = "structure"
    SINGLE = "single"

    @property
    def label(self) -> Message:
        return {
            "structure": _l("With everybody below"),
            "single": _l("Alone; those below go to the former partner"),
        }[self.value]


class MoveStatus(StrEnum):
    ENTERED = "entered"
    CANCELLED = "cancelled"
    UNDONE = "undone"

    @property
    def label(self) -> Message:
        return {"entered": _l("Entered"), "cancelled": _l("Called off"), "undone": _l("Undone")}[self.value]

    @property
    def tone(self) -> str:
        return {"entered": "success", "cancelled": "neutral", "undone": "warning"}[self.value]


class TreeMove(TenantModel):
    """A client put below another partner, or below nobody, from an instant on. What it did to links stands beside it.

    Only how it ended changes: called off before it took effect, or undone after.
    """

    __tablename__ = "tree_move"

    client_id: Mapped[UUID]
    old_parent_id: Mapped[UUID | None]
    new_parent_id: Mapped[UUID | None]
    scope: Mapped[MoveScope] = status_column(MoveScope)
    effective: Mapped[str]
    takes_effect_at: Mapped[datetime]
    reason: Mapped[str]
    people_count: Mapped[int]
    status: Mapped[MoveStatus] = status_column(MoveStatus)
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    request_id: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None]
    ended_by_name: Mapped[str]
    end_reason: Mapped[str]

    def is_pending(self, now: datetime) -> bool:
        """Whether it is entered and takes effect later than `now`."""
        return self.status is MoveStatus.ENTERED and self.takes_effect_at > now


class TreeMoveLink(BulkModel):
    """A link that a move ended (`was_valid_to` says where it reached before) or made (`was_valid_to` is None)."""

    __tablename__ = "tree_move_link"

    move_id: Mapped[UUID] = mapped_column(primary_key=True)
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    was_valid_to: Mapped[datetime | None]


class ReattributionStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"

    @property
    def label(self) -> Message:
        return {
            "proposed": _l("Waits for a second person"),
            "approved": _l("Approved"),
            "refused": _l("Refused"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"proposed": "warning", "approved": "success", "refused": "neutral"}[self.value]


class Reattribution(TenantModel):
    """A wrong attribution to be put right from an instant of the past on. Approved by another person than proposed it.

    It changes what is known of the past, so trades that were settled on the wrong path are reversed and settled anew.
    """

    __tablename__ = "reattribution"

    client_id: Mapped[UUID]
    old_parent_id: Mapped[UUID | None]
    new_parent_id: Mapped[UUID | None]
    since: Mapped[datetime]
    reason: Mapped[str]
    status: Mapped[ReattributionStatus] = status_column(ReattributionStatus)
    trade_count: Mapped[int]
    proposed_by_id: Mapped[UUID]
    proposed_by_name: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str]
    request_id: Mapped[str]


class ReattributionLink(BulkModel):
    """A link that a correction ended, or made where `was_valid_to` is None."""

    __tablename__ = "reattribution_link"

    reattribution_id: Mapped[UUID] = mapped_column(primary_key=True)
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    was_valid_to: Mapped[datetime | None]


class MembershipStatus(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    LEFT = "left"

    @property
    def label(self) -> Message:
        return {
            "applied": _l("Applied"),
            "approved": _l("Approved"),
            "refused": _l("Refused"),
            "left": _l("Has left"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"applied": "warning", "approved": "success", "refused": "danger", "left": "neutral"}[self.value]


class ReferralMembership(BulkModel):
    """What was said about a client's taking part in the referral programme. Most clients of an open one have no row."""

    __tablename__ = "referral_membership"

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[MembershipStatus] = status_column(MembershipStatus)
    source: Mapped[str]
    note: Mapped[str]
    applied_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None]
    decided_by_name: Mapped[str]
    reason: Mapped[str]


class InvitationStatus(StrEnum):
    SENT = "sent"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"

    @property
    def label(self) -> Message:
        return {"sent": _l("Sent"), "accepted": _l("Accepted"), "cancelled": _l("Called off")}[self.value]

    @property
    def tone(self) -> str:
        return {"sent": "info", "accepted": "success", "cancelled": "neutral"}[self.value]


class SubIBInvitation(TenantModel):
    """A partner's invitation of somebody to be a partner below them, mailed as a link that works once.

    Only the hash of the link's secret is kept. The shares are what the inviter gives or takes from the day on which it
    is accepted.
    """

    __tablename__ = "sub_ib_invitation"

    inviter_id: Mapped[UUID]
    email: Mapped[str]
    email_norm: Mapped[str]
    language: Mapped[str]
    status: Mapped[InvitationStatus] = status_column(InvitationStatus)
    token_hash: Mapped[str]
    give_share: Mapped[Decimal | None]
    take_share: Mapped[Decimal | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    sent_count: Mapped[int]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    client_id: Mapped[UUID | None]

    def is_open(self, now: datetime) -> bool:
        """Whether it may still be accepted."""
        return self.status is InvitationStatus.SENT and now < self.expires_at
