"""Commission: rules that share something else than the spread."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_21_partners"
down_revision = "20261125_20_ctrader"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("run_rule", sa.Column("kind", sa.Text, nullable=False, server_default="pct_spread"))
    op.add_column("run_rule", sa.Column("price", sa.Numeric))
    op.add_column("run_rule", sa.Column("rate", sa.Numeric))
