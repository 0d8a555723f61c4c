"""Moves that can be called off and undone, corrected attributions, who may bring in clients, and invitations."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.migrate import isolate_by_tenant

revision = "20261126_36_referrals"
down_revision = "20261126_35_settlement"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def client_key(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], ["client.tenant_id", "client.id"])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    moves()
    corrections()
    membership()


def moves() -> None:
    op.create_table(
        "tree_move",
        tenant(),
        needed("id", sa.Uuid),
        needed("client_id", sa.Uuid),
        sa.Column("old_parent_id", sa.Uuid),
        sa.Column("new_parent_id", sa.Uuid),
        needed("scope", sa.Text),
        needed("effective", sa.Text),
        needed("takes_effect_at", INSTANT),
        needed("reason", sa.Text),
        needed("people_count", sa.BigInteger),
        needed("status", sa.Text),
        needed("actor_kind", sa.Text),
        sa.Column("actor_id", sa.Uuid),
        needed("actor_name", sa.Text),
        needed("request_id", sa.Text),
        needed("created_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by_id", sa.Uuid),
        needed("ended_by_name", sa.Text, server_default=""),
        needed("end_reason", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        client_key("client_id"),
        client_key("old_parent_id"),
        client_key("new_parent_id"),
        sa.UniqueConstraint("tenant_id", "request_id", name="tree_move_request"),
        sa.CheckConstraint("scope IN ('single', 'structure')", name="tree_move_scope"),
        sa.CheckConstraint("effective IN ('immediate', 'next_settlement_day', 'dated')", name="tree_move_effective"),
        sa.CheckConstraint("status IN ('entered', 'cancelled', 'undone')", name="tree_move_status"),
        sa.CheckConstraint("(status = 'entered') = (ended_at IS NULL)", name="tree_move_ended"),
        sa.CheckConstraint("reason <> ''", name="tree_move_reason_given"),
    )
    op.create_index("tree_move_newest", "tree_move", ["tenant_id", "created_at", "id"])
    op.create_index("tree_move_client", "tree_move", ["tenant_id", "client_id", "created_at"])
    isolate_by_tenant(
        "tree_move",
        grant="SELECT, INSERT, UPDATE (status, people_count, ended_at, ended_by_id, ended_by_name, end_reason)",
    )
    # What a move did to which link; without `was_valid_to` it made the link. Undoing reads this backwards.
    op.create_table(
        "tree_move_link",
        tenant(),
        needed("move_id", sa.Uuid),
        needed("link_id", sa.Uuid),
        sa.Column("was_valid_to", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "move_id", "link_id"),
        sa.ForeignKeyConstraint(["tenant_id", "move_id"], ["tree_move.tenant_id", "tree_move.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "link_id"], ["partner_link.tenant_id", "partner_link.id"]),
    )
    isolate_by_tenant("tree_move_link", grant="SELECT, INSERT")


def corrections() -> None:
    op.create_table(
        "reattribution",
        tenant(),
        needed("id", sa.Uuid),
        needed("client_id", sa.Uuid),
        sa.Column("old_parent_id", sa.Uuid),
        sa.Column("new_parent_id", sa.Uuid),
        needed("since", INSTANT),
        needed("reason", sa.Text),
        needed("status", sa.Text),
        needed("trade_count", sa.BigInteger, server_default="0"),
        needed("proposed_by_id", sa.Uuid),
        needed("proposed_by_name", sa.Text),
        needed("proposed_at", INSTANT),
        sa.Column("decided_by_id", sa.Uuid),
        needed("decided_by_name", sa.Text, server_default=""),
        sa.Column("decided_at", INSTANT),
        needed("decision_note", sa.Text, server_default=""),
        needed("request_id", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        client_key("client_id"),
        client_key("old_parent_id"),
        client_key("new_parent_id"),
        sa.UniqueConstraint("tenant_id", "request_id", name="reattribution_request"),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'refused')", name="reattribution_status"),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="reattribution_decided"),
        sa.CheckConstraint("status <> 'approved' OR decided_by_id <> proposed_by_id", name="reattribution_two_people"),
    )
    op.create_index(
        "reattribution_open",
        "reattribution",
        ["tenant_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    isolate_by_tenant(
        "reattribution",
        grant="SELECT, INSERT, UPDATE (status, trade_count, decided_by_id, decided_by_name, decided_at, decision_note)",
    )
    op.create_table(
        "reattribution_link",
        tenant(),
        needed("reattribution_id", sa.Uuid),
        needed("link_id", sa.Uuid),
        sa.Column("was_valid_to", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "reattribution_id", "link_id"),
        sa.ForeignKeyConstraint(["tenant_id", "reattribution_id"], ["reattribution.tenant_id", "reattribution.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "link_id"], ["partner_link.tenant_id", "partner_link.id"]),
    )
    isolate_by_tenant("reattribution_link", grant="SELECT, INSERT")
    # The path on which a settled trade was paid before it was attributed anew: its lines are reversed by it.
    op.create_table(
        "reattributed_trade",
        tenant(),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("reattribution_id", sa.Uuid),
        needed("partner_ids", ARRAY(sa.Uuid)),
        needed("link_ids", ARRAY(sa.Uuid)),
        sa.PrimaryKeyConstraint("tenant_id", "trade_id", "revision"),
        sa.ForeignKeyConstraint(["tenant_id", "reattribution_id"], ["reattribution.tenant_id", "reattribution.id"]),
    )
    isolate_by_tenant("reattributed_trade", grant="SELECT, INSERT")


def membership() -> None:
    op.create_table(
        "referral_membership",
        tenant(),
        needed("client_id", sa.Uuid),
        needed("status", sa.Text),
        needed("source", sa.Text),
        needed("note", sa.Text, server_default=""),
        needed("applied_at", INSTANT),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by_id", sa.Uuid),
        needed("decided_by_name", sa.Text, server_default=""),
        needed("reason", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "client_id"),
        client_key("client_id"),
        sa.CheckConstraint("status IN ('applied', 'approved', 'refused', 'left')", name="referral_membership_status"),
        sa.CheckConstraint("source IN ('application', 'invitation', 'staff')", name="referral_membership_source"),
    )
    op.create_index(
        "referral_membership_waiting",
        "referral_membership",
        ["tenant_id", "applied_at"],
        postgresql_where=sa.text("status = 'applied'"),
    )
    op.create_index("referral_membership_newest", "referral_membership", ["tenant_id", "applied_at", "client_id"])
    isolate_by_tenant("referral_membership", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "sub_ib_invitation",
        tenant(),
        needed("id", sa.Uuid),
        needed("inviter_id", sa.Uuid),
        needed("email", sa.Text),
        needed("email_norm", sa.Text),
        needed("language", sa.Text),
        needed("status", sa.Text),
        needed("token_hash", sa.Text),
        sa.Column("give_share", sa.Numeric(5, 4)),
        sa.Column("take_share", sa.Numeric(5, 4)),
        needed("created_at", INSTANT),
        needed("sent_at", INSTANT),
        needed("sent_count", sa.BigInteger, server_default="1"),
        needed("expires_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("client_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        client_key("inviter_id"),
        client_key("client_id"),
        sa.UniqueConstraint("tenant_id", "token_hash", name="sub_ib_invitation_token"),
        sa.CheckConstraint("status IN ('sent', 'accepted', 'cancelled')", name="sub_ib_invitation_status"),
        sa.CheckConstraint("(status = 'sent') = (ended_at IS NULL)", name="sub_ib_invitation_ended"),
        sa.CheckConstraint("(status = 'accepted') = (client_id IS NOT NULL)", name="sub_ib_invitation_accepted"),
    )
    op.create_index("sub_ib_invitation_inviter", "sub_ib_invitation", ["tenant_id", "inviter_id", "created_at"])
    op.create_index("sub_ib_invitation_newest", "sub_ib_invitation", ["tenant_id", "created_at", "id"])
    op.create_index(
        "sub_ib_invitation_open",
        "sub_ib_invitation",
        ["tenant_id", "inviter_id", "email_norm"],
        unique=True,
        postgresql_where=sa.text("status = 'sent'"),
    )
    isolate_by_tenant(
        "sub_ib_invitation",
        grant="SELECT, INSERT, UPDATE (status, token_hash, sent_at, sent_count, expires_at, ended_at, client_id)",
    )


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
