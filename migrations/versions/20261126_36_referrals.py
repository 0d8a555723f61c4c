"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_36_referrals"
down_revision = "20261126_35_settlement"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
