"""Trading: taking in many deals at once."""

from __future__ import annotations

from alembic import op

revision = "20261125_16_intake"
down_revision = "20261125_15_money"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
