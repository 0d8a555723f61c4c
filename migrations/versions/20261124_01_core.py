"""Tenants, their hosts and secrets, the outbox, leases and heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import grant_global, isolate_by_tenant

revision = "20261124_01_core"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("GRANT USAGE ON SCHEMA public TO kontor_app, kontor_batch, kontor_definer")
    op.create_table(
        "tenant",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("is_sandbox", sa.Boolean, nullable=False),
        sa.Column("business_offset_seconds", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("config_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name="tenant_status"),
        sa.CheckConstraint("business_offset_seconds >= 0", name="tenant_clock_forward"),
        sa.CheckConstraint("is_sandbox OR business_offset_seconds = 0", name="tenant_clock_sandbox"),
    )
    grant_global("tenant")
    op.execute(
        "INSERT INTO tenant (id, slug, name, status, is_sandbox, created_at)"
        " VALUES (0, 'operator', 'Operator', 'active', false, now())"
    )
    op.create_table(
        "tenant_host",
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False, server_default="true"),
        sa.CheckConstraint("audience IN ('cabinet', 'office', 'partner', 'operator', 'api')", name="host_audience"),
    )
    grant_global("tenant_host")
    op.create_table(
        "instance_lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    grant_global("instance_lease", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "process_heartbeat",
        sa.Column("process", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("beat_at", INSTANT, nullable=False),
        sa.Column("facts", JSONB, nullable=False, server_default="{}"),
    )
    grant_global("process_heartbeat", app="SELECT, INSERT, UPDATE, DELETE")

    op.create_table(
        "tenant_config",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("applied_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "version"),
    )
    isolate_by_tenant("tenant_config", grant="SELECT, INSERT")
    op.create_table(
        "tenant_data_key",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "version"),
    )
    isolate_by_tenant("tenant_data_key", grant="SELECT, INSERT, UPDATE", batch_grant="SELECT, UPDATE")
    op.create_table(
        "tenant_secret",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("tail", sa.Text, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name"),
        sa.ForeignKeyConstraint(["tenant_id", "key_version"], ["tenant_data_key.tenant_id", "tenant_data_key.version"]),
    )
    isolate_by_tenant("tenant_secret")

    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        sa.Column("failed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("outbox_due", "outbox", ["tenant_id", "due_at"], postgresql_where=sa.text("failed_at IS NULL"))
    isolate_by_tenant("outbox", batch_grant="SELECT, INSERT, UPDATE, DELETE")

    op.create_table(
        "stored_file",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    isolate_by_tenant("stored_file", grant="SELECT, INSERT")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
