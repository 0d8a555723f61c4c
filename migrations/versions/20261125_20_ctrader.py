"""Trading: platforms of the kind cTrader."""

from __future__ import annotations

from alembic import op

revision = "20261125_20_ctrader"
down_revision = "20261125_19_go_live"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("ALTER TABLE trading_platform DROP CONSTRAINT trading_platform_kind")
    # Every row is of a kind that stood in the old check, so the new one need not read them under the lock.
    op.execute(
        "ALTER TABLE trading_platform ADD CONSTRAINT trading_platform_kind CHECK (kind IN ('mt5', 'ctrader')) NOT VALID"
    )
    op.execute("ALTER TABLE trading_platform VALIDATE CONSTRAINT trading_platform_kind")
