"""Trading platforms: accounts, operations, deals, positions, closed trades, and who owns which connection."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrate import grant_global, isolate_by_tenant

revision = "20261124_08_trading"
down_revision = "20261124_07_referrals"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
LOTS = sa.Numeric(20, 8)


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
    _platforms()
    _accounts()
    _operations()
    _deals()
    _closed_trades()
    _differences()


def _platforms() -> None:
    # What must be known before a tenant is: which connections exist, who owns them, and whose bridge a key names.
    op.create_table(
        "platform_lease",
        tenant(),
        need("platform_id", sa.Uuid),
        need("bridge_key", sa.Text),
        need("owner", sa.Text, server_default=""),
        need("epoch", sa.BigInteger, server_default="0"),
        need("expires_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id"),
        sa.UniqueConstraint("bridge_key", name="platform_lease_bridge_key"),
    )
    grant_global("platform_lease", app="SELECT, INSERT, UPDATE")
    op.create_table(
        "trading_platform",
        tenant(),
        need("id", sa.Uuid),
        need("code", sa.Text),
        need("kind", sa.Text),
        need("name", sa.Text),
        need("server_name", sa.Text),
        need("settings", JSONB),
        need("password_secret", sa.Text),
        need("bridge_secret", sa.Text),
        need("is_active", sa.Boolean),
        need("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "code", name="trading_platform_code"),
        one_of("kind", "mt5", name="trading_platform_kind"),
    )
    isolate_by_tenant("trading_platform", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "platform_status",
        tenant(),
        need("platform_id", sa.Uuid),
        need("link", sa.Text, server_default="never"),
        need("link_changed_at", INSTANT),
        need("last_error", sa.Text, server_default=""),
        sa.Column("checked_at", INSTANT),
        sa.Column("latency_ms", sa.Numeric),
        sa.Column("bridge_epoch", sa.Text),
        need("bridge_seq", sa.BigInteger, server_default="0"),
        sa.Column("bridge_seen_at", INSTANT),
        sa.Column("last_deal_at", INSTANT),
        need("catch_up_wanted", sa.Text, server_default="start"),
        sa.Column("caught_up_at", INSTANT),
        sa.Column("complete_until", INSTANT),
        need("high_water_msc", sa.BigInteger, server_default="0"),
        sa.Column("reconciled_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id"),
        to("trading_platform", "platform_id"),
        one_of("link", "never", "up", "down", name="platform_status_link"),
        postgresql_with={"fillfactor": "50"},  # A row that changes every second or two.
    )
    isolate_by_tenant("platform_status", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "server_offset",
        tenant(),
        need("platform_id", sa.Uuid),
        need("from_msc", sa.BigInteger),
        need("minutes", sa.BigInteger),
        need("measured_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "from_msc"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("server_offset", grant="SELECT, INSERT")
    op.create_table(
        "symbol",
        tenant(),
        need("platform_id", sa.Uuid),
        need("name", sa.Text),
        need("path", sa.Text),
        need("symbol_class", sa.Text),
        need("description", sa.Text),
        need("profit_currency", sa.Text),
        need("margin_currency", sa.Text),
        need("digits", sa.BigInteger),
        need("contract_size", sa.Numeric),
        need("updated_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "name"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("symbol", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "ingest_counter",
        tenant(),
        need("batch_no", sa.BigInteger, server_default="0"),
        need("closed_trade_id", sa.BigInteger, server_default="0"),
        sa.PrimaryKeyConstraint("tenant_id"),
        postgresql_with={"fillfactor": "20"},
    )
    isolate_by_tenant("ingest_counter", grant="SELECT, INSERT, UPDATE")


def _accounts() -> None:
    op.create_table(
        "account_type",
        tenant(),
        need("id", sa.Uuid),
        need("code", sa.Text),
        need("platform_id", sa.Uuid),
        need("label", JSONB),
        need("description", JSONB),
        need("groups", JSONB),
        need("leverages", JSONB),
        need("default_leverage", sa.BigInteger),
        need("leverage_warning_above", sa.BigInteger),
        need("min_deposit", sa.Numeric),
        need("is_hedging", sa.Boolean),
        need("is_swap_free", sa.Boolean),
        need("is_demo", sa.Boolean),
        need("demo_deposit", sa.Numeric),
        need("accounts_max", sa.BigInteger),
        need("position", sa.BigInteger),
        need("is_offered", sa.Boolean),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "code", name="account_type_code"),
        to("trading_platform", "platform_id"),
    )
    isolate_by_tenant("account_type", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "trading_account",
        tenant(),
        need("id", sa.Uuid),
        need("client_id", sa.Uuid),
        need("platform_id", sa.Uuid),
        need("type_id", sa.Uuid),
        sa.Column("login", sa.BigInteger),
        need("group_name", sa.Text),
        need("currency", sa.Text),
        need("leverage", sa.BigInteger),
        sa.Column("rights", sa.BigInteger),
        need("may_trade", sa.Boolean, server_default="true"),
        need("nickname", sa.Text, server_default=""),
        need("status", sa.Text),
        need("is_demo", sa.Boolean),
        need("is_hedging", sa.Boolean),
        need("reference", sa.Text),
        need("created_at", INSTANT),
        sa.Column("opened_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "platform_id", "login", name="trading_account_login"),
        sa.UniqueConstraint("tenant_id", "reference", name="trading_account_reference"),
        to("client", "client_id"),
        to("trading_platform", "platform_id"),
        to("account_type", "type_id"),
        one_of("status", "opening", "active", "refused", "archived", name="trading_account_status"),
        sa.CheckConstraint("status <> 'active' OR login IS NOT NULL", name="trading_account_active_has_login"),
    )
    op.create_index("trading_account_of_client", "trading_account", ["tenant_id", "client_id"])
    isolate_by_tenant("trading_account", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "account_state",
        tenant(),
        need("account_id", sa.Uuid),
        need("balance", sa.Numeric),
        need("credit", sa.Numeric),
        need("equity", sa.Numeric),
        need("margin", sa.Numeric),
        need("free_margin", sa.Numeric),
        sa.Column("margin_level", sa.Numeric),
        need("floating_profit", sa.Numeric),
        need("at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "account_id"),
        to("trading_account", "account_id"),
        postgresql_with={"fillfactor": "70"},
    )
    isolate_by_tenant("account_state")
    op.create_table(
        "open_position",
        tenant(),
        need("platform_id", sa.Uuid),
        need("ticket", sa.BigInteger),
        need("login", sa.BigInteger),
        need("symbol", sa.Text),
        need("side", sa.Text),
        need("volume_lots", LOTS),
        need("open_price", sa.Numeric),
        need("current_price", sa.Numeric),
        sa.Column("stop_loss", sa.Numeric),
        sa.Column("take_profit", sa.Numeric),
        need("profit", sa.Numeric),
        need("swap", sa.Numeric),
        need("opened_at", INSTANT),
        need("updated_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "ticket"),
        to("trading_platform", "platform_id"),
    )
    op.create_index("open_position_of_login", "open_position", ["tenant_id", "platform_id", "login"])
    isolate_by_tenant("open_position")


def _operations() -> None:
    op.create_table(
        "platform_operation",
        tenant(),
        need("id", sa.Uuid),
        need("key", sa.Text),
        need("platform_id", sa.Uuid),
        need("account_id", sa.Uuid),
        need("kind", sa.Text),
        need("state", sa.Text),
        need("payload", JSONB),
        need("has_secret", sa.Boolean),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.Text),
        need("reference", sa.Text),
        sa.Column("hold_id", sa.Uuid),
        need("actor_kind", sa.Text),
        sa.Column("actor_id", sa.Uuid),
        need("actor_name", sa.Text),
        need("created_at", INSTANT),
        need("expires_at", INSTANT),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("sent_at", INSTANT),
        need("looks", sa.BigInteger, server_default="0"),
        sa.Column("next_look_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        need("result", JSONB, server_default="{}"),
        sa.Column("refusal_code", sa.BigInteger),
        sa.Column("refusal_reason", sa.Text),
        need("resolution", sa.Text, server_default=""),
        sa.Column("stated_outcome", sa.Text),
        sa.Column("stated_by", sa.Uuid),
        sa.Column("stated_by_name", sa.Text),
        sa.Column("resolved_by", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "key", name="platform_operation_key"),
        sa.UniqueConstraint("tenant_id", "reference", name="platform_operation_reference"),
        to("trading_platform", "platform_id"),
        to("trading_account", "account_id"),
        one_of(
            "state",
            "requested", "sent", "confirmed", "refused", "unknown", "reconciled",
            name="platform_operation_state",
        ),
        one_of(
            "kind",
            "open_account", "set_leverage", "set_rights", "change_password", "fund", "withdraw", "demo_deposit",
            name="platform_operation_kind",
        ),
        sa.CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="platform_operation_money"),
        sa.CheckConstraint("amount_minor > 0", name="platform_operation_positive"),
        sa.CheckConstraint("stated_outcome IN ('done', 'absent')", name="platform_operation_stated"),
        sa.CheckConstraint("resolved_by <> stated_by", name="platform_operation_two_people"),
    )  # fmt: skip
    op.create_index(
        "platform_operation_waiting",
        "platform_operation",
        ["tenant_id", "platform_id", "created_at"],
        postgresql_where=sa.text("state IN ('requested', 'sent', 'unknown')"),
    )
    op.create_index("platform_operation_of_account", "platform_operation", ["tenant_id", "account_id", "created_at"])
    isolate_by_tenant("platform_operation", grant="SELECT, INSERT, UPDATE")


def _deals() -> None:
    op.create_table(
        "deal",
        tenant(),
        need("platform_id", sa.Uuid),
        need("ticket", sa.BigInteger),
        need("login", sa.BigInteger),
        need("kind", sa.Text),
        sa.Column("side", sa.Text),
        sa.Column("entry", sa.Text),
        need("reason", sa.Text),
        need("is_service", sa.Boolean),
        need("order_ticket", sa.BigInteger),
        need("position_id", sa.BigInteger),
        need("symbol", sa.Text),
        need("volume_lots", LOTS),
        sa.Column("volume_closed_lots", LOTS),
        need("contract_size", sa.Numeric),
        need("price", sa.Numeric),
        sa.Column("position_price", sa.Numeric),
        sa.Column("market_bid", sa.Numeric),
        sa.Column("market_ask", sa.Numeric),
        need("profit", sa.Numeric),
        need("swap", sa.Numeric),
        need("commission", sa.Numeric),
        need("fee", sa.Numeric),
        sa.Column("profit_rate", sa.Numeric),
        need("comment", sa.Text),
        need("manager_login", sa.BigInteger),
        need("modify_flags", sa.BigInteger),
        need("money_digits", sa.BigInteger),
        need("server_time_msc", sa.BigInteger),
        need("at", INSTANT),
        need("content_hash", sa.Text),
        need("batch_no", sa.BigInteger),
        need("arrived_at", INSTANT),
        need("revision", sa.BigInteger),
        sa.Column("corrected_at", INSTANT),
        sa.Column("deleted_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "ticket"),
        to("trading_platform", "platform_id"),
    )
    op.create_index("deal_of_position", "deal", ["tenant_id", "platform_id", "position_id"])
    op.create_index("deal_of_login", "deal", ["tenant_id", "platform_id", "login", "server_time_msc"])
    op.create_index("deal_by_time", "deal", ["tenant_id", "platform_id", "server_time_msc"])
    op.create_index("deal_of_batch", "deal", ["tenant_id", "batch_no"])
    isolate_by_tenant("deal", grant="SELECT, INSERT, UPDATE")


def _closed_trades() -> None:
    op.create_table(
        "closed_trade",
        tenant(),
        need("platform_id", sa.Uuid),
        need("closing_deal", sa.BigInteger),
        need("leg", sa.BigInteger),
        need("id", sa.BigInteger),
        need("account_id", sa.Uuid),
        need("client_id", sa.Uuid),
        need("login", sa.BigInteger),
        need("position_id", sa.BigInteger),
        sa.Column("opening_deal", sa.BigInteger),
        need("symbol", sa.Text),
        need("symbol_class", sa.Text),
        need("side", sa.Text),
        need("volume_lots", LOTS),
        need("contract_size", sa.Numeric),
        sa.Column("opened_at", INSTANT),
        need("closed_at", INSTANT),
        sa.Column("holding_ms", sa.BigInteger),
        sa.Column("holding_nearest_ms", sa.BigInteger),
        sa.Column("open_price", sa.Numeric),
        need("close_price", sa.Numeric),
        sa.Column("open_bid", sa.Numeric),
        sa.Column("open_ask", sa.Numeric),
        sa.Column("close_bid", sa.Numeric),
        sa.Column("close_ask", sa.Numeric),
        need("profit", sa.Numeric),
        need("swap", sa.Numeric),
        need("commission", sa.Numeric),
        need("fee", sa.Numeric),
        sa.Column("profit_rate", sa.Numeric),
        sa.Column("profit_currency", sa.Text),
        need("account_currency", sa.Text),
        need("is_demo", sa.Boolean),
        need("is_partial", sa.Boolean),
        need("is_close_by", sa.Boolean),
        need("is_edited", sa.Boolean),
        need("reason", sa.Text),
        need("arrived_at", INSTANT),
        need("batch_no", sa.BigInteger),
        need("revision", sa.BigInteger),
        sa.Column("corrected_at", INSTANT),
        sa.Column("deleted_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "closing_deal", "leg"),
        sa.UniqueConstraint("tenant_id", "id", name="closed_trade_id"),
        to("trading_platform", "platform_id"),
        to("trading_account", "account_id"),
        to("client", "client_id"),
        sa.CheckConstraint("volume_lots > 0", name="closed_trade_volume"),
        sa.CheckConstraint("(opening_deal IS NULL) = (opened_at IS NULL)", name="closed_trade_opening"),
    )
    op.create_index("closed_trade_of_position", "closed_trade", ["tenant_id", "platform_id", "position_id"])
    op.create_index("closed_trade_of_client", "closed_trade", ["tenant_id", "client_id", "closed_at"])
    op.create_index("closed_trade_of_account", "closed_trade", ["tenant_id", "account_id", "closed_at"])
    op.create_index("closed_trade_by_time", "closed_trade", ["tenant_id", "closed_at"])
    op.create_index("closed_trade_of_batch", "closed_trade", ["tenant_id", "batch_no"])
    isolate_by_tenant("closed_trade", grant="SELECT, INSERT, UPDATE")


def _differences() -> None:
    op.create_table(
        "unmatched_deal",
        tenant(),
        need("platform_id", sa.Uuid),
        need("ticket", sa.BigInteger),
        need("reason", sa.Text),
        need("login", sa.BigInteger),
        sa.Column("account_id", sa.Uuid),
        sa.Column("operation_id", sa.Uuid),
        need("amount", sa.Numeric),
        sa.Column("currency", sa.Text),
        need("comment", sa.Text),
        sa.Column("entry_id", sa.Uuid),
        need("found_at", INSTANT),
        sa.Column("resolved_at", INSTANT),
        need("resolved_by", sa.Text, server_default=""),
        need("note", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "platform_id", "ticket"),
        to("trading_platform", "platform_id"),
        one_of("reason", "unmatched", "late", "duplicate", "changed", name="unmatched_deal_reason"),
    )
    isolate_by_tenant("unmatched_deal", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "sync_difference",
        tenant(),
        need("id", sa.Uuid),
        need("platform_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        need("kind", sa.Text),
        need("ours", sa.Numeric),
        need("theirs", sa.Numeric),
        need("found_at", INSTANT),
        sa.Column("resolved_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        to("trading_platform", "platform_id"),
        one_of("kind", "balance", "deal_count", name="sync_difference_kind"),
    )
    op.create_index(
        "sync_difference_open",
        "sync_difference",
        ["tenant_id", "platform_id", "account_id", "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    isolate_by_tenant("sync_difference", grant="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
