"""Trading: money that no operation explains, and where it was booked."""

from __future__ import annotations

from alembic import op

revision = "20261125_15_money"
down_revision = "20261125_14_sync"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
