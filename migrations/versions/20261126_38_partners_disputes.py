"""Commission: disputes with their threads and evidence, and replays that go on after the last finished day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261126_38_partners_disputes"
down_revision = "20261126_37_partners_portal"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "commission_dispute",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("trade_id", sa.BigInteger),
        sa.Column("revision", sa.Integer),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("award_kind", sa.Text, nullable=False),
        sa.Column("award_key", sa.Text, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("opened_by", sa.Uuid, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("reminded_at", INSTANT),
        sa.Column("proposed_amount", EXACT),
        sa.Column("proposed_by", sa.Uuid),
        sa.Column("proposed_by_name", sa.Text, nullable=False),
        sa.Column("proposed_at", INSTANT),
        sa.Column("proposed_text", sa.Text, nullable=False),
        sa.Column("people_needed", sa.SmallInteger, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("correction", EXACT),
        sa.Column("correction_on", sa.Date),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "number", name="commission_dispute_number"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.CheckConstraint("subject IN ('line', 'reason', 'award')", name="commission_dispute_subject"),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'accepted', 'refused', 'withdrawn')", name="commission_dispute_state"
        ),
        sa.CheckConstraint("(correction IS NOT NULL) = (state = 'accepted')", name="commission_dispute_correction"),
        sa.CheckConstraint("correction > 0", name="commission_dispute_correction_positive"),
        sa.CheckConstraint(
            "state <> 'accepted' OR people_needed < 2 OR decided_by <> proposed_by",
            name="commission_dispute_two_people",
        ),
    )
    op.execute(
        "CREATE UNIQUE INDEX commission_dispute_once ON commission_dispute"
        " (tenant_id, partner_id, subject, coalesce(trade_id, 0), coalesce(revision, 0), track, component, award_kind,"
        " award_key) WHERE state IN ('open', 'answered')"
    )
    op.create_index("ix_commission_dispute_queue", "commission_dispute", ["tenant_id", "state", "due_at"])
    op.create_index("ix_commission_dispute_partner", "commission_dispute", ["tenant_id", "partner_id", "opened_at"])
    isolate_by_tenant("commission_dispute", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "commission_dispute_message",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("dispute_id", sa.Uuid, nullable=False),
        sa.Column("author_kind", sa.Text, nullable=False),
        sa.Column("author_id", sa.Uuid),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "dispute_id"], ["commission_dispute.tenant_id", "commission_dispute.id"]),
        sa.CheckConstraint("author_kind IN ('partner', 'staff', 'system')", name="commission_dispute_message_author"),
        sa.CheckConstraint("kind IN ('message', 'note', 'act')", name="commission_dispute_message_kind"),
    )
    op.create_index(
        "ix_commission_dispute_message", "commission_dispute_message", ["tenant_id", "dispute_id", "created_at"]
    )
    isolate_by_tenant("commission_dispute_message", grant="SELECT, INSERT")
    op.create_table(
        "commission_dispute_evidence",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("dispute_id", sa.Uuid, nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "dispute_id"),
        sa.ForeignKeyConstraint(["tenant_id", "dispute_id"], ["commission_dispute.tenant_id", "commission_dispute.id"]),
    )
    isolate_by_tenant("commission_dispute_evidence", grant="SELECT, INSERT")
    op.execute("ALTER TABLE plan_replay ADD COLUMN done_until date")  # The last day whose figures are kept.
    op.execute("GRANT UPDATE ON plan_replay_total TO kontor_app")
