"""The sponsor tree with its history, and the codes by which people join it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261124_07_referrals"
down_revision = "20261124_06_clients"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "partner_link",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("parent_id", sa.Uuid, nullable=False),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("valid_to", INSTANT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("actor_name", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "child_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "parent_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "request_id", name="partner_link_request"),
        sa.CheckConstraint("child_id <> parent_id", name="partner_link_not_self"),
        sa.CheckConstraint("valid_from <= valid_to", name="partner_link_forward"),  # Equal: called off before it began.
        sa.CheckConstraint("reason <> ''", name="partner_link_reason_given"),
    )
    op.execute(
        "ALTER TABLE partner_link ADD CONSTRAINT partner_link_one_parent EXCLUDE USING gist"
        " (tenant_id WITH =, child_id WITH =, tstzrange(valid_from, valid_to) WITH &&)"
    )
    op.create_index("partner_link_child", "partner_link", ["tenant_id", "child_id", "valid_from"])
    op.create_index("partner_link_parent", "partner_link", ["tenant_id", "parent_id", "valid_to", "child_id"])
    # Only the end of a link ever changes: what was true stays true.
    isolate_by_tenant("partner_link", grant="SELECT, INSERT, UPDATE (valid_to)")
    op.create_table(
        "referral_code",
        tenant(),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("visits", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "code"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
    )
    op.create_index("referral_code_client", "referral_code", ["tenant_id", "client_id", "created_at"])
    isolate_by_tenant("referral_code", grant="SELECT, INSERT, UPDATE (visits)")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
