"""Deals: what a closing deal of a platform says about its own opening, markup, and the balance it left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_11_deals"
down_revision = "20261124_10_partners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("deal", sa.Column("entry_price", sa.Numeric))
    op.add_column("deal", sa.Column("opened_server_msc", sa.BigInteger))
    op.add_column("deal", sa.Column("opened_at", sa.DateTime(timezone=True)))
    op.add_column("deal", sa.Column("markup_usd", sa.Numeric))
    op.add_column("deal", sa.Column("balance_after", sa.Numeric))
    op.add_column("deal", sa.Column("balance_version", sa.BigInteger))
    op.add_column("deal", sa.Column("is_copied", sa.Boolean, nullable=False, server_default="false"))
    op.add_column("deal", sa.Column("is_sign_unverified", sa.Boolean, nullable=False, server_default="false"))
    op.add_column("closed_trade", sa.Column("markup_usd", sa.Numeric))
    op.add_column("closed_trade", sa.Column("is_copied", sa.Boolean, nullable=False, server_default="false"))
