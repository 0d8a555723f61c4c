"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_37_partners_portal"
down_revision = "20261126_36_referrals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
