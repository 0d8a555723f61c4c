"""Commission: plans in the making."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261125_22_partners_drafts"
down_revision = "20261125_21_partners"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "plan_draft",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("examples", JSONB, nullable=False),
        sa.Column("based_on", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Uuid),
        sa.Column("changed_by_name", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("accepted_digest", sa.Text, nullable=False),
        sa.Column("accepted_by", sa.Uuid),
        sa.Column("accepted_by_name", sa.Text, nullable=False),
        sa.Column("published_number", sa.BigInteger),
        sa.Column("discarded_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    isolate_by_tenant("plan_draft", grant="SELECT, INSERT, UPDATE")
