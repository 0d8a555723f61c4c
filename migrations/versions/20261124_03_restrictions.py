"""The ban matrix: one row locks one function for one subject."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261124_03_restrictions"
down_revision = "20261124_02_identity"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "restriction",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("function", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("public_note", sa.Text, nullable=False),
        sa.Column("internal_note", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("set_by", sa.Uuid),
        sa.Column("set_by_name", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("lifted_at", INSTANT),
        sa.Column("lifted_by", sa.Uuid),
        sa.Column("lifted_by_name", sa.Text),
        sa.Column("lift_reason", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.CheckConstraint("mode IN ('deny')", name="restriction_mode"),
        sa.CheckConstraint("source IN ('rule', 'person', 'api', 'platform')", name="restriction_source"),
        sa.CheckConstraint("expires_at IS NULL OR expires_at > starts_at", name="restriction_period"),
        sa.CheckConstraint("(lifted_at IS NULL) = (lift_reason IS NULL)", name="restriction_lift"),
    )
    op.create_index(
        "ix_restriction_unlifted",
        "restriction",
        ["tenant_id", "function", "subject_type", "subject_id"],
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index("ix_restriction_subject", "restriction", ["tenant_id", "subject_type", "subject_id", "created_at"])
    isolate_by_tenant("restriction", grant="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
