"""Commission: plan versions, god-mode grants, receivers, settlement runs with their frozen facts, lines and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261124_10_partners"
down_revision = "20261124_09_payments"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)
TEXTS = ARRAY(sa.Text)
FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261124_10_partners.sql"


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def bulk_tenant() -> sa.Column[int]:
    """The tenant of a bulk row: row security vouches for it, a key to `tenant` would be looked up for every line."""
    return sa.Column("tenant_id", sa.Integer, nullable=False)


def needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.get_bind().connection.cursor().execute(FUNCTIONS.read_text(encoding="utf-8"))
    plans()
    runs()
    frozen_facts()
    lines()
    batches()


def plans() -> None:
    op.create_table(
        "plan_version",
        tenant(),
        needed("number", sa.Integer),
        needed("name", sa.Text),
        needed("currency", sa.Text),
        needed("effective_from", INSTANT),
        needed("body", JSONB),
        needed("digest", sa.Text),
        needed("published_at", INSTANT),
        needed("published_by", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "number"),
    )
    isolate_by_tenant("plan_version", grant="SELECT, INSERT")  # A version never changes.
    op.create_table(
        "god_grant",
        tenant(),
        needed("id", sa.Uuid),
        needed("partner_id", sa.Uuid),
        needed("rate_per_lot", EXACT),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("reason", sa.Text),
        needed("actor_kind", sa.Text),
        sa.Column("actor_id", sa.Uuid),
        needed("actor_name", sa.Text),
        needed("request_id", sa.Text),
        needed("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "request_id", name="god_grant_request"),
        sa.CheckConstraint("rate_per_lot > 0", name="god_grant_rate"),
        sa.CheckConstraint("valid_from <= valid_to", name="god_grant_forward"),
    )
    op.execute(
        "ALTER TABLE god_grant ADD CONSTRAINT god_grant_one_rate EXCLUDE USING gist"
        " (tenant_id WITH =, partner_id WITH =, tstzrange(valid_from, valid_to) WITH &&)"
    )
    isolate_by_tenant("god_grant", grant="SELECT, INSERT, UPDATE (valid_to)")
    op.create_table(
        "receiver",
        bulk_tenant(),
        needed("client_id", sa.Uuid),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("track", sa.Text),
        needed("distance", sa.Integer),
        needed("level", sa.Integer),
        needed("beneficiary_id", sa.Uuid),
        sa.Column("rate", sa.Numeric),
        sa.Column("pool_rate", sa.Numeric),
        sa.Column("reaching", sa.Numeric),
        sa.Column("passed", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "valid_from", "track", "distance"),
    )
    op.create_index("receiver_beneficiary", "receiver", ["tenant_id", "beneficiary_id"])
    isolate_by_tenant("receiver")
    op.create_table(
        "receiver_state",
        tenant(),
        needed("digest", sa.Text),
        needed("built_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    isolate_by_tenant("receiver_state")


def runs() -> None:
    op.create_table(
        "settlement_run",
        tenant(),
        needed("business_date", sa.Date),
        needed("id", sa.Uuid),
        needed("step", sa.Text),
        needed("day_start", INSTANT),
        needed("day_end", INSTANT),
        needed("plan_number", sa.Integer),
        needed("currency", sa.Text),
        needed("batch_from", sa.BigInteger),
        sa.Column("batch_to", sa.BigInteger),
        needed("opened_at", INSTANT),
        sa.Column("computed_at", INSTANT),
        sa.Column("posted_at", INSTANT),
        sa.Column("proved_at", INSTANT),
        needed("trades", sa.BigInteger, server_default="0"),
        needed("late_trades", sa.BigInteger, server_default="0"),
        needed("waiting_trades", sa.BigInteger, server_default="0"),
        needed("lines", sa.BigInteger, server_default="0"),
        needed("reasons", sa.BigInteger, server_default="0"),
        needed("held", sa.BigInteger, server_default="0"),
        needed("failure", sa.Text, server_default=""),
        needed("proof", JSONB, server_default="{}"),
        needed("override_by", sa.Text, server_default=""),
        needed("override_reason", sa.Text, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "business_date"),
        sa.UniqueConstraint("tenant_id", "id", name="settlement_run_id"),
        sa.CheckConstraint(
            "step IN ('opened', 'complete', 'frozen', 'computed', 'judged', 'batched', 'posted', 'stated', 'proved')",
            name="settlement_run_step",
        ),
        sa.CheckConstraint("day_start < day_end", name="settlement_run_day"),
    )
    isolate_by_tenant("settlement_run", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "trade_verdict",
        tenant(),
        needed("trade_id", sa.BigInteger),
        needed("verdict", sa.Text),
        needed("reason", sa.Text),
        needed("decided_by", sa.Text),
        needed("decided_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "trade_id"),
        sa.CheckConstraint("verdict IN ('clear', 'hold', 'reject')", name="trade_verdict_known"),
    )
    isolate_by_tenant("trade_verdict", grant="SELECT, INSERT, UPDATE")


def frozen_facts() -> None:
    """What a run was told when it started: a run taken up again after a crash computes with the same."""
    op.create_table(
        "run_rule",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("symbol", sa.Text),
        needed("symbol_class", sa.Text),
        needed("group_name", sa.Text),
        needed("referral_rule", sa.SmallInteger),
        needed("god_rule", sa.SmallInteger),
        needed("basis", sa.Text),
        needed("multiplier", sa.Numeric),
        needed("is_group_excluded", sa.Boolean),
        needed("is_symbol_excluded", sa.Boolean),
        sa.Column("typical_spread", sa.Numeric),
        sa.PrimaryKeyConstraint(
            "tenant_id", "business_date", "plan_number", "symbol", "symbol_class", "group_name", name="run_rule_pkey"
        ),
    )
    op.create_table(
        "run_term",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("track", sa.Text),
        needed("rule", sa.SmallInteger),
        needed("level", sa.Integer),
        needed("rate", sa.Numeric),
        sa.Column("shares", ARRAY(sa.Numeric)),
        sa.Column("max_per_event", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "track", "rule", "level"),
    )
    op.create_table(
        "run_quote",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("currency", sa.Text),
        needed("plan_currency", sa.Text),
        needed("on_date", sa.Date),
        needed("multiply", sa.Numeric),
        needed("divide", sa.Numeric),
        needed("source", sa.Text),
        needed("quoted_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "currency", "plan_currency", "on_date"),
    )
    op.create_table(
        "run_gate",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("client_id", sa.Uuid),
        needed("trader_gates", TEXTS),
        needed("partner_gates", TEXTS),
        needed("is_country_denied", sa.Boolean),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "client_id"),
    )
    op.create_table(
        "run_receiver",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("client_id", sa.Uuid),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("track", sa.Text),
        needed("distance", sa.Integer),
        needed("level", sa.Integer),
        needed("beneficiary_id", sa.Uuid),
        sa.Column("rate", sa.Numeric),
        sa.Column("pool_rate", sa.Numeric),
        sa.Column("reaching", sa.Numeric),
        sa.Column("passed", sa.Numeric),
        sa.PrimaryKeyConstraint(
            "tenant_id", "business_date", "plan_number", "client_id", "valid_from", "track", "distance"
        ),
    )
    for table in ("run_rule", "run_term", "run_quote", "run_gate", "run_receiver"):
        op.create_foreign_key(
            f"{table}_run",
            table,
            "settlement_run",
            ["tenant_id", "business_date"],
            ["tenant_id", "business_date"],
        )
        isolate_by_tenant(table, grant="SELECT, INSERT, DELETE")


def lines() -> None:
    op.create_table(
        "settled_trade",
        bulk_tenant(),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("business_date", sa.Date),
        needed("client_id", sa.Uuid),
        needed("plan_number", sa.Integer),
        needed("closed_at", INSTANT),
        needed("path_at", INSTANT),
        needed("is_late", sa.Boolean),
        needed("lots", EXACT),
        sa.Column("spread", sa.Numeric),
        needed("spread_source", sa.Text),
        needed("base", EXACT),
        needed("revenue", EXACT),
        needed("multiply", sa.Numeric),
        needed("divide", sa.Numeric),
        needed("rate_source", sa.Text),
        sa.Column("rate_at", INSTANT),
        needed("referral_rule", sa.SmallInteger),
        needed("god_rule", sa.SmallInteger),
        needed("referral_gates", TEXTS),
        needed("god_gates", TEXTS),
        needed("is_country_denied", sa.Boolean),
        needed("is_held", sa.Boolean),
        needed("has_own_receivers", sa.Boolean),
        sa.PrimaryKeyConstraint("tenant_id", "trade_id", "revision"),
    )
    op.execute("CREATE INDEX settled_trade_day ON settled_trade USING brin (tenant_id, business_date)")
    isolate_by_tenant("settled_trade", grant="SELECT, INSERT")
    op.create_table(
        "commission_line",
        bulk_tenant(),
        needed("partner_id", sa.Uuid),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("track", sa.Text),
        needed("component", sa.Text),
        needed("business_date", sa.Date),
        needed("distance", sa.Integer),
        needed("level", sa.Integer),
        needed("rate", sa.Numeric),
        needed("amount_before_cap", EXACT),
        needed("amount", EXACT),
        needed("cap", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "trade_id", "revision", "track", "component"),
    )
    # A day's lines lie together in the file, so a few pages of summary find them; a tree would cost every insert.
    op.execute("CREATE INDEX commission_line_day ON commission_line USING brin (tenant_id, business_date)")
    isolate_by_tenant("commission_line", grant="SELECT, INSERT")
    op.create_table(
        "commission_reason",
        bulk_tenant(),
        needed("partner_id", sa.Uuid),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("track", sa.Text),
        needed("business_date", sa.Date),
        needed("distance", sa.Integer),
        needed("reason", sa.Text),
        needed("gates", TEXTS),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "trade_id", "revision", "track"),
    )
    op.execute("CREATE INDEX commission_reason_day ON commission_reason USING brin (tenant_id, business_date)")
    isolate_by_tenant("commission_reason", grant="SELECT, INSERT")
    op.create_table(
        "commission_hold",
        bulk_tenant(),
        needed("partner_id", sa.Uuid),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("track", sa.Text),
        needed("gates", TEXTS),
        needed("held_on", sa.Date),
        needed("expires_on", sa.Date),
        sa.Column("outcome", sa.Text),
        sa.Column("decided_on", sa.Date),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "trade_id", "revision", "track"),
        sa.CheckConstraint("outcome IN ('cleared', 'rejected')", name="commission_hold_outcome"),
        sa.CheckConstraint("(outcome IS NULL) = (decided_on IS NULL)", name="commission_hold_decided"),
    )
    op.create_index(
        "commission_hold_open", "commission_hold", ["tenant_id", "held_on"], postgresql_where=sa.text("outcome IS NULL")
    )
    op.create_index("commission_hold_decided_on", "commission_hold", ["tenant_id", "decided_on"])
    isolate_by_tenant("commission_hold", grant="SELECT, INSERT, UPDATE")


def batches() -> None:
    op.create_table(
        "commission_batch",
        tenant(),
        needed("partner_id", sa.Uuid),
        needed("track", sa.Text),
        needed("currency", sa.Text),
        needed("business_date", sa.Date),
        needed("sequence", sa.Integer),
        needed("purpose", sa.Text),
        sa.Column("source_on", sa.Date),
        needed("line_count", sa.BigInteger),
        needed("lines", EXACT),
        needed("carry_in", EXACT),
        needed("carry_out", EXACT),
        needed("posted_minor", sa.BigInteger),
        needed("taken_back_minor", sa.BigInteger, server_default="0"),
        needed("status", sa.Text),
        needed("due_at", INSTANT),
        sa.Column("entry_id", sa.Uuid),
        sa.Column("release_entry_id", sa.Uuid),
        sa.Column("released_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "track", "currency", "business_date", "sequence"),
        sa.CheckConstraint("purpose IN ('settle', 'clawback')", name="commission_batch_purpose"),
        sa.CheckConstraint("status IN ('computed', 'posted', 'released')", name="commission_batch_status"),
        sa.CheckConstraint("(purpose = 'clawback') = (source_on IS NOT NULL)", name="commission_batch_source"),
    )
    op.create_index("commission_batch_day", "commission_batch", ["tenant_id", "business_date"])
    op.create_index(
        "commission_batch_due",
        "commission_batch",
        ["tenant_id", "due_at"],
        postgresql_where=sa.text("status = 'posted'"),
    )
    isolate_by_tenant("commission_batch", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "commission_statement",
        tenant(),
        needed("partner_id", sa.Uuid),
        needed("business_date", sa.Date),
        needed("currency", sa.Text),
        needed("line_count", sa.BigInteger),
        needed("reason_count", sa.BigInteger),
        needed("lines", EXACT),
        needed("held", EXACT),
        needed("carry_in", EXACT),
        needed("carry_out", EXACT),
        needed("posted_minor", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "business_date", "currency"),
    )
    op.create_index("commission_statement_day", "commission_statement", ["tenant_id", "business_date"])
    isolate_by_tenant("commission_statement", grant="SELECT, INSERT, DELETE")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
