"""Commission: named links of partners, clicks and registrations that came by them, banners, the day so far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261126_37_partners_portal"
down_revision = "20261126_36_referrals"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
EXACT = sa.Numeric(24, 10)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "campaign_link",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("medium", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "code", name="campaign_link_code"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "code"], ["referral_code.tenant_id", "referral_code.code"]),
        sa.CheckConstraint("name <> ''", name="campaign_link_named"),
    )
    op.create_index("campaign_link_partner", "campaign_link", ["tenant_id", "partner_id", "created_at"])
    isolate_by_tenant(
        "campaign_link", grant="SELECT, INSERT, UPDATE (name, target, source, medium, campaign, closed_at)"
    )
    op.create_table(
        "link_click",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("link_id", sa.Uuid),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("clicked_at", INSTANT, nullable=False),
        sa.Column("visitor", sa.Text, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "link_id"], ["campaign_link.tenant_id", "campaign_link.id"]),
        sa.CheckConstraint("device IN ('phone', 'tablet', 'computer')", name="link_click_device"),
    )
    op.create_index("link_click_partner", "link_click", ["tenant_id", "partner_id", "business_date"])
    op.create_index("link_click_day", "link_click", ["tenant_id", "business_date"])
    isolate_by_tenant("link_click", grant="SELECT, INSERT, DELETE")
    op.create_table(
        "link_registration",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("link_id", sa.Uuid),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "client_id"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "link_id"], ["campaign_link.tenant_id", "campaign_link.id"]),
    )
    op.create_index("link_registration_partner", "link_registration", ["tenant_id", "partner_id", "business_date"])
    op.create_index("link_registration_day", "link_registration", ["tenant_id", "business_date"])
    isolate_by_tenant("link_registration", grant="SELECT, INSERT")
    op.create_table(
        "partner_banner",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("file_id", sa.Uuid, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("withdrawn_at", INSTANT),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        sa.CheckConstraint("width > 0 AND height > 0", name="partner_banner_size"),
    )
    isolate_by_tenant("partner_banner", grant="SELECT, INSERT, UPDATE (withdrawn_at)")
    op.create_table(
        "day_so_far",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("plan_number", sa.Integer, nullable=False),
        sa.Column("batch_no", sa.BigInteger, nullable=False),
        sa.Column("trades", sa.BigInteger, nullable=False),
        sa.Column("computed_at", INSTANT, nullable=False),
        sa.Column("seconds", sa.Numeric, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    isolate_by_tenant("day_so_far", grant="SELECT, INSERT, UPDATE")
    op.create_table(
        "earned_so_far",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("partner_id", sa.Uuid, nullable=False),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("trades", sa.BigInteger, nullable=False),
        sa.Column("lots", EXACT, nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "partner_id", "track", "currency"),
        sa.ForeignKeyConstraint(["tenant_id", "partner_id"], ["client.tenant_id", "client.id"]),
    )
    isolate_by_tenant("earned_so_far", grant="SELECT, INSERT, UPDATE, DELETE")
