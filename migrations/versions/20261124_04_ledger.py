"""The books: wallets, journal entries, postings, holds, snapshots and manual adjustments."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261124_04_ledger"
down_revision = "20261124_03_restrictions"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261124_04_ledger.sql"


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "wallet",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_kind", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("house", sa.Text),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("keeps_balance", sa.Boolean, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("floor_minor", sa.BigInteger),
        sa.Column("posting_count", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint(
            "tenant_id",
            "owner_kind",
            "owner_id",
            "house",
            "purpose",
            "currency",
            name="wallet_of_owner",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("owner_kind IN ('client', 'partner', 'house')", name="wallet_owner_kind"),
        sa.CheckConstraint(
            "(owner_kind = 'house') = (owner_id IS NULL) AND (owner_kind = 'house') = (house IS NOT NULL)",
            name="wallet_one_owner",
        ),
        sa.CheckConstraint("balance_minor >= floor_minor", name="wallet_floor"),
        sa.CheckConstraint(
            "keeps_balance OR (floor_minor IS NULL AND balance_minor = 0)", name="wallet_floor_needs_balance"
        ),
        postgresql_with={"fillfactor": "80"},  # Balances change in place; the room keeps those updates off the indexes.
    )
    isolate_by_tenant("wallet", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "journal_entry",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("memo", sa.Text),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("actor_name", sa.Text, nullable=False),
        sa.Column("reverses_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "key", name="journal_entry_key"),
        sa.ForeignKeyConstraint(["tenant_id", "reverses_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
        sa.CheckConstraint("key <> ''", name="journal_entry_key_given"),
    )
    op.create_index(
        "journal_entry_reversed_once",
        "journal_entry",
        ["tenant_id", "reverses_id"],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )
    isolate_by_tenant("journal_entry", grant="SELECT, INSERT")
    op.create_table(
        "journal_link",
        tenant(),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("object_type", sa.Text, nullable=False),
        sa.Column("object_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entry_id", "object_type", "object_id"),
        sa.ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
    )
    op.create_index("journal_link_object", "journal_link", ["tenant_id", "object_id"])
    isolate_by_tenant("journal_link", grant="SELECT, INSERT")
    op.create_table(
        "posting",
        tenant(),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("wallet_seq", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_after_minor", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "entry_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
        sa.CheckConstraint("amount_minor <> 0", name="posting_amount_not_zero"),
    )
    op.create_index("posting_of_wallet", "posting", ["tenant_id", "wallet_id", "wallet_seq", "entry_id"])
    isolate_by_tenant("posting", grant="SELECT, INSERT")
    op.create_table(
        "wallet_snapshot",
        tenant(),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("before_entry_id", sa.Uuid, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "wallet_id", "before_entry_id"),
        sa.ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
    )
    isolate_by_tenant("wallet_snapshot", grant="SELECT, INSERT")
    op.create_table(
        "hold",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("held_wallet_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("captured_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("voided_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "key", name="hold_key"),
        sa.ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "held_wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        sa.CheckConstraint("status IN ('open', 'captured', 'voided')", name="hold_status"),
        sa.CheckConstraint("amount_minor > 0 AND captured_minor >= 0 AND voided_minor >= 0", name="hold_amounts"),
        sa.CheckConstraint("captured_minor + voided_minor <= amount_minor", name="hold_not_exceeded"),
        sa.CheckConstraint(
            "(status = 'open') = (captured_minor + voided_minor < amount_minor)", name="hold_open_while_money_remains"
        ),
    )
    op.create_index("hold_open", "hold", ["tenant_id", "held_wallet_id"], postgresql_where=sa.text("status = 'open'"))
    isolate_by_tenant("hold", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "adjustment",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.Uuid, nullable=False),
        sa.Column("proposed_by_name", sa.Text, nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text),
        sa.Column("decided_at", INSTANT),
        sa.Column("decision_note", sa.Text),
        sa.Column("entry_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "once_key", name="adjustment_once"),
        sa.ForeignKeyConstraint(["tenant_id", "wallet_id"], ["wallet.tenant_id", "wallet.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "entry_id"], ["journal_entry.tenant_id", "journal_entry.id"]),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name="adjustment_status"),
        sa.CheckConstraint("amount_minor <> 0", name="adjustment_amount_not_zero"),
        sa.CheckConstraint("reason <> ''", name="adjustment_has_reason"),
        sa.CheckConstraint("decided_by <> proposed_by OR status = 'rejected'", name="adjustment_two_people"),
        sa.CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="adjustment_decided_by"),
        sa.CheckConstraint("(status = 'approved') = (entry_id IS NOT NULL)", name="adjustment_booked"),
    )
    op.create_index("adjustment_status_idx", "adjustment", ["tenant_id", "status", "proposed_at"])
    isolate_by_tenant("adjustment", grant="SELECT, INSERT, UPDATE")
    op.get_bind().connection.cursor().execute(
        FUNCTIONS.read_text(encoding="utf-8")
    )  # Several statements, no parameters.


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
