"""Copy trading: published strategies, the daily equity behind their figures, and the figures."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261125_18_copytrading"
down_revision = "20261125_16_intake"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SHARE = sa.Numeric(24, 10)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def need(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "strategy",
        tenant(),
        need("id", sa.Uuid),
        need("client_id", sa.Uuid),
        need("account_id", sa.Uuid),
        need("name", sa.Text),
        need("about", sa.Text),
        need("status", sa.Text),
        need("terms_version", sa.Text),
        need("published_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        need("hidden_reason", sa.Text, server_default=""),
        need("provider", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("client", "client_id"),
        to("trading_account", "account_id"),
        sa.CheckConstraint("status IN ('published', 'hidden', 'withdrawn')", name="strategy_status"),
    )
    op.create_index(
        "strategy_account",
        "strategy",
        ["tenant_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index("strategy_of_client", "strategy", ["tenant_id", "client_id"])
    op.create_index(
        "strategy_name",
        "strategy",
        ["tenant_id", sa.text("lower(name)")],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    isolate_by_tenant("strategy", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "equity_day",
        tenant(),
        need("account_id", sa.Uuid),
        need("day", sa.Date),
        need("equity", sa.Numeric),
        need("floating", sa.Numeric),
        need("lowest", sa.Numeric),
        need("highest", sa.Numeric),
        need("read_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", "day"),
        to("trading_account", "account_id"),
    )
    isolate_by_tenant("equity_day", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "copy_account",
        tenant(),
        need("platform_id", sa.Uuid),
        need("login", sa.BigInteger),
        need("parent_login", sa.BigInteger),
        need("provider", sa.Text),
        need("provider_name", sa.Text),
        need("balance", sa.Numeric),
        need("currency", sa.Text),
        need("seen_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "login"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("copy_account")
    op.create_table(
        "strategy_figures",
        tenant(),
        need("strategy_id", sa.Uuid),
        sa.Column("first_day", sa.Date),
        sa.Column("last_day", sa.Date),
        need("age_days", sa.BigInteger),
        sa.Column("return_1m", SHARE),
        sa.Column("return_3m", SHARE),
        sa.Column("return_6m", SHARE),
        sa.Column("return_12m", SHARE),
        sa.Column("return_all", SHARE),
        need("drawdown", SHARE),
        need("trades", sa.BigInteger),
        need("lots", sa.Numeric),
        need("won", sa.BigInteger),
        need("gross_profit", sa.Numeric),
        need("gross_loss", sa.Numeric),
        sa.Column("holding_ms", sa.BigInteger),
        need("equity", sa.Numeric),
        need("currency", sa.Text),
        sa.Column("copiers", sa.BigInteger),
        sa.Column("copied_equity", sa.Numeric),
        need("score", SHARE),
        sa.Column("rank", sa.BigInteger),
        need("curve", JSONB),
        need("computed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "strategy_id"),
        to("strategy", "strategy_id"),
    )
    isolate_by_tenant("strategy_figures", grant="SELECT, INSERT, UPDATE")
