"""Trading: how quickly what happens on a platform is known here, and who is told when it is not."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import grant_global, isolate_by_tenant

revision = "20261125_14_sync"
down_revision = "20261125_13_adoption"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def need(name: str, kind: Any, **kwargs: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **kwargs)


def to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def one_of(column: str, *values: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=name)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Which connectors live: each takes its share of the connections, so it must know how many others there are.
    op.create_table(
        "connector_presence",
        sa.Column("name", sa.Text, primary_key=True),
        need("seen_at", INSTANT),
    )
    grant_global("connector_presence", app="SELECT, INSERT, UPDATE, DELETE")
    # What is wrong with a connection now: a row per piece of its work that fails, gone when it succeeds.
    op.create_table(
        "platform_trouble",
        tenant(),
        need("platform_id", sa.Uuid),
        need("source", sa.Text),
        need("trouble", sa.Text),
        need("detail", sa.Text),
        need("since", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "source"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("platform_trouble")
    # How long things took: per hour so many in each bucket of a fixed scale.
    op.create_table(
        "sync_latency",
        tenant(),
        need("platform_id", sa.Uuid),
        need("kind", sa.Text),
        need("hour_at", INSTANT),
        need("counts", JSONB),
        need("total", sa.BigInteger),
        need("slowest_ms", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "kind", "hour_at"),
        to("trading_platform", "platform_id"),
        one_of("kind", "event", "command", "ping", name="sync_latency_kind"),
    )
    isolate_by_tenant("sync_latency")
    # Times in which something may have been missed, and what the reading that closed each of them brought.
    op.create_table(
        "sync_gap",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("reason", sa.Text),
        need("opened_at", INSTANT),
        sa.Column("from_at", INSTANT),
        sa.Column("batch_no", sa.BigInteger),
        sa.Column("closed_at", INSTANT),
        sa.Column("until_at", INSTANT),
        sa.Column("deals", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        one_of("reason", "start", "link", "bridge", "overflow", "moved", "asked", "platform", name="sync_gap_reason"),
    )
    op.create_index("sync_gap_of_platform", "sync_gap", ["tenant_id", "platform_id", "opened_at"])
    op.create_index(
        "sync_gap_open",
        "sync_gap",
        ["tenant_id", "platform_id", "reason"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    isolate_by_tenant("sync_gap")
    _alerts()


def _alerts() -> None:
    op.create_table(
        "sync_subscription",
        tenant(),
        need("platform_id", sa.Uuid),
        need("user_id", sa.Uuid),
        need("kinds", JSONB),
        need("link_down_minutes", sa.BigInteger),
        need("changed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "user_id"),
        to("trading_platform", "platform_id"),
        to("identity_user", "user_id"),
        sa.CheckConstraint("link_down_minutes BETWEEN 1 AND 1440", name="sync_subscription_minutes"),
    )
    isolate_by_tenant("sync_subscription")
    op.create_table(
        "sync_incident",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("kind", sa.Text),
        need("count", sa.BigInteger),
        need("detail", sa.Text),
        need("opened_at", INSTANT),
        sa.Column("calm_since", INSTANT),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        one_of(
            "kind",
            "link_down",
            "unknown_money",
            "difference",
            "suspense",
            "bridge_silent",
            "sign_in_stopped",
            name="sync_incident_kind",
        ),
    )
    op.create_index("sync_incident_of_platform", "sync_incident", ["tenant_id", "platform_id", "opened_at"])
    op.create_index(
        "sync_incident_open",
        "sync_incident",
        ["tenant_id", "platform_id", "kind"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    isolate_by_tenant("sync_incident")
    op.create_table(
        "sync_incident_mail",
        tenant(),
        need("incident_id", sa.Uuid),
        need("user_id", sa.Uuid),
        need("sent_at", INSTANT),
        sa.Column("end_sent_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "incident_id", "user_id"),
        to("sync_incident", "incident_id"),
        to("identity_user", "user_id"),
    )
    op.create_index("sync_incident_mail_of_user", "sync_incident_mail", ["tenant_id", "user_id", "sent_at"])
    isolate_by_tenant("sync_incident_mail")
