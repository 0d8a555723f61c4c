"""Accounts: what may be opened, what may be done there, and what a lock takes away."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261125_12_accounts"
down_revision = "20261125_11_deals"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def need(name: str, kind: Any, **kwargs: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **kwargs)


def to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _types_and_accounts()
    _operations()
    _drift()
    _connection_tests()


def _types_and_accounts() -> None:
    op.add_column("account_type", need("leverage_ceilings", JSONB, server_default="[]"))
    op.add_column("account_type", need("visible_to", JSONB, server_default="{}"))
    op.add_column("account_type", need("margin_call_level", sa.Numeric, server_default="100"))
    for name in ("may_sign_in", "may_open", "may_use_robots", "may_change_password"):
        op.add_column("trading_account", need(name, sa.Boolean, server_default="true"))
    # What the platform allowed when we last settled it, and what staff withhold of this one account.
    op.add_column("trading_account", sa.Column("access_known", JSONB))
    op.add_column("trading_account", need("withheld", JSONB, server_default="{}"))
    op.add_column("trading_account", sa.Column("archived_at", INSTANT))


def _operations() -> None:
    op.add_column("platform_operation", need("reason", sa.Text, server_default=""))
    op.add_column("platform_operation", need("content_tag", sa.Text, server_default=""))
    op.add_column("platform_operation", sa.Column("approved_by", sa.Uuid))
    op.add_column("platform_operation", sa.Column("approved_by_name", sa.Text))
    op.drop_constraint("platform_operation_kind", "platform_operation")
    op.create_check_constraint(
        "platform_operation_kind",
        "platform_operation",
        one_of(
            "kind",
            "open_account", "set_leverage", "set_group", "set_type", "set_rights", "change_password", "fund",
            "withdraw", "demo_deposit", "credit_in", "credit_out", "archive_account", "restore_account",
        ),
    )  # fmt: skip
    op.drop_constraint("platform_operation_state", "platform_operation")
    op.create_check_constraint(
        "platform_operation_state",
        "platform_operation",
        one_of("state", "proposed", "requested", "sent", "confirmed", "refused", "unknown", "reconciled"),
    )
    op.create_check_constraint(
        "platform_operation_credit", "platform_operation", "kind NOT LIKE 'credit%' OR amount_minor IS NOT NULL"
    )
    op.create_check_constraint(
        "platform_operation_approval", "platform_operation", "approved_by IS NULL OR approved_by <> actor_id"
    )
    op.create_index(
        "platform_operation_proposed",
        "platform_operation",
        ["tenant_id", "created_at"],
        postgresql_where=sa.text("state = 'proposed'"),
    )


def _drift() -> None:
    op.create_table(
        "access_drift",
        need("tenant_id", sa.Integer),
        need("id", sa.Uuid),
        need("account_id", sa.Uuid),
        need("access_right", sa.Text),
        need("is_taken", sa.Boolean),
        need("handling", sa.Text),
        need("found_at", INSTANT),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_account", "account_id"),
        sa.CheckConstraint(one_of("handling", "adopted", "overwritten"), name="access_drift_handling"),
    )
    op.create_index("access_drift_of_account", "access_drift", ["tenant_id", "account_id", "found_at"])
    isolate_by_tenant("access_drift", grant="SELECT, INSERT")


def _connection_tests() -> None:
    op.create_table(
        "connection_test",
        need("tenant_id", sa.Integer),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        sa.Column("login", sa.BigInteger),
        need("state", sa.Text),
        need("findings", JSONB, server_default="[]"),
        sa.Column("requested_by", sa.Uuid),
        need("requested_by_name", sa.Text),
        need("requested_at", INSTANT),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        sa.CheckConstraint(one_of("state", "requested", "running", "done"), name="connection_test_state"),
    )
    op.create_index("connection_test_of_platform", "connection_test", ["tenant_id", "platform_id", "requested_at"])
    op.create_index(
        "connection_test_waiting",
        "connection_test",
        ["tenant_id", "platform_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'done'"),
    )
    isolate_by_tenant("connection_test", grant="SELECT, INSERT, UPDATE")
