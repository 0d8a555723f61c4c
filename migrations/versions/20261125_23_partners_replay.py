"""Commission: plans run over days of the past."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261125_23_partners_replay"
down_revision = "20261125_22_partners_drafts"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "plan_replay",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("draft_id", sa.Uuid),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("day_from", sa.Date, nullable=False),
        sa.Column("day_to", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("trades", sa.BigInteger, nullable=False),
        sa.Column("trades_done", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Numeric),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Uuid),
        sa.Column("asked_by_name", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "draft_id"], ["plan_draft.tenant_id", "plan_draft.id"]),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed', 'stopped')", name="plan_replay_state"),
    )
    isolate_by_tenant("plan_replay", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "plan_replay_total",
        sa.Column("tenant_id", sa.Integer, nullable=False),
        sa.Column("replay_id", sa.Uuid, nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("trades", sa.BigInteger, nullable=False),
        sa.Column("paid", EXACT, nullable=False),
        sa.Column("would_pay", EXACT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "replay_id", "view", "key"),
        sa.ForeignKeyConstraint(["tenant_id", "replay_id"], ["plan_replay.tenant_id", "plan_replay.id"]),
    )
    isolate_by_tenant("plan_replay_total", grant="SELECT, INSERT, DELETE")
