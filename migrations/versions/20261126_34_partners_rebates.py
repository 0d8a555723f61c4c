"""Commission: what partners share with clients and sub-partners, cashback from the broker, and tokens for own data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261126_34_partners_rebates"
down_revision = "20261126_33_partners_awards"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)
NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    agreements()
    shares()
    cashback()
    tokens()


def agreements() -> None:
    op.create_table(
        "share_agreement",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("giver_id", sa.Uuid, nullable=False),
        sa.Column("receiver_id", sa.Uuid),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("share", sa.Numeric, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("valid_from", INSTANT),
        sa.Column("valid_to", INSTANT, nullable=False),
        sa.Column("asked_by", sa.Uuid),
        sa.Column("asked_by_name", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("decided_by_name", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "giver_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "receiver_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "request_id", name="share_agreement_request"),
        sa.CheckConstraint("kind IN ('rebate', 'give', 'take')", name="share_agreement_kind"),
        sa.CheckConstraint("kind = 'rebate' OR receiver_id IS NOT NULL", name="share_agreement_receiver"),
        sa.CheckConstraint("giver_id <> receiver_id", name="share_agreement_two_people"),
        sa.CheckConstraint("track IN ('', 'god', 'referral')", name="share_agreement_track"),
        sa.CheckConstraint("share >= 0 AND share <= 1", name="share_agreement_share"),
        sa.CheckConstraint("status IN ('waiting', 'agreed', 'refused', 'withdrawn')", name="share_agreement_status"),
        sa.CheckConstraint("(status = 'agreed') = (valid_from IS NOT NULL)", name="share_agreement_dated"),
    )
    # One share at any instant between the same two, of the same kind and track; one wish that waits.
    op.execute(
        "ALTER TABLE share_agreement ADD CONSTRAINT share_agreement_one_share EXCLUDE USING gist"
        f" (tenant_id WITH =, kind WITH =, giver_id WITH =, coalesce(receiver_id, {NOBODY}) WITH =, track WITH =,"
        " tstzrange(valid_from, valid_to) WITH &&) WHERE (status = 'agreed')"
    )
    op.execute(
        "CREATE UNIQUE INDEX share_agreement_one_wish ON share_agreement"
        f" (tenant_id, kind, giver_id, coalesce(receiver_id, {NOBODY}), track) WHERE status = 'waiting'"
    )
    op.create_index("share_agreement_giver", "share_agreement", ["tenant_id", "giver_id"])
    op.create_index("share_agreement_receiver", "share_agreement", ["tenant_id", "receiver_id"])
    # What was agreed stays what it was: only its end moves, and a wish is decided once.
    isolate_by_tenant(
        "share_agreement",
        grant="SELECT, INSERT, UPDATE (status, valid_from, valid_to, decided_by_name, decided_at, reason)",
    )


def shares() -> None:
    op.create_table(
        "commission_share",
        sa.Column("tenant_id", sa.Integer, nullable=False),
        sa.Column("giver_id", sa.Uuid, nullable=False),
        sa.Column("trade_id", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("receiver_id", sa.Uuid, nullable=False),
        sa.Column("received_track", sa.Text, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("distance", sa.Integer, nullable=False),
        sa.Column("share", sa.Numeric, nullable=False),
        sa.Column("line_amount", EXACT, nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "giver_id", "trade_id", "revision", "track", "kind", "component"),
        sa.CheckConstraint("component IN ('base', 'reversal')", name="commission_share_component"),
        sa.CheckConstraint("received_track IN ('rebate', 'share')", name="commission_share_received"),
        sa.CheckConstraint("giver_id <> receiver_id", name="commission_share_two_people"),
    )
    op.create_index("commission_share_receiver", "commission_share", ["tenant_id", "receiver_id", "trade_id"])
    op.create_index("commission_share_giver", "commission_share", ["tenant_id", "giver_id", "business_date"])
    op.execute("CREATE INDEX commission_share_day ON commission_share USING brin (tenant_id, business_date)")
    isolate_by_tenant("commission_share", grant="SELECT, INSERT")


def cashback() -> None:
    op.create_table(
        "run_cashback",
        sa.Column("tenant_id", sa.Integer, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("plan_number", sa.Integer, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("symbol_class", sa.Text, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("rule", sa.Integer, nullable=False),
        sa.Column("per_lot", sa.Numeric, nullable=False),
        sa.Column("max_per_event", sa.Numeric),
        sa.PrimaryKeyConstraint("tenant_id", "business_date", "plan_number", "symbol", "symbol_class", "group_name"),
    )
    isolate_by_tenant("run_cashback", grant="SELECT, INSERT, DELETE")


def tokens() -> None:
    op.create_table(
        "api_token",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT),
        sa.Column("withdrawn_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        sa.UniqueConstraint("tenant_id", "secret_hash", name="api_token_secret"),
    )
    op.create_index("api_token_client", "api_token", ["tenant_id", "client_id"])
    isolate_by_tenant("api_token", grant="SELECT, INSERT, UPDATE (last_used_at, withdrawn_at)")
