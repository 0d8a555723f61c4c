"""Commission that no single closed trade gives: awards, what they are computed from, and taking commission back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261126_33_partners_awards"
down_revision = "20261126_32_partners_ranks"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)
TEXTS = ARRAY(sa.Text)


def tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    awards()
    sources()
    costs()
    clawbacks()


def awards() -> None:
    op.create_table(
        "commission_award",
        needed("tenant_id", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("kind", sa.Text),
        needed("source_key", sa.Text),
        needed("component", sa.Text),
        needed("business_date", sa.Date),
        needed("track", sa.Text),
        sa.Column("client_id", sa.Uuid),
        needed("level", sa.Integer),
        needed("plan_number", sa.Integer),
        sa.Column("rate", sa.Numeric),
        needed("base", EXACT),
        needed("amount", EXACT),
        needed("reason_text", sa.Text),
        needed("detail", JSONB),
        needed("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "kind", "source_key", "component"),
        sa.CheckConstraint("component IN ('base', 'reversal')", name="commission_award_component"),
        sa.CheckConstraint("track IN ('referral', 'god', 'award')", name="commission_award_track"),
        sa.CheckConstraint(
            "kind IN ('cpa', 'pct_deposit', 'revenue_share', 'true_up', 'override', 'correction', 'cashback')",
            name="commission_award_kind",
        ),
        sa.CheckConstraint("amount <> 0", name="commission_award_amount"),
    )
    op.create_index("commission_award_day", "commission_award", ["tenant_id", "business_date"])
    op.create_index("commission_award_client", "commission_award", ["tenant_id", "client_id", "kind"])
    isolate_by_tenant("commission_award", grant="SELECT, INSERT")
    op.create_table(
        "commission_award_hold",
        needed("tenant_id", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("kind", sa.Text),
        needed("source_key", sa.Text),
        needed("gates", TEXTS),
        needed("held_on", sa.Date),
        needed("expires_on", sa.Date),
        sa.Column("outcome", sa.Text),
        sa.Column("decided_on", sa.Date),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "kind", "source_key"),
        sa.CheckConstraint("outcome IN ('cleared', 'rejected')", name="commission_award_hold_outcome"),
        sa.CheckConstraint("(outcome IS NULL) = (decided_on IS NULL)", name="commission_award_hold_decided"),
    )
    op.create_index("commission_award_hold_day", "commission_award_hold", ["tenant_id", "held_on"])
    op.create_index("commission_award_hold_decided_on", "commission_award_hold", ["tenant_id", "decided_on"])
    isolate_by_tenant("commission_award_hold", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "award_reason",
        tenant(),
        needed("partner_id", sa.Uuid),
        needed("client_id", sa.Uuid),
        needed("kind", sa.Text),
        needed("rule", sa.Text),
        needed("business_date", sa.Date),
        needed("reason", sa.Text),
        needed("gates", TEXTS),
        needed("level", sa.Integer),
        needed("detail", JSONB),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "client_id", "kind", "rule", "business_date"),
    )
    op.create_index("award_reason_day", "award_reason", ["tenant_id", "business_date"])
    op.create_index("award_reason_client", "award_reason", ["tenant_id", "client_id"])
    isolate_by_tenant("award_reason", grant="SELECT, INSERT")


def sources() -> None:
    """What a run has seen of deposits, withdrawals and trades of a client. A day's rows never change afterwards."""
    op.create_table(
        "award_run",
        tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("awards", sa.BigInteger),
        needed("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "business_date"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "business_date"], ["settlement_run.tenant_id", "settlement_run.business_date"]
        ),
    )
    isolate_by_tenant("award_run", grant="SELECT, INSERT")
    op.create_table(
        "award_money",
        tenant(),
        needed("source", sa.Text),
        needed("source_id", sa.Uuid),
        needed("plan_currency", sa.Text),
        needed("client_id", sa.Uuid),
        needed("business_date", sa.Date),
        needed("at", INSTANT),
        needed("minor", sa.BigInteger),
        needed("currency", sa.Text),
        needed("multiply", sa.Numeric),
        needed("divide", sa.Numeric),
        needed("rate_source", sa.Text),
        needed("rate_at", INSTANT),
        needed("amount", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "source", "source_id", "plan_currency"),
        sa.CheckConstraint("source IN ('deposit', 'withdrawal', 'chargeback')", name="award_money_source"),
    )
    op.create_index("award_money_client", "award_money", ["tenant_id", "client_id", "at"])
    op.create_index("award_money_day", "award_money", ["tenant_id", "business_date"])
    isolate_by_tenant("award_money", grant="SELECT, INSERT")
    op.create_table(
        "award_volume",
        tenant(),
        needed("client_id", sa.Uuid),
        needed("business_date", sa.Date),
        needed("trades", sa.BigInteger),
        needed("lots", EXACT),
        needed("lots_total", EXACT),
        needed("revenue", EXACT),
        needed("last_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "business_date"),
    )
    op.create_index("award_volume_day", "award_volume", ["tenant_id", "business_date"])
    isolate_by_tenant("award_volume", grant="SELECT, INSERT")
    op.create_table(
        "award_correction",
        tenant(),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("business_date", sa.Date),
        sa.PrimaryKeyConstraint("tenant_id", "trade_id", "revision"),
    )
    isolate_by_tenant("award_correction", grant="SELECT, INSERT")
    op.create_table(
        "award_step",
        tenant(),
        needed("client_id", sa.Uuid),
        needed("rule", sa.Text),
        needed("source_key", sa.Text),
        needed("business_date", sa.Date),
        needed("path_at", INSTANT),
        sa.Column("window_to", INSTANT),
        needed("amount", EXACT),
        needed("gates", TEXTS),
        needed("detail", JSONB),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", "rule", "source_key"),
    )
    op.create_index("award_step_day", "award_step", ["tenant_id", "business_date"])
    isolate_by_tenant("award_step", grant="SELECT, INSERT")


def costs() -> None:
    op.create_table(
        "award_cost",
        tenant(),
        needed("partner_id", sa.Uuid),
        needed("period_start", sa.Date),
        needed("swap_markup", EXACT),
        needed("bonus_cost", EXACT),
        needed("psp_cost", EXACT),
        needed("chargebacks", EXACT),
        needed("entered_by", sa.Text),
        needed("entered_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "period_start"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
    )
    isolate_by_tenant("award_cost", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "award_period",
        tenant(),
        needed("partner_id", sa.Uuid),
        needed("rule", sa.Text),
        needed("period_start", sa.Date),
        needed("business_date", sa.Date),
        needed("revenue", EXACT),
        needed("swap_markup", EXACT),
        needed("bonus_cost", EXACT),
        needed("psp_cost", EXACT),
        needed("chargebacks", EXACT),
        needed("carry_in", EXACT),
        needed("net", EXACT),
        needed("carry_out", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "rule", "period_start"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
    )
    op.create_index("award_period_day", "award_period", ["tenant_id", "business_date"])
    isolate_by_tenant("award_period", grant="SELECT, INSERT")


def clawbacks() -> None:
    op.create_table(
        "clawback",
        tenant(),
        needed("id", sa.Uuid),
        needed("client_id", sa.Uuid),
        needed("trigger", sa.Text),
        sa.Column("deposit_id", sa.Uuid),
        needed("since", sa.Date),
        needed("reason", sa.Text),
        needed("status", sa.Text),
        needed("requested_by", sa.Uuid),
        needed("requested_by_name", sa.Text),
        needed("requested_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_by_name", sa.Text),
        sa.Column("decided_at", INSTANT),
        sa.Column("applied_on", sa.Date),
        needed("lines", sa.BigInteger, server_default="0"),
        needed("amount", EXACT, server_default="0"),
        needed("once_key", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "once_key", name="clawback_once"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "deposit_id"], ["deposit.tenant_id", "deposit.id"]),
        sa.CheckConstraint(
            "trigger IN ('chargeback', 'fraud', 'wrong_attribution', 'wrong_plan')", name="clawback_trigger"
        ),
        sa.CheckConstraint("status IN ('requested', 'approved', 'declined', 'applied')", name="clawback_status"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="clawback_two_people"),
        sa.CheckConstraint("(status = 'requested') = (decided_at IS NULL)", name="clawback_decided"),
        sa.CheckConstraint("(status = 'applied') = (applied_on IS NOT NULL)", name="clawback_applied"),
    )
    op.create_index("clawback_of_client", "clawback", ["tenant_id", "client_id"])
    op.create_index("clawback_waiting", "clawback", ["tenant_id", "status"])
    isolate_by_tenant("clawback", grant="SELECT, INSERT, UPDATE")
