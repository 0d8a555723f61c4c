"""Trading: accounts and deals that were there before us, and changes of many accounts at once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261125_13_adoption"
down_revision = "20261125_12_accounts"
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
    # From when on what happens on the platform is ours; without it, always.
    op.add_column("trading_platform", sa.Column("starts_at", INSTANT))
    # Where our books of an account begin that was there before us: its balance at an instant of the server's time.
    op.add_column("trading_account", sa.Column("adopted_at", INSTANT))
    op.add_column("trading_account", sa.Column("opening_msc", sa.BigInteger))
    op.add_column("trading_account", sa.Column("opening_balance", sa.Numeric))
    op.create_check_constraint(
        "trading_account_opening", "trading_account", "(opening_msc IS NULL) = (opening_balance IS NULL)"
    )
    op.create_index("trading_account_of_group", "trading_account", ["tenant_id", "platform_id", "group_name"])
    _adoption()
    _bulk()


def _adoption() -> None:
    op.create_table(
        "adoption_run",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("state", sa.Text),
        need("masks", JSONB),
        need("groups", JSONB),
        need("groups_done", JSONB),
        sa.Column("default_type_id", sa.Uuid),
        need("creates_clients", sa.Boolean),
        need("history", sa.Text),
        sa.Column("history_from", sa.Date),
        need("history_state", sa.Text),
        sa.Column("history_begin_msc", sa.BigInteger),
        sa.Column("history_cursor_msc", sa.BigInteger),
        sa.Column("history_end_msc", sa.BigInteger),
        need("deals_read", sa.BigInteger),
        need("last_error", sa.Text),
        sa.Column("started_by", sa.Uuid),
        need("started_by_name", sa.Text),
        need("started_at", INSTANT),
        sa.Column("read_at", INSTANT),
        sa.Column("matched_at", INSTANT),
        sa.Column("history_done_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        to("account_type", "default_type_id"),
        one_of("state", "reading", "matching", "done", "stopped", name="adoption_run_state"),
        one_of("history", "none", "now", "night", name="adoption_run_history"),
        one_of("history_state", "none", "waiting", "running", "paused", "done", name="adoption_run_history_state"),
    )
    op.create_index(
        "adoption_run_under_way",
        "adoption_run",
        ["tenant_id", "platform_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('reading', 'matching')"),
    )
    isolate_by_tenant("adoption_run", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "adopted_login",
        tenant(),
        need("platform_id", sa.Uuid),
        need("login", sa.BigInteger),
        need("run_id", sa.Uuid),
        need("state", sa.Text),
        need("obstacle", sa.Text),
        need("name", sa.Text),
        need("name_sort", sa.Text),
        need("email", sa.Text),
        need("email_norm", sa.Text),
        need("group_name", sa.Text),
        need("currency", sa.Text),
        need("is_hedging", sa.Boolean),
        need("leverage", sa.BigInteger),
        need("rights", sa.BigInteger),
        need("balance", sa.Numeric),
        need("credit", sa.Numeric),
        need("registered_msc", sa.BigInteger),
        need("read_at", INSTANT),
        sa.Column("type_id", sa.Uuid),
        sa.Column("client_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        need("matched_by", sa.Text),
        need("note", sa.Text),
        sa.Column("decided_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "login"),
        to("trading_platform", "platform_id"),
        to("adoption_run", "run_id"),
        to("account_type", "type_id"),
        to("client", "client_id"),
        to("trading_account", "account_id"),
        one_of("state", "waiting", "matched", "adopted", "ignored", name="adopted_login_state"),
        sa.CheckConstraint("state NOT IN ('matched', 'adopted') OR client_id IS NOT NULL", name="adopted_login_client"),
        sa.CheckConstraint("(state = 'adopted') = (account_id IS NOT NULL)", name="adopted_login_account"),
    )
    op.create_index("adopted_login_state", "adopted_login", ["tenant_id", "platform_id", "state", "login"])
    op.create_index("adopted_login_email", "adopted_login", ["tenant_id", "platform_id", "email_norm"])
    op.create_index("adopted_login_run", "adopted_login", ["tenant_id", "run_id"])
    isolate_by_tenant("adopted_login", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "adoption_import",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("rows", JSONB),
        sa.Column("made_by", sa.Uuid),
        need("made_by_name", sa.Text),
        need("made_at", INSTANT),
        sa.Column("applied_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("adoption_import", grant="SELECT, INSERT, UPDATE")


def _bulk() -> None:
    op.create_table(
        "bulk_run",
        tenant(),
        need("id", sa.Uuid),
        need("kind", sa.Text),
        need("target", JSONB),
        need("chosen", JSONB),
        need("state", sa.Text),
        need("reason", sa.Text),
        need("needs_second_person", sa.Boolean),
        sa.Column("made_by", sa.Uuid),
        need("made_by_name", sa.Text),
        need("made_at", INSTANT),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("approved_by", sa.Uuid),
        sa.Column("approved_by_name", sa.Text),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        one_of(
            "state", "checking", "draft", "waiting", "running", "paused", "cancelled", "done", name="bulk_run_state"
        ),
        sa.CheckConstraint("approved_by <> made_by", name="bulk_run_two_people"),
        sa.CheckConstraint(
            "state NOT IN ('running', 'paused', 'done') OR NOT needs_second_person OR approved_by IS NOT NULL",
            name="bulk_run_approved",
        ),
    )
    op.create_index("bulk_run_made", "bulk_run", ["tenant_id", "made_at"])
    isolate_by_tenant("bulk_run", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "bulk_row",
        tenant(),
        need("run_id", sa.Uuid),
        need("number", sa.BigInteger),
        need("login_text", sa.Text),
        sa.Column("account_id", sa.Uuid),
        need("state", sa.Text),
        sa.Column("problem", JSONB),
        sa.Column("warning", JSONB),
        sa.Column("operation_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "number"),
        to("bulk_run", "run_id"),
        to("trading_account", "account_id"),
        to("platform_operation", "operation_id"),
        one_of(
            "state", "new", "ready", "skipped", "requested", "settled", "refused", "cancelled", name="bulk_row_state"
        ),
        sa.CheckConstraint("(state = 'requested') = (operation_id IS NOT NULL)", name="bulk_row_operation"),
    )
    op.create_index("bulk_row_state", "bulk_row", ["tenant_id", "run_id", "state", "number"])
    op.create_index(
        "bulk_row_account",
        "bulk_row",
        ["tenant_id", "run_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("account_id IS NOT NULL AND state <> 'skipped'"),
    )
    isolate_by_tenant("bulk_row", grant="SELECT, INSERT, UPDATE, DELETE")
