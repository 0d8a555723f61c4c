"""Trading: money that no operation explains, and where it was booked."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261125_15_money"
down_revision = "20261125_14_sync"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def need(name: str, kind: Any, **kwargs: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **kwargs)


def to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_constraint("platform_operation_kind", "platform_operation")
    op.create_check_constraint(
        "platform_operation_kind",
        "platform_operation",
        one_of(
            "kind",
            "open_account", "set_leverage", "set_group", "set_type", "set_rights", "change_password", "fund",
            "withdraw", "demo_deposit", "credit_in", "credit_out", "archive_account", "restore_account",
            "correct_in", "correct_out",
        ),
    )  # fmt: skip
    # What of the amount has left suspense. Both are in the account's currency, signed as on the platform.
    op.add_column("unmatched_deal", need("booked", sa.Numeric, server_default="0"))
    _bookings()
    _differences()
    _runs()
    _assignees()


def _bookings() -> None:
    op.create_table(
        "suspense_booking",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("ticket", sa.BigInteger),
        need("account_id", sa.Uuid),
        need("way", sa.Text),
        sa.Column("house", sa.Text),
        sa.Column("operation_id", sa.Uuid),
        need("amount_minor", sa.BigInteger),
        need("currency", sa.Text),
        need("reason", sa.Text),
        need("once_key", sa.Text),
        need("status", sa.Text),
        need("needs_second", sa.Boolean),
        need("proposed_by", sa.Uuid),
        need("proposed_by_name", sa.Text),
        need("proposed_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text),
        sa.Column("decided_at", INSTANT),
        sa.Column("decision_note", sa.Text),
        sa.Column("entry_id", sa.Uuid),
        sa.Column("reversed_by", sa.Uuid),
        sa.Column("reversed_by_name", sa.Text),
        sa.Column("reversed_at", INSTANT),
        sa.Column("reversal_reason", sa.Text),
        sa.Column("reversal_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "once_key", name="suspense_booking_once"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "platform_id", "ticket"],
            ["unmatched_deal.tenant_id", "unmatched_deal.platform_id", "unmatched_deal.ticket"],
        ),
        to("trading_account", "account_id"),
        to("platform_operation", "operation_id"),
        to("journal_entry", "entry_id"),
        to("journal_entry", "reversal_id"),
        sa.CheckConstraint(one_of("way", "house", "client", "undo", "match"), name="suspense_booking_way"),
        sa.CheckConstraint("(way = 'house') = (house IS NOT NULL)", name="suspense_booking_house"),
        sa.CheckConstraint("amount_minor <> 0", name="suspense_booking_amount"),
        sa.CheckConstraint(
            one_of("status", "proposed", "running", "booked", "rejected", "failed", "reversed"),
            name="suspense_booking_status",
        ),
        sa.CheckConstraint(
            "NOT needs_second OR decided_by IS NULL OR decided_by <> proposed_by OR status = 'rejected'",
            name="suspense_booking_two_people",
        ),
    )
    op.create_index("suspense_booking_of_deal", "suspense_booking", ["tenant_id", "platform_id", "ticket"])
    op.create_index(
        "suspense_booking_open",
        "suspense_booking",
        ["tenant_id", "platform_id", "ticket"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'running')"),
    )
    op.create_index(
        "suspense_booking_operation",
        "suspense_booking",
        ["tenant_id", "operation_id"],
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    isolate_by_tenant("suspense_booking", grant="SELECT, INSERT, UPDATE")


def _differences() -> None:
    op.drop_constraint("sync_difference_kind", "sync_difference")
    op.create_check_constraint(
        "sync_difference_kind", "sync_difference", one_of("kind", "balance", "credit", "deal_count", "house_wallet")
    )
    op.add_column("sync_difference", need("currency", sa.Text, server_default=""))
    op.add_column("sync_difference", sa.Column("seen_at", INSTANT))
    op.add_column("sync_difference", sa.Column("category", sa.Text))
    op.add_column("sync_difference", need("note", sa.Text, server_default=""))
    op.add_column("sync_difference", need("explained_by", sa.Text, server_default=""))
    op.add_column("sync_difference", sa.Column("explained_at", INSTANT))
    op.create_check_constraint(
        "sync_difference_category",
        "sync_difference",
        one_of("category", "late_deal", "by_hand", "platform_error", "our_error", "rounding", "migration", "other"),
    )
    op.drop_index("sync_difference_open", "sync_difference")
    op.create_index(
        "sync_difference_open",
        "sync_difference",
        ["tenant_id", "platform_id", "account_id", "kind", "currency"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def _runs() -> None:
    op.create_table(
        "reconciliation_run",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("cause", sa.Text),
        need("state", sa.Text),
        need("asked_by", sa.Text, server_default=""),
        need("asked_at", INSTANT),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        need("accounts", sa.BigInteger, server_default="0"),
        need("counted", sa.BigInteger, server_default="0"),
        need("wallets", sa.BigInteger, server_default="0"),
        need("differences", sa.BigInteger, server_default="0"),
        need("opened", sa.BigInteger, server_default="0"),
        need("closed", sa.BigInteger, server_default="0"),
        need("requests", sa.BigInteger, server_default="0"),
        need("error", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        sa.CheckConstraint(one_of("cause", "night", "asked"), name="reconciliation_run_cause"),
        sa.CheckConstraint(one_of("state", "waiting", "running", "done", "failed"), name="reconciliation_run_state"),
    )
    op.create_index("reconciliation_run_of_platform", "reconciliation_run", ["tenant_id", "platform_id", "asked_at"])
    op.create_index(
        "reconciliation_run_open",
        "reconciliation_run",
        ["tenant_id", "platform_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    isolate_by_tenant("reconciliation_run", grant="SELECT, INSERT, UPDATE")


def _assignees() -> None:
    # Who has taken on what waits for a person: an operation, a movement, a difference, by its own key.
    op.create_table(
        "matter_assignee",
        tenant(),
        need("kind", sa.Text),
        need("key", sa.Text),
        need("user_id", sa.Uuid),
        need("name", sa.Text),
        need("assigned_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "key"),
        to("identity_user", "user_id"),
        sa.CheckConstraint(one_of("kind", "operation", "deal", "difference"), name="matter_assignee_kind"),
    )
    isolate_by_tenant("matter_assignee")
