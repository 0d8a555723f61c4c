"""Payouts of commission with their approvals, early releases, a run's signature, holds that wait too long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.migrate import isolate_by_tenant

revision = "20261126_35_settlement"
down_revision = "20261126_34_partners_rebates"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    quotients()
    payouts()
    early_releases()
    runs()
    currencies()
    pool()
    trials()
    for table in ("commission_hold", "commission_award_hold"):
        op.add_column(table, sa.Column("escalated_on", sa.Date))
    op.add_column("trade_verdict", sa.Column("decided_by_id", sa.Uuid))


def runs() -> None:
    """When a run took each step, who let it begin without all deals, and who has looked it through."""
    for name, kind in (("signed_by", sa.Uuid), ("signed_by_name", sa.Text), ("signed_at", INSTANT)):
        op.add_column("settlement_run", sa.Column(name, kind))
    op.add_column("settlement_run", sa.Column("signed_note", sa.Text, nullable=False, server_default=""))
    op.add_column("settlement_run", sa.Column("override_by_id", sa.Uuid))
    op.add_column(
        "settlement_run", sa.Column("step_times", postgresql.JSONB, nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column(
        "settlement_run", sa.Column("missing", postgresql.JSONB, nullable=False, server_default=sa.text("'[]'"))
    )
    op.create_check_constraint(
        "settlement_run_signed", "settlement_run", "signed_at IS NULL OR (step = 'proved' AND signed_by IS NOT NULL)"
    )
    op.create_check_constraint(
        "settlement_run_two_people", "settlement_run", "signed_by IS NULL OR signed_by IS DISTINCT FROM override_by_id"
    )


def currencies() -> None:
    """Partners who are paid in a currency other than the plan's, and at what rate a run did so."""
    op.create_table(
        "commission_currency",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("chosen_at", INSTANT, nullable=False),
        sa.Column("chosen_by", sa.Uuid),
        sa.Column("chosen_by_name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
    )
    isolate_by_tenant("commission_currency", grant="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "run_wallet",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("multiply", sa.Numeric, nullable=False),
        sa.Column("divide", sa.Numeric, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("quoted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "partner_id"),
    )
    isolate_by_tenant("run_wallet", grant="SELECT, INSERT, DELETE")
    op.add_column("commission_batch", sa.Column("converted", sa.Numeric(24, 10)))
    for name, kind in (
        ("multiply", sa.Numeric), ("divide", sa.Numeric), ("rate_source", sa.Text), ("rate_at", INSTANT)
    ):  # fmt: skip
        op.add_column("commission_batch", sa.Column(name, kind))
    op.add_column("commission_statement", sa.Column("converted", sa.Numeric(24, 10)))


def pool() -> None:
    """What of the brand's pool of released commission is whose."""
    op.create_table(
        "commission_pool",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "currency"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.CheckConstraint("balance_minor >= 0", name="commission_pool_floor"),
    )
    isolate_by_tenant("commission_pool", grant="SELECT, INSERT, UPDATE")


def trials() -> None:
    op.create_table(
        "settlement_trial",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("result", postgresql.JSONB, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Uuid),
        sa.Column("asked_by_name", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed')", name="settlement_trial_state"),
    )
    op.create_index("settlement_trial_asked", "settlement_trial", ["tenant_id", "asked_at"])
    isolate_by_tenant("settlement_trial", grant="SELECT, INSERT, UPDATE")


def quotients() -> None:
    """Most divisors are one: amounts in the plan's own currency. The planner writes that case into the statement."""
    op.execute("ALTER FUNCTION divide_even(numeric, numeric, int) RENAME TO divide_even_by")
    op.execute(
        """
        CREATE FUNCTION divide_even(dividend numeric, divisor numeric, places int) RETURNS numeric
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
          SELECT CASE
            WHEN divisor = 1 THEN round_even(dividend, places)
            ELSE divide_even_by(dividend, divisor, places)
          END
        $$
        """
    )


def payouts() -> None:
    op.create_table(
        "commission_payout",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_automatic", sa.Boolean, nullable=False),
        sa.Column("approvals_needed", sa.Integer, nullable=False),
        sa.Column("approvals_given", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("destination_sealed", sa.LargeBinary),
        sa.Column("destination_key_version", sa.Integer),
        sa.Column("destination_masked", sa.Text, nullable=False),
        sa.Column("hold_id", sa.Uuid),
        sa.Column("entry_id", sa.Uuid),
        sa.Column("withdrawal_id", sa.Uuid),
        sa.Column("transfer_id", sa.Uuid),
        sa.Column("stopped_by", sa.Text, nullable=False),
        sa.Column("once_key", sa.Text, nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "reference", name="commission_payout_reference"),
        sa.UniqueConstraint("tenant_id", "partner_id", "once_key", name="commission_payout_once"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "hold_id"], ["hold.tenant_id", "hold.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "withdrawal_id"], ["withdrawal.tenant_id", "withdrawal.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "transfer_id"], ["transfer.tenant_id", "transfer.id"]),
        sa.CheckConstraint("method IN ('wallet', 'account', 'bank')", name="commission_payout_method"),
        sa.CheckConstraint("status IN ('waiting', 'paid', 'rejected', 'cancelled')", name="commission_payout_status"),
        sa.CheckConstraint("amount_minor > 0", name="commission_payout_positive"),
        sa.CheckConstraint(
            "status <> 'paid' OR approvals_given >= approvals_needed", name="commission_payout_approved"
        ),
    )
    op.create_index("commission_payout_status", "commission_payout", ["tenant_id", "status", "requested_at"])
    op.create_index("commission_payout_partner", "commission_payout", ["tenant_id", "partner_id", "requested_at"])
    isolate_by_tenant("commission_payout", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "commission_payout_approval",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("payout_id", sa.Uuid, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("decided_by", sa.Uuid, nullable=False),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "payout_id", "step"),
        sa.UniqueConstraint("tenant_id", "payout_id", "decided_by", name="commission_payout_two_people"),
        sa.ForeignKeyConstraint(["tenant_id", "payout_id"], ["commission_payout.tenant_id", "commission_payout.id"]),
    )
    isolate_by_tenant("commission_payout_approval", grant="SELECT, INSERT")


def early_releases() -> None:
    op.create_table(
        "early_release",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Uuid, nullable=False),
        sa.Column("asked_by_name", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.CheckConstraint("status IN ('waiting', 'approved', 'refused')", name="early_release_status"),
        sa.CheckConstraint("(status = 'waiting') = (decided_by IS NULL)", name="early_release_decided"),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> asked_by", name="early_release_two_people"),
    )
    op.create_index(
        "early_release_waiting",
        "early_release",
        ["tenant_id", "partner_id", "business_date"],
        unique=True,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    isolate_by_tenant("early_release", grant="SELECT, INSERT, UPDATE")
