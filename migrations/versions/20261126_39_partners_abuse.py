"""Commission: which browser a session came from, who shares what, patterns that people decide about."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261126_39_partners_abuse"
down_revision = "20261126_38_partners_disputes"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)


def needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def tenant() -> sa.Column[Any]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def bulk_tenant() -> sa.Column[Any]:
    return needed("tenant_id", sa.Integer)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    resources()
    days()
    findings()


def resources() -> None:
    """What people share, compared by hashes under the tenant's key, and what staff say about a pair."""
    op.add_column("user_session", sa.Column("device_hash", sa.Text))
    op.execute(
        "CREATE INDEX ix_user_session_device ON user_session (tenant_id, device_hash) WHERE device_hash IS NOT NULL"
    )
    op.create_table(
        "client_instrument",
        tenant(),
        needed("source", sa.Text),
        needed("source_id", sa.Uuid),
        needed("client_id", sa.Uuid),
        needed("tag", sa.LargeBinary),
        needed("used_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "source", "source_id"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        sa.CheckConstraint("source IN ('withdrawal')", name="client_instrument_source"),
    )
    op.create_index("client_instrument_tag", "client_instrument", ["tenant_id", "tag"])
    isolate_by_tenant("client_instrument", grant="SELECT, INSERT")
    op.create_table(
        "cluster_mark",
        tenant(),
        needed("client_a", sa.Uuid),
        needed("client_b", sa.Uuid),
        needed("is_linked", sa.Boolean),
        needed("reason", sa.Text),
        needed("actor_name", sa.Text),
        needed("marked_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "client_a", "client_b"),
        sa.ForeignKeyConstraint(["tenant_id", "client_a"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "client_b"], ["client.tenant_id", "client.id"]),
        sa.CheckConstraint("client_a < client_b", name="cluster_mark_in_order"),
    )
    op.create_index("cluster_mark_other", "cluster_mark", ["tenant_id", "client_b"])
    isolate_by_tenant("cluster_mark", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "run_link",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("client_id", sa.Uuid),
        needed("partner_id", sa.Uuid),
        needed("cluster", sa.Integer),
        needed("confidence", sa.Numeric),
        needed("kinds", sa.ARRAY(sa.Text)),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "client_id", "partner_id"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "business_date"], ["settlement_run.tenant_id", "settlement_run.business_date"]
        ),
    )
    isolate_by_tenant("run_link", grant="SELECT, INSERT, DELETE")


def days() -> None:
    """What each client traded on a settlement day, as the detectors count it. Written once."""
    op.create_table(
        "client_day",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("client_id", sa.Uuid),
        needed("trades", sa.Integer),
        needed("short_trades", sa.Integer),
        needed("lots", EXACT),
        needed("short_lots", EXACT),
        needed("near_lots", EXACT),
        needed("empty_lots", EXACT),
        needed("revenue", EXACT),
        needed("commission", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "business_date"),
    )
    op.execute("CREATE INDEX client_day_by_day ON client_day USING brin (tenant_id, business_date)")
    isolate_by_tenant("client_day", grant="SELECT, INSERT")


def findings() -> None:
    op.create_table(
        "abuse_finding",
        tenant(),
        needed("id", sa.Uuid),
        needed("number", sa.BigInteger),
        needed("kind", sa.Text),
        needed("partner_id", sa.Uuid),
        needed("client_id", sa.Uuid),
        needed("action", sa.Text),
        needed("state", sa.Text),
        needed("score", sa.Numeric),
        needed("evidence", JSONB),
        needed("found_on", sa.Date),
        needed("seen_on", sa.Date),
        needed("window_from", sa.Date),
        needed("found_at", INSTANT),
        sa.Column("proposed_by", sa.Uuid),
        needed("proposed_by_name", sa.Text),
        sa.Column("proposed_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        needed("decided_by_name", sa.Text),
        sa.Column("decided_at", INSTANT),
        needed("reason", sa.Text),
        sa.Column("clawback_id", sa.Uuid),
        needed("version", sa.Integer),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "number", name="abuse_finding_number"),
        sa.ForeignKeyConstraint(["tenant_id", "clawback_id"], ["clawback.tenant_id", "clawback.id"]),
        sa.CheckConstraint("action IN ('shadow', 'hold')", name="abuse_finding_action"),
        sa.CheckConstraint("state IN ('open', 'kept', 'cleared', 'refused')", name="abuse_finding_state"),
        sa.CheckConstraint(
            "state <> 'refused' OR proposed_by IS NULL OR proposed_by <> decided_by", name="abuse_finding_two_people"
        ),
    )
    op.execute(
        "CREATE UNIQUE INDEX abuse_finding_once ON abuse_finding (tenant_id, kind, partner_id, client_id)"
        " WHERE state IN ('open', 'kept')"
    )
    op.create_index("abuse_finding_queue", "abuse_finding", ["tenant_id", "state", "found_at"])
    isolate_by_tenant("abuse_finding", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "abuse_signal",
        tenant(),
        needed("finding_id", sa.Uuid),
        needed("business_date", sa.Date),
        needed("rule", sa.Integer),
        needed("score", sa.Numeric),
        needed("evidence", JSONB),
        sa.PrimaryKeyConstraint("tenant_id", "finding_id", "business_date"),
        sa.ForeignKeyConstraint(["tenant_id", "finding_id"], ["abuse_finding.tenant_id", "abuse_finding.id"]),
    )
    isolate_by_tenant("abuse_signal", grant="SELECT, INSERT")
    op.create_table(
        "abuse_finding_line",
        bulk_tenant(),
        needed("partner_id", sa.Uuid),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("track", sa.Text),
        needed("finding_id", sa.Uuid),
        needed("business_date", sa.Date),
        needed("amount", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "trade_id", "revision", "track", "finding_id"),
        sa.ForeignKeyConstraint(["tenant_id", "finding_id"], ["abuse_finding.tenant_id", "abuse_finding.id"]),
    )
    op.create_index("abuse_finding_line_of", "abuse_finding_line", ["tenant_id", "finding_id"])
    isolate_by_tenant("abuse_finding_line", grant="SELECT, INSERT")
    op.create_table(
        "abuse_finding_batch",
        bulk_tenant(),
        needed("partner_id", sa.Uuid),
        needed("track", sa.Text),
        needed("business_date", sa.Date),
        needed("finding_id", sa.Uuid),
        needed("amount", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "track", "business_date", "finding_id"),
        sa.ForeignKeyConstraint(["tenant_id", "finding_id"], ["abuse_finding.tenant_id", "abuse_finding.id"]),
    )
    op.create_index("abuse_finding_batch_of", "abuse_finding_batch", ["tenant_id", "finding_id"])
    isolate_by_tenant("abuse_finding_batch", grant="SELECT, INSERT")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
