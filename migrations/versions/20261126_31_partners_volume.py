"""Commission: the volume that counts, caps per partner and period, and accounts and people that pay nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.migrate import isolate_by_tenant

revision = "20261126_31_partners_volume"
down_revision = "20261125_23_partners_replay"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
LOTS = sa.Numeric(20, 8)
EXACT = sa.Numeric(24, 10)
FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261126_31_partners_volume.sql"


def bulk_tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer, nullable=False)


def needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.get_bind().connection.cursor().execute(FUNCTIONS.read_text(encoding="utf-8"))
    matching()
    frozen_facts()
    sums()
    exclusions()


def matching() -> None:
    """What a rule may look at beside symbol and group, and what a trade's volume was before and after counting."""
    op.add_column("run_rule", sa.Column("more", sa.Text, nullable=False, server_default=""))
    op.add_column("run_rule", sa.Column("point", sa.Numeric))
    op.execute(
        "ALTER TABLE run_rule DROP CONSTRAINT run_rule_pkey, ADD CONSTRAINT run_rule_pkey"
        " PRIMARY KEY (tenant_id, business_date, plan_number, symbol, symbol_class, group_name, more)"
    )
    for name, kind in (("lots_paid", LOTS), ("lots_netted", LOTS), ("credit_factor", EXACT), ("average", EXACT)):
        op.add_column("settled_trade", sa.Column(name, kind))  # Empty where the plan has no use for it.


def frozen_facts() -> None:
    op.create_table(
        "run_volume",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("trade_id", sa.BigInteger),
        needed("revision", sa.Integer),
        needed("lots", sa.Numeric),
        needed("lots_netted", sa.Numeric),
        needed("lots_whole", sa.Numeric),
        needed("credit_factor", sa.Numeric),
        needed("is_whole", sa.Boolean),
        sa.Column("open_spread", sa.Numeric),
        sa.Column("commission", sa.Numeric),
        sa.Column("profit", sa.Numeric),
        sa.Column("markup_usd", sa.Numeric),
        needed("is_in_parts", sa.Boolean),
        needed("is_not_final", sa.Boolean),
        needed("is_close_by_netted", sa.Boolean),
        needed("is_equity_unknown", sa.Boolean),
        needed("is_below_zero", sa.Boolean, server_default=sa.false()),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "trade_id", "revision"),
    )
    op.create_table(
        "run_spread",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("symbol", sa.Text),
        needed("on_date", sa.Date),
        needed("average", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "symbol", "on_date"),
    )
    op.create_table(
        "run_used_cap",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("partner_id", sa.Uuid),
        needed("period", sa.Text),
        needed("begins_on", sa.Date),
        needed("written_at", INSTANT),
        needed("used", EXACT),
        sa.PrimaryKeyConstraint(
            "tenant_id", "business_date", "plan_number", "partner_id", "period", "begins_on", "written_at"
        ),
    )
    op.create_table(
        "run_pair",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("plan_number", sa.Integer),
        needed("client_id", sa.Uuid),
        needed("partner_id", sa.Uuid),
        needed("gates", ARRAY(sa.Text)),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "client_id", "partner_id"),
    )
    for table in ("run_volume", "run_spread", "run_used_cap", "run_pair"):
        op.create_foreign_key(
            f"{table}_run", table, "settlement_run", ["tenant_id", "business_date"], ["tenant_id", "business_date"]
        )
        isolate_by_tenant(table, grant="SELECT, INSERT, DELETE")
    op.execute("GRANT UPDATE (lots_netted) ON run_volume TO kontor_app")


def sums() -> None:
    """What a day brought, written once: its average spreads, and what each partner earned by the day of the trades."""
    op.create_table(
        "symbol_spread_day",
        bulk_tenant(),
        needed("symbol", sa.Text),
        needed("on_date", sa.Date),
        needed("spread_total", sa.Numeric),
        needed("samples", sa.BigInteger),
        sa.PrimaryKeyConstraint("tenant_id", "symbol", "on_date"),
    )
    isolate_by_tenant("symbol_spread_day", grant="SELECT, INSERT")
    op.create_table(
        "partner_day_sum",
        bulk_tenant(),
        needed("business_date", sa.Date),
        needed("partner_id", sa.Uuid),
        needed("on_date", sa.Date),
        needed("amount", EXACT),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "partner_id", "on_date"),
    )
    isolate_by_tenant("partner_day_sum", grant="SELECT, INSERT")


def exclusions() -> None:
    op.create_table(
        "account_exclusion",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        needed("id", sa.Uuid),
        needed("account_id", sa.Uuid),
        needed("valid_from", INSTANT),
        needed("valid_to", INSTANT),
        needed("reason", sa.Text),
        needed("actor_name", sa.Text),
        needed("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
        sa.CheckConstraint("valid_from <= valid_to", name="account_exclusion_forward"),
    )
    op.execute(
        "ALTER TABLE account_exclusion ADD CONSTRAINT account_exclusion_once EXCLUDE USING gist"
        " (tenant_id WITH =, account_id WITH =, tstzrange(valid_from, valid_to) WITH &&)"
    )
    isolate_by_tenant("account_exclusion", grant="SELECT, INSERT, UPDATE (valid_to)")
    op.create_table(
        "same_person",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        needed("client_id", sa.Uuid),
        needed("person_id", sa.Uuid),
        needed("reason", sa.Text),
        needed("actor_name", sa.Text),
        needed("created_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "client_id"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
    )
    op.create_index("same_person_of", "same_person", ["tenant_id", "person_id"])
    isolate_by_tenant("same_person")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
