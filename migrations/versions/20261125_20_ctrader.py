"""Trading: what cTrader knows and MetaTrader does not."""

from __future__ import annotations

from alembic import op

revision = "20261125_20_ctrader"
down_revision = "20261125_19_go_live"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
