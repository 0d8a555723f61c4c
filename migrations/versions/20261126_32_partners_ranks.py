"""Commission: ranks over time, rates of a partner's own, and how many lots a partner's month stands at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.migrate import isolate_by_tenant

revision = "20261126_32_partners_ranks"
down_revision = "20261126_31_partners_volume"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)
FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261126_32_partners_ranks.sql"


def needed(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)


def tenant() -> sa.Column[Any]:
    return sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.get_bind().connection.cursor().execute(FUNCTIONS.read_text(encoding="utf-8"))
    history()
    frozen_facts()
    volumes()


def history() -> None:
    op.create_table(
        "partner_rank",
        tenant(),
        needed("id", sa.Uuid),
        needed("partner_id", sa.Uuid),
        needed("rank", sa.Text),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("origin", sa.Text),
        needed("is_pinned", sa.Boolean),
        needed("measured", JSONB),
        needed("reason", sa.Text),
        needed("actor_kind", sa.Text),
        sa.Column("actor_id", sa.Uuid),
        needed("actor_name", sa.Text),
        needed("request_id", sa.Text),
        needed("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "request_id", name="partner_rank_request"),
        sa.CheckConstraint("origin IN ('measured', 'hand')", name="partner_rank_origin"),
        sa.CheckConstraint("valid_from <= valid_to", name="partner_rank_forward"),
    )
    op.execute(
        "ALTER TABLE partner_rank ADD CONSTRAINT partner_rank_one EXCLUDE USING gist"
        " (tenant_id WITH =, partner_id WITH =, tstzrange(valid_from, valid_to) WITH &&)"
    )
    isolate_by_tenant("partner_rank", grant="SELECT, INSERT, UPDATE (valid_to)")
    op.create_table(
        "rank_assessment",
        tenant(),
        needed("effective_from", INSTANT),
        needed("measured_from", INSTANT),
        needed("plan_number", sa.Integer),
        needed("partners", sa.BigInteger),
        needed("raised", sa.BigInteger),
        needed("lowered", sa.BigInteger),
        needed("made_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "effective_from"),
    )
    isolate_by_tenant("rank_assessment", grant="SELECT, INSERT")
    op.create_table(
        "partner_rate",
        tenant(),
        needed("id", sa.Uuid),
        needed("partner_id", sa.Uuid),
        needed("track", sa.Text),
        needed("rule", sa.Text),
        needed("level", sa.Integer),
        needed("unit", sa.Text),
        needed("amount", EXACT),
        needed("status", sa.Text),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("reason", sa.Text),
        sa.Column("asked_by", sa.Uuid),
        needed("asked_by_name", sa.Text),
        needed("asked_at", INSTANT),
        sa.Column("decided_by", sa.Uuid),
        needed("decided_by_name", sa.Text, server_default=""),
        sa.Column("decided_at", INSTANT),
        needed("end_reason", sa.Text, server_default=""),
        needed("request_id", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "request_id", name="partner_rate_request"),
        sa.CheckConstraint("track IN ('referral', 'god')", name="partner_rate_track"),
        sa.CheckConstraint("unit IN ('share', 'per_lot')", name="partner_rate_unit"),
        sa.CheckConstraint("status IN ('waiting', 'given', 'refused')", name="partner_rate_status"),
        sa.CheckConstraint("(unit = 'share') = (level > 0)", name="partner_rate_level"),
        sa.CheckConstraint("amount >= 0", name="partner_rate_amount"),
        sa.CheckConstraint("valid_from <= valid_to", name="partner_rate_forward"),
        sa.CheckConstraint(
            "decided_by IS NULL OR asked_by IS NULL OR decided_by <> asked_by", name="partner_rate_two_people"
        ),
    )
    op.execute(
        "ALTER TABLE partner_rate ADD CONSTRAINT partner_rate_one EXCLUDE USING gist"
        " (tenant_id WITH =, partner_id WITH =, track WITH =, rule WITH =, level WITH =, unit WITH =,"
        " tstzrange(valid_from, valid_to) WITH &&) WHERE (status = 'given')"
    )
    isolate_by_tenant(
        "partner_rate",
        grant="SELECT, INSERT,"
        " UPDATE (status, valid_from, valid_to, decided_by, decided_by_name, decided_at, end_reason)",
    )


def frozen_facts() -> None:
    """What a run was told of ranks and own rates when it started."""
    op.create_table(
        "run_own_term",
        needed("tenant_id", sa.Integer),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("track", sa.Text),
        needed("rule", sa.SmallInteger),
        needed("level", sa.Integer),
        needed("rank", sa.Text),
        sa.Column("share", sa.Numeric),
        sa.Column("shares", ARRAY(sa.Numeric)),
        sa.Column("rate", sa.Numeric),
        needed("weight", sa.Numeric),
        needed("takes_per_lot", sa.Boolean),
        sa.Column("max_per_event", sa.Numeric),
        sa.Column("tier_method", sa.Text),
        sa.Column("tier_upto", ARRAY(sa.Numeric)),
        sa.Column("tier_rates", ARRAY(sa.Numeric)),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "track", "rule", "level", "rank"),
    )
    op.create_table(
        "run_rank",
        needed("tenant_id", sa.Integer),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("rank", sa.Text),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "partner_id", "valid_from"),
    )
    op.create_table(
        "run_rate",
        needed("tenant_id", sa.Integer),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("track", sa.Text),
        needed("rule", sa.SmallInteger),
        needed("level", sa.Integer),
        needed("unit", sa.Text),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("amount", sa.Numeric),
        sa.PrimaryKeyConstraint(
            "tenant_id", "business_date", "plan_number", "partner_id", "track", "rule", "level", "unit", "valid_from"
        ),
    )
    for table in ("run_own_term", "run_rank", "run_rate"):
        op.create_foreign_key(
            f"{table}_run",
            table,
            "settlement_run",
            ["tenant_id", "business_date"],
            ["tenant_id", "business_date"],
        )
        isolate_by_tenant(table, grant="SELECT, INSERT, DELETE")

    op.execute("GRANT UPDATE (partner_gates) ON run_gate TO kontor_app")  # Whom the programme does not pay yet.


def volumes() -> None:
    """Lots that count for a partner's tiers: by month of the closing, and by the run that counted them."""
    op.create_table(
        "commission_volume",
        needed("tenant_id", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("track", sa.Text),
        needed("month", sa.Date),
        needed("business_date", sa.Date),
        needed("lots", sa.Numeric),
        needed("lots_back", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "track", "month", "business_date"),
    )
    op.create_index("commission_volume_month", "commission_volume", ["tenant_id", "month"])
    isolate_by_tenant("commission_volume", grant="SELECT, INSERT, UPDATE (lots, lots_back)")
