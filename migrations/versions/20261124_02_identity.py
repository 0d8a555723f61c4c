"""The audit chain, mail, and identity: users, roles, sessions, mailed links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261124_02_identity"
down_revision = "20261124_01_core"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant_column() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    audit_tables()
    mail_tables()
    identity_tables()


def audit_tables() -> None:
    op.create_table(
        "audit_record",
        tenant_column(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("actor_name", sa.Text, nullable=False),
        sa.Column("ip", sa.Text, nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object_type", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Uuid),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("value_salt", sa.Text, nullable=False),
        sa.Column("value_hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.CheckConstraint(
            "actor_kind IN ('client', 'staff', 'operator', 'system', 'visitor')", name="audit_record_actor_kind"
        ),
    )
    op.create_index("ix_audit_record_at", "audit_record", ["tenant_id", "at"])
    op.create_index("ix_audit_record_object", "audit_record", ["tenant_id", "object_type", "object_id"])
    op.create_index("ix_audit_record_client", "audit_record", ["tenant_id", "client_id", "at"])
    op.create_index("ix_audit_record_actor", "audit_record", ["tenant_id", "actor_id", "at"])
    isolate_by_tenant("audit_record", grant="SELECT, INSERT")  # Append-only.

    op.create_table(
        "audit_pending",
        tenant_column(),
        sa.Column("record_id", sa.Uuid, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "record_id"),
        sa.ForeignKeyConstraint(["tenant_id", "record_id"], ["audit_record.tenant_id", "audit_record.id"]),
    )
    isolate_by_tenant("audit_pending", grant="SELECT, INSERT, DELETE")

    op.create_table(
        "audit_link",
        tenant_column(),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("record_id", sa.Uuid, nullable=False),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq"),
        sa.UniqueConstraint("tenant_id", "record_id"),
        sa.ForeignKeyConstraint(["tenant_id", "record_id"], ["audit_record.tenant_id", "audit_record.id"]),
        sa.CheckConstraint("seq > 0", name="audit_link_seq"),
    )
    isolate_by_tenant("audit_link", grant="SELECT, INSERT")  # Append-only.


def mail_tables() -> None:
    op.create_table(
        "mail",
        tenant_column(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("to_email", sa.Text, nullable=False),
        sa.Column("to_name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.CheckConstraint("status IN ('queued', 'sent', 'mailbox')", name="mail_status"),
    )
    op.create_index("ix_mail_created", "mail", ["tenant_id", "created_at"])
    isolate_by_tenant("mail", grant="SELECT, INSERT, UPDATE")


def identity_tables() -> None:
    op.create_table(
        "identity_user",
        tenant_column(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_norm", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("theme", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("client_id", sa.Uuid),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_sign_in_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "kind", "email_norm"),
        sa.UniqueConstraint("tenant_id", "client_id"),
        sa.CheckConstraint("kind IN ('client', 'staff', 'operator')", name="identity_user_kind"),
        sa.CheckConstraint("(kind = 'operator') = (tenant_id = 0)", name="identity_user_realm"),
        sa.CheckConstraint("(kind = 'client') = (client_id IS NOT NULL)", name="identity_user_client"),
        sa.CheckConstraint("status IN ('invited', 'active', 'disabled')", name="identity_user_status"),
        sa.CheckConstraint("theme IN ('auto', 'light', 'dark')", name="identity_user_theme"),
    )
    isolate_by_tenant("identity_user", grant="SELECT, INSERT, UPDATE")

    op.create_table(
        "credential_password",
        tenant_column(),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id"),
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
    )
    isolate_by_tenant("credential_password")

    op.create_table(
        "user_role",
        tenant_column(),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "role"),
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
    )
    op.create_index("ix_user_role_role", "user_role", ["tenant_id", "role"])
    isolate_by_tenant("user_role")

    op.create_table(
        "user_session",
        tenant_column(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("ip", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("fresh_until", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("end_reason", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "token_hash"),
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        sa.CheckConstraint("audience IN ('cabinet', 'partner', 'office', 'operator')", name="user_session_audience"),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="user_session_end"),
    )
    op.create_index(
        "ix_user_session_live", "user_session", ["tenant_id", "user_id"], postgresql_where=sa.text("ended_at IS NULL")
    )
    isolate_by_tenant("user_session", grant="SELECT, INSERT, UPDATE")

    op.create_table(
        "mailed_link",
        tenant_column(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "token_hash"),
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        sa.CheckConstraint("purpose IN ('confirm_email', 'reset_password', 'invitation')", name="mailed_link_purpose"),
    )
    op.create_index("ix_mailed_link_user", "mailed_link", ["tenant_id", "user_id", "purpose"])
    isolate_by_tenant("mailed_link", grant="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
