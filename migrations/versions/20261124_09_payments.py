"""Deposits, withdrawals, the approvals of both, and moves between a client's own wallets and accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261124_09_payments"
down_revision = "20261124_08_trading"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "deposit",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("requested_minor", sa.BigInteger, nullable=False),
        sa.Column("received_minor", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("approvals_needed", sa.Integer, nullable=False, server_default="1"),
        sa.Column("approvals_given", sa.Integer, nullable=False, server_default="0"),
        sa.Column("proof_file_id", sa.Uuid),
        sa.Column("proof_at", INSTANT),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("origin_ip", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("reason_note", sa.Text),
        sa.Column("entry_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        refers("client_id", "client"),
        refers("wallet_id", "wallet"),
        refers("proof_file_id", "stored_file"),
        refers("entry_id", "journal_entry"),
        sa.UniqueConstraint("tenant_id", "reference", name="deposit_reference"),
        sa.UniqueConstraint("tenant_id", "client_id", "once_key", name="deposit_once"),
        sa.CheckConstraint(
            "status IN ('awaiting_client', 'processing', 'succeeded', 'rejected', 'cancelled')", name="deposit_status"
        ),
        sa.CheckConstraint("requested_minor > 0 AND received_minor > 0", name="deposit_amounts"),
        sa.CheckConstraint("(status = 'succeeded') = (entry_id IS NOT NULL)", name="deposit_booked"),
        sa.CheckConstraint(
            "status <> 'succeeded' OR (received_minor IS NOT NULL AND approvals_given >= approvals_needed)",
            name="deposit_approved",
        ),
        sa.CheckConstraint("status <> 'rejected' OR reason_code IS NOT NULL", name="deposit_rejected_with_reason"),
    )
    op.create_index("deposit_queue", "deposit", ["tenant_id", "status", "created_at"])
    op.create_index("deposit_of_client", "deposit", ["tenant_id", "client_id", "created_at"])
    isolate_by_tenant("deposit", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "withdrawal",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("hold_id", sa.Uuid, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("approvals_needed", sa.Integer, nullable=False),
        sa.Column("approvals_given", sa.Integer, nullable=False, server_default="0"),
        sa.Column("destination_sealed", sa.LargeBinary, nullable=False),
        sa.Column("destination_key_version", sa.Integer, nullable=False),
        sa.Column("destination_masked", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("origin_ip", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("approved_at", INSTANT),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("reason_note", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        refers("client_id", "client"),
        refers("wallet_id", "wallet"),
        refers("hold_id", "hold"),
        sa.UniqueConstraint("tenant_id", "reference", name="withdrawal_reference"),
        sa.UniqueConstraint("tenant_id", "client_id", "once_key", name="withdrawal_once"),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'paid', 'rejected', 'cancelled')", name="withdrawal_status"
        ),
        sa.CheckConstraint("amount_minor > 0", name="withdrawal_amount"),
        sa.CheckConstraint("approvals_needed BETWEEN 1 AND 2", name="withdrawal_approvals"),
        sa.CheckConstraint(
            "status NOT IN ('approved', 'paid') OR approvals_given >= approvals_needed", name="withdrawal_approved"
        ),
        sa.CheckConstraint("status <> 'rejected' OR reason_code IS NOT NULL", name="withdrawal_rejected_with_reason"),
    )
    op.create_index("withdrawal_queue", "withdrawal", ["tenant_id", "status", "created_at"])
    op.create_index("withdrawal_of_client", "withdrawal", ["tenant_id", "client_id", "created_at"])
    isolate_by_tenant("withdrawal", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "payment_attempt",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("withdrawal_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider_reference", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.Uuid),
        sa.Column("recorded_by_name", sa.Text, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        refers("withdrawal_id", "withdrawal"),
        sa.UniqueConstraint("tenant_id", "withdrawal_id", "number", name="payment_attempt_number"),
        sa.UniqueConstraint("tenant_id", "provider", "provider_reference", name="payment_attempt_reference"),
        sa.CheckConstraint("status IN ('confirmed', 'failed', 'unknown')", name="payment_attempt_status"),
    )
    isolate_by_tenant("payment_attempt", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "payment_approval",
        tenant(),
        sa.Column("object_id", sa.Uuid, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("deposit_id", sa.Uuid),
        sa.Column("withdrawal_id", sa.Uuid),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Uuid, nullable=False),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "object_id", "step"),
        refers("deposit_id", "deposit"),
        refers("withdrawal_id", "withdrawal"),
        sa.UniqueConstraint("tenant_id", "object_id", "decided_by", name="payment_approval_two_people"),
        sa.CheckConstraint("object_id IN (deposit_id, withdrawal_id)", name="payment_approval_object"),
        sa.CheckConstraint("num_nonnulls(deposit_id, withdrawal_id) = 1", name="payment_approval_one_object"),
        sa.CheckConstraint("step BETWEEN 1 AND 2", name="payment_approval_step"),
    )
    isolate_by_tenant("payment_approval", grant="SELECT, INSERT")
    op.create_table(
        "transfer",
        tenant(),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("wallet_id", sa.Uuid, nullable=False),
        sa.Column("to_wallet_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        sa.Column("operation_id", sa.Uuid),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("received_minor", sa.BigInteger),
        sa.Column("received_currency", sa.Text),
        sa.Column("rate", sa.Numeric),
        sa.Column("rate_source", sa.Text),
        sa.Column("rate_at", INSTANT),
        sa.Column("spread_share", sa.Numeric),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("entry_id", sa.Uuid),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        refers("client_id", "client"),
        refers("wallet_id", "wallet"),
        refers("to_wallet_id", "wallet"),
        refers("account_id", "trading_account"),
        refers("operation_id", "platform_operation"),
        refers("entry_id", "journal_entry"),
        sa.UniqueConstraint("tenant_id", "reference", name="transfer_reference"),
        sa.UniqueConstraint("tenant_id", "client_id", "once_key", name="transfer_once"),
        sa.CheckConstraint("kind IN ('to_account', 'from_account', 'conversion')", name="transfer_kind"),
        sa.CheckConstraint("status IN ('pending', 'completed', 'refused')", name="transfer_status"),
        sa.CheckConstraint("amount_minor > 0", name="transfer_amount"),
        sa.CheckConstraint("(kind = 'conversion') = (to_wallet_id IS NOT NULL)", name="transfer_conversion"),
        sa.CheckConstraint("(kind = 'conversion') = (account_id IS NULL)", name="transfer_account"),
        sa.CheckConstraint("spread_share >= 0 AND spread_share < 1", name="transfer_spread"),
    )
    op.create_index("transfer_of_client", "transfer", ["tenant_id", "client_id", "created_at"])
    op.create_index("transfer_operation", "transfer", ["tenant_id", "operation_id"])
    isolate_by_tenant("transfer", grant="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
